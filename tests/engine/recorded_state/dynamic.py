"""The program of the dynamic provider whose state is recorded in dynamic.json."""

import json
from pathlib import Path

import pulumi

from pulumi_fusion import Customer

for name, fields in json.loads(Path("customers.json").read_text()).items():
    # A secret input is encrypted in the state.
    customer = Customer(name, **{**fields, "email": pulumi.Output.secret(fields["email"])})
    pulumi.export(name, {"id": customer.customer_id, "address": customer.ingest_ip, "port": customer.ingest_port})
