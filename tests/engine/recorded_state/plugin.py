"""The program of the plugin whose state is recorded in plugin.json."""

import json
from pathlib import Path
from typing import Any

import pulumi


class Customer(pulumi.CustomResource):
    customerId: pulumi.Output[str]  # noqa: N815 - the key of the state
    ingestIp: pulumi.Output[str]  # noqa: N815

    def __init__(self, name: str, fields: dict[str, Any]) -> None:
        super().__init__("fusion:index:Customer", name, {"customerId": None, "ingestIp": None, **fields})


for name, fields in json.loads(Path("customers.json").read_text()).items():
    # A secret input is encrypted in the state.
    customer = Customer(name, {**fields, "email": pulumi.Output.secret(fields["email"])})
    pulumi.export(name, {"id": customer.customerId, "address": customer.ingestIp})
