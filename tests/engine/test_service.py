"""Readings of the service that differ from the likely one, through the real Pulumi CLI and in both frontends."""

from __future__ import annotations

import json
import unicodedata
from pathlib import Path
from typing import Any

import pytest

from fusion_emulator import Emulator
from tests.engine.stack import PLUGIN_PROGRAM, Stack, a_customer, in_schema, mutations

FRONTENDS = ["dynamic", "plugin"]


@pytest.fixture(params=FRONTENDS)
def either(request: pytest.FixtureRequest, tmp_path: Path, emulator: Emulator) -> Stack:
    """A stack of either frontend; customers are declared by the names of Python."""
    environ = {"NETOSECRET": emulator.netosecret, "FUSION_API_URL": emulator.url}
    if request.param == "dynamic":
        return Stack(tmp_path, environ)
    return _InSchema(tmp_path, environ, program=PLUGIN_PROGRAM, kind="fusion:index:Customer")


class _InSchema(Stack):
    def declare(self, customers: Any) -> None:
        super().declare({name: in_schema(fields) for name, fields in customers.items()})


def test_a_service_that_normalizes_texts_causes_no_difference(either: Stack, emulator: Emulator) -> None:
    emulator.switch(record="extended", texts="NFC")
    name = unicodedata.normalize("NFD", "Caf\u00e9\u00a0de  Flore")
    either.declare({"acme": a_customer("acme-corp", organization=name)})
    either.up().ok()
    assert emulator.record("acme-corp")["organization"] == "Caf\u00e9 de Flore"
    either.require_no_changes()
    assert either.state()["acme"]["outputs"]["organization"] == name
    either.declare({"acme": a_customer("acme-corp", organization=name, data_retention=45)})
    assert "does not show it yet" not in either.up().ok().text
    either.require_no_changes()
    assert mutations(emulator.requests) == ["POST /api/v1/customer", "PUT /api/v1/customer/acme-corp"]


def test_an_address_that_is_assigned_late_is_filled_by_the_next_up(either: Stack, emulator: Emulator) -> None:
    emulator.faults.add("* /customer* missing-fields=ingest_ip,ingest_port")
    either.declare({"acme": a_customer("acme-corp")})
    assert "has not assigned its ingest address yet" in " ".join(either.up().ok().text.split())
    either.require_no_changes()
    emulator.faults.clear()
    either.up().ok()
    assert either.state()["acme"]["outputs"]["ingestIp"] == emulator.record("acme-corp")["ingest_ip"]
    shown = json.loads(either.pulumi("stack", "output", "acme", "--json").ok().stdout)
    assert shown["address"] == emulator.record("acme-corp")["ingest_ip"]
    either.require_no_changes()
    assert mutations(emulator.requests) == ["POST /api/v1/customer"]


RESELLER_PROGRAM = """
import pulumi

class Customer(pulumi.CustomResource):
    def __init__(self, name, fields, opts=None):
        super().__init__("fusion:index:Customer", name, {"customerId": None, **fields}, opts)

declared = json.load(open("customers.json"))
reseller = Customer("reseller", declared.pop("reseller"))

class Provider(pulumi.ProviderResource):
    shortname: pulumi.Output[str]

inside = Provider("fusion", "inside", {"account": reseller.id})
for name, fields in declared.items():
    Customer(name, fields, pulumi.ResourceOptions(provider=inside))
"""


def test_a_reseller_and_its_customers_are_deleted_while_their_count_lags(tmp_path: Path, emulator: Emulator) -> None:
    """The engine gives each provider a process of its own, so this one did not see the customers go."""
    environ = {"NETOSECRET": emulator.netosecret, "FUSION_API_URL": emulator.url}
    program = f"import json{RESELLER_PROGRAM}"
    stack = _InSchema(tmp_path, environ, program=program, kind="fusion:index:Customer")
    reseller = {"reseller": a_customer("north-mssp", type="MSSP")}
    stack.declare({**reseller, "first": a_customer("first-corp"), "second": a_customer("second-corp")})
    stack.up().ok()
    assert len(emulator.accounts()) == 3
    emulator.seed("by-hand", parent="north-mssp")
    stack.declare({**reseller, "first": a_customer("first-corp")})
    refused = stack.destroy("--target", stack.state()["reseller"]["urn"], "--target-dependents").failed()
    assert "sub-account" in refused.text
    assert {each.shortname for each in emulator.accounts()} >= {"north-mssp", "by-hand"}
    emulator.remove("by-hand")
    stack.up().ok()
    emulator.switch(stale_children=4)
    stack.destroy().ok()
    assert emulator.accounts() == ()
