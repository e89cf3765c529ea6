"""The provider's own configuration changes: another address is an update, another home account is refused."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from fusion_emulator import Emulator
from tests.engine.stack import PLUGIN_PROGRAM, Stack, a_customer, in_schema, mutations

PROVIDERS_PROGRAM = """
import json
import pulumi

class Provider(pulumi.ProviderResource):
    def __init__(self, name, props):
        super().__init__("fusion", name, props)

class Customer(pulumi.CustomResource):
    def __init__(self, name, fields, opts=None):
        super().__init__("fusion:index:Customer", name, {"customerId": None, **fields}, opts)

declared = json.load(open("customers.json"))
providers = {name: Provider(name, props) for name, props in declared["providers"].items()}
for name, (provider, fields) in declared["customers"].items():
    Customer(name, fields, pulumi.ResourceOptions(provider=providers.get(provider)))
"""
"""Customers by explicit providers; "" is the default one."""


def customer(shortname: str, **fields: Any) -> dict[str, Any]:
    return in_schema(a_customer(shortname, **fields))


def configure(stack: Stack, **settings: str | None) -> None:
    """Set keys of the stack's configuration; None removes one."""
    for key, value in settings.items():
        if value is None:
            stack.pulumi("config", "rm", f"fusion:{key}").ok()
        else:
            secret = ["--secret"] if key == "netosecret" else []
            stack.pulumi("config", "set", *secret, f"fusion:{key}", value).ok()


def on_localhost(url: str) -> str:
    return url.replace("127.0.0.1", "localhost")


@pytest.fixture
def configured(tmp_path: Path, emulator: Emulator) -> Stack:
    """A stack of the plugin whose credential and address are in its configuration."""
    stack = Stack(tmp_path, program=PLUGIN_PROGRAM, kind="fusion:index:Customer")
    configure(stack, netosecret=emulator.netosecret, apiUrl=emulator.url)
    stack.declare({name: customer(f"{name}-corp") for name in ("first", "second", "third")})
    stack.up().ok()
    emulator.requests.clear()
    return stack


def untouched(stack: Stack, emulator: Emulator, *arguments: str) -> None:
    """A preview replaces nothing, an `up` sends nothing that changes a customer, and nothing is left to do."""
    shown = stack.preview(*arguments).ok().stdout
    assert "replace" not in shown
    assert "fusion:index:Customer" not in shown
    assert "replace" not in stack.up(*arguments).ok().text
    assert mutations(emulator.requests) == []
    stack.require_no_changes()


def test_another_address_of_the_same_account_changes_no_customer(configured: Stack, emulator: Emulator) -> None:
    stack = configured
    configure(stack, apiUrl=on_localhost(emulator.url))
    untouched(stack, emulator)
    # The credential is issued again, with another host in it, and the address comes from there alone.
    configure(stack, apiUrl=None, netosecret=emulator.key())
    untouched(stack, emulator)


def test_a_service_that_moved_to_another_port_keeps_its_customers(tmp_path: Path) -> None:
    state = tmp_path / "accounts.json"
    stack = Stack(tmp_path / "stack", program=PLUGIN_PROGRAM, kind="fusion:index:Customer")
    stack.declare({"acme": customer("acme-corp")})
    with Emulator(state=state) as before:
        configure(stack, netosecret=before.netosecret)
        stack.up().ok()
        used = before.port
    with Emulator(state=state) as after:
        assert after.port != used
        configure(stack, netosecret=after.netosecret)
        untouched(stack, after)


@pytest.mark.parametrize("given_by", ["stack configuration", "environment"])
def test_another_home_account_is_refused_and_both_are_named(
    configured: Stack, emulator: Emulator, given_by: str
) -> None:
    stack = configured
    emulator.seed("north-mssp", type="reseller")
    other = emulator.key("north-mssp")
    if given_by == "environment":
        configure(stack, netosecret=None)
        stack.environ["NETOSECRET"] = other
    else:
        configure(stack, netosecret=other)
    for ran in (stack.preview(), stack.up(), stack.pulumi("preview", "--target", "**first**")):
        printed = " ".join(ran.failed(interrupted=True).text.split())
        assert "property netosecret" not in printed, "the CLI would print its value"
        assert f"'{emulator.root.shortname}'" in printed
        assert "'north-mssp'" in printed
        assert "another stack" in printed
        assert "another provider resource" in printed
        assert other not in printed
    assert mutations(emulator.requests) == []

    # Back with the key of the old account, nothing has happened.
    stack.environ.pop("NETOSECRET", None)
    configure(stack, netosecret=emulator.key())
    untouched(stack, emulator)


@pytest.fixture
def providers(tmp_path: Path, emulator: Emulator) -> Stack:
    """A stack with one customer of an explicit provider."""
    stack = Stack(tmp_path, program=PROVIDERS_PROGRAM, kind="fusion:index:Customer")
    emulator.seed("north-mssp", type="reseller")
    stack.declare(one_of(hq={"netosecret": emulator.netosecret, "apiUrl": emulator.url}))
    stack.up().ok()
    emulator.requests.clear()
    return stack


def one_of(*, first: str = "hq", second: str = "", **providers: dict[str, str]) -> dict[str, Any]:
    customers = {"first": [first, customer("first-corp")]}
    if second:
        customers["second"] = [second, customer("second-corp")]
    return {"providers": providers, "customers": customers}


def test_an_explicit_provider_moves_to_another_address(providers: Stack, emulator: Emulator) -> None:
    providers.declare(one_of(hq={"netosecret": emulator.key(), "apiUrl": on_localhost(emulator.url)}))
    untouched(providers, emulator)


def test_an_explicit_provider_does_not_change_its_account(providers: Stack, emulator: Emulator) -> None:
    stack = providers
    hq = {"netosecret": emulator.netosecret, "apiUrl": emulator.url}
    north = {"netosecret": emulator.key("north-mssp"), "apiUrl": emulator.url}
    # As another account of the same provider, and as another provider under the same customer, renamed or not.
    for declared in (
        one_of(hq=north),
        one_of(hq=hq, north=north, first="north"),
        one_of(north=north, first="north"),
    ):
        stack.declare(declared)
        for ran in (stack.preview(), stack.up()):
            printed = " ".join(ran.failed(interrupted=True).text.split())
            assert f"'{emulator.root.shortname}'" in printed
            assert "'north-mssp'" in printed
            assert "another provider resource" in printed
            assert not re.search(r"to replace|replaced", printed)
    assert mutations(emulator.requests) == []

    # The way out that the error names: another provider for what is new.
    stack.declare(one_of(hq=hq, north=north, second="north"))
    stack.up().ok()
    assert mutations(emulator.requests) == ["POST /api/v1/customer"]
    parents = {each.id: each.shortname for each in (*emulator.accounts(), emulator.root)}
    assert {each.shortname: parents.get(each.parent or "") for each in emulator.accounts()} == {
        "north-mssp": emulator.root.shortname,
        "first-corp": emulator.root.shortname,
        "second-corp": "north-mssp",
    }
    stack.require_no_changes()


def test_a_customer_moves_between_providers_of_one_account(providers: Stack, emulator: Emulator) -> None:
    configure(providers, netosecret=emulator.key(), apiUrl=on_localhost(emulator.url))
    providers.declare({"providers": {}, "customers": {"first": ["", customer("first-corp")]}})
    shown = providers.up().ok().text
    assert "replace" not in shown
    assert mutations(emulator.requests) == []
    assert json.loads(providers.checkpoint.read_text())
    providers.require_no_changes()
