"""The plugin under the real Pulumi CLI, judged by what the service holds."""

from __future__ import annotations

from typing import Any

from pulumi_fusion.emulator import Emulator
from tests.engine.stack import Stack, a_customer, in_schema, mutations


def customer(shortname: str, **fields: Any) -> dict[str, Any]:
    return in_schema(a_customer(shortname, **fields))


def test_the_whole_life_of_a_customer(plugin_stack: Stack, emulator: Emulator) -> None:
    stack = plugin_stack
    declared = {
        "first": customer("first-corp", deletion_protection=None),
        "second": customer("second-corp", organization={"unknown": "Later Inc."}),
    }
    stack.declare(declared)
    shown = stack.preview().ok().stdout
    assert "+ fusion:index:Customer: (create)" in shown
    assert "dataRetention" in shown
    assert mutations(emulator.requests) == []

    stack.up().ok()
    assert {each.shortname for each in emulator.accounts()} == {"first-corp", "second-corp"}
    assert emulator.record("second-corp")["organization"] == "Later Inc."
    state = stack.state()["first"]
    assert state["id"] == "first-corp"
    assert state["outputs"]["customerId"]
    assert state["inputs"]["deletionProtection"] is True
    stack.settled()

    emulator.edit("first-corp", retention=45)
    stack.refresh().ok()
    assert "~ dataRetention: 45 => 90" in stack.diff_lines()
    stack.up().ok()
    assert emulator.record("first-corp")["billing"]["data_retention"] == 90
    stack.settled()

    declared["first"] |= {"shortname": "first-new"}
    stack.declare(declared)
    assert "apply deletionProtection=false first" in stack.preview().failed().text
    assert "deletion protection is on" in stack.destroy().failed().text
    declared["first"] |= {"shortname": "first-corp", "deletionProtection": False}
    stack.declare(declared)
    stack.up().ok()
    declared["first"] |= {"shortname": "first-new"}
    stack.declare(declared)
    assert "+-fusion:index:Customer: (replace)" in stack.preview().ok().stdout
    stack.up().ok()
    assert {each.shortname for each in emulator.accounts()} == {"first-new", "second-corp"}
    stack.destroy().ok()
    assert emulator.accounts() == ()
