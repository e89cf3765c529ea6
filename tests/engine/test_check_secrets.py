"""A failed check through the real Pulumi CLI prints no value that the program marked as secret."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from fusion_emulator import Emulator
from tests.engine.stack import PLUGIN_PROGRAM, PROGRAM, Stack, a_customer, in_schema

SECRET = "{key: pulumi.Output.secret(value) for key, value in fields.items()}"
DYNAMIC = PROGRAM.replace("Customer(name, **fields)", f"Customer(name, **{SECRET})")
PLUGIN = PLUGIN_PROGRAM.replace("Customer(name, fields,", f"Customer(name, {SECRET},")

BROKEN = {
    "email": "hush-email@nowhere",
    "given_name": "hush-given ",
    "family_name": "hush-family\t",
    "organization": " hush-organization",
    "shortname": "hush/shortname+",
    "type": "hush-type",
    "status": "hush-status",
    "data_retention": 987601,
    "rollup_retention": 987602,
    "contractual_flows_per_second": -987603,
    "multi_account": "hush-multi",
    "internal": "hush-internal",
    "deletion_protection": 987604,
    "adopt": "hush-adopt ",
}


@pytest.fixture(params=["dynamic", "plugin"])
def secret_stack(request: pytest.FixtureRequest, tmp_path: Path, emulator: Emulator) -> Stack:
    """A stack of either frontend whose program marks every value as secret."""
    environ = {"NETOSECRET": emulator.netosecret, "FUSION_API_URL": emulator.url}
    if request.param == "dynamic":
        return Stack(tmp_path, environ, program=DYNAMIC)
    return Stack(tmp_path, environ, program=PLUGIN, kind="fusion:index:Customer")


def test_no_secret_input_is_printed_by_a_failed_check(secret_stack: Stack, emulator: Emulator) -> None:
    stack = secret_stack

    def declare(**customers: dict[str, Any]) -> None:
        is_plugin = stack.kind == "fusion:index:Customer"
        stack.declare(customers if not is_plugin else {name: in_schema(each) for name, each in customers.items()})

    declare(acme=BROKEN)
    printed = stack.preview().failed().text
    for label in ("Email", "Given Name", "Family Name", "Organization", "Shortname", "Type", "Status", "Adopt"):
        assert f" has a problem: {label} m" in printed
    assert "Data Retention must be one of 7, 45, 90, 180 (days), not ***" in printed
    for canary in ("hush", "9876"):
        assert canary not in printed

    declare(acme=a_customer("acme-corp", email="hush-old@example.com"))
    stack.up().ok()
    declare(acme=a_customer("acme-corp", email="hush-new@example.com", data_retention=180, rollup_retention=90))
    printed = stack.preview().failed().text
    assert "Email belongs to the first admin" in printed
    assert "at least the Data Retention of *** days, not ***" in printed
    assert "hush" not in printed
    state = stack.state()["acme"]
    assert "__secrets" not in {*state["inputs"], *state["outputs"]}

    live = emulator.seed("hush-taken")
    declare(acme=a_customer("acme-corp", email="hush-old@example.com"), b=a_customer("hush-taken", adopt="hush-id"))
    printed = stack.preview().failed().text
    assert f"adopt names the id ***, but the customer *** has the id '{live.id}'" in printed
    assert "hush" not in printed


def test_a_credential_of_an_explicit_provider_is_not_printed(tmp_path: Path) -> None:
    program = PLUGIN_PROGRAM + (
        """
class Provider(pulumi.ProviderResource):
    def __init__(self):
        super().__init__("fusion", "explicit", {"netosecret": pulumi.Output.secret("hush-hush")})

Provider()
"""
    )
    stack = Stack(tmp_path, program=program, kind="fusion:index:Customer")
    printed = stack.preview().failed(interrupted=True).text
    assert "netosecret: " in printed
    assert "hush" not in printed
