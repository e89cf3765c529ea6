"""Imports: what the service shows, what the program adds, and what is compared."""

from __future__ import annotations

from typing import Any

import pytest

from fusion_emulator import Emulator
from tests.contract.faults.plugin_stack import PluginStack
from tests.contract.faults.stack import PROGRAM
from tests.engine.stack import mutations

LIVE: dict[str, Any] = {
    "retention": 90,
    "rollupRetention": 180,
    "trial": True,
    "organization": "Acme, Inc.",
    "type": "customer",
    "fps": 500,
}
TRUE = {**PROGRAM, "contractualFlowsPerSecond": 500}


@pytest.mark.parametrize("record", ["strict", "extended"])
@pytest.mark.parametrize("true", [PROGRAM, TRUE, {**TRUE, "type": "customer"}, {**TRUE, "deletionProtection": True}])
def test_a_program_with_the_true_values_causes_no_difference_after_an_import(
    stack: PluginStack, emulator: Emulator, record: Any, true: dict[str, Any]
) -> None:
    emulator.switch(record=record)
    live = emulator.seed("acmecorp", **LIVE)
    assert stack.import_("acme", "acmecorp").ok
    known = {"organization", "type", "contractualFlowsPerSecond"} & set(stack.state["acme"].inputs)
    assert bool(known) == (record == "extended")
    for _ in range(2):
        assert stack.plan("acme", true) == "same"
        assert stack.up("acme", true).ok
        stack.restart()
        assert stack.refresh("acme").ok
    assert stack.state["acme"].inputs["type"] == true["type"]
    assert stack.state["acme"].outputs["organization"] == true["organization"]
    assert mutations(emulator.requests) == []
    assert emulator.accounts() == (live,)


@pytest.mark.parametrize(
    ("change", "record", "plan"),
    [
        ({"dataRetention": 45}, "strict", "update"),
        ({"status": "Active", "deletionProtection": False}, "strict", "update"),
        ({"organization": "Another"}, "strict", "same"),
        ({"organization": "Another"}, "extended", "update"),
        ({"type": "MSSP"}, "extended", "update"),
        ({"contractualFlowsPerSecond": 7}, "extended", "update"),
        ({"email": None}, "strict", "same"),  # as the engine sends it under ignoreChanges
        ({"organization": None, "type": None}, "strict", "same"),
        ({"organization": None}, "extended", ["organization"]),
        ({"email": None, "dataRetention": 45}, "strict", "update"),
        ({"status": None}, "strict", ["status"]),
        ({"email": None, "shortname": "acme-new", "deletionProtection": False}, "strict", ["email"]),
        ({"shortname": "acme-new", "deletionProtection": False}, "strict", "replace"),
    ],
)
def test_an_import_is_compared_by_the_fields_that_the_service_shows(
    stack: PluginStack, emulator: Emulator, change: dict[str, Any], record: Any, plan: object
) -> None:
    emulator.switch(record=record)
    emulator.seed("acmecorp", **LIVE)
    stack.import_("acme", "acmecorp")
    program = {key: value for key, value in {**TRUE, **change}.items() if value is not None}
    assert stack.plan("acme", program) == plan


def test_a_field_that_the_program_states_after_an_import_is_managed(stack: PluginStack, emulator: Emulator) -> None:
    emulator.seed("acmecorp", **LIVE)
    stack.import_("acme", "acmecorp")
    stack.up("acme", PROGRAM)
    assert mutations(emulator.requests) == []
    assert stack.plan("acme", {**PROGRAM, "email": "other@acme.example.com"}) == ["email"]
    assert stack.plan("acme", {**PROGRAM, "contractualFlowsPerSecond": 500}) == "update"
    changed = {**PROGRAM, "organization": "Acme plc"}
    assert stack.plan("acme", changed) == "update"
    assert stack.up("acme", changed).ok
    account = emulator.account("acmecorp")
    assert account is not None
    assert (account.organization, account.retention, account.type) == ("Acme plc", 90, "customer")
    stack.require_in_step()


def test_an_imported_customer_has_deletion_protection(stack: PluginStack, emulator: Emulator) -> None:
    emulator.seed("acmecorp", retention=90, rollupRetention=180)
    stack.import_("acme", "acmecorp")
    assert "deletion protection is on" in stack.destroy("acme").text
    assert stack.up("acme", {**PROGRAM, "status": "Active"}).ok
    assert "deletion protection is on" in stack.destroy("acme").text
    assert stack.up("acme", {**PROGRAM, "status": "Active", "deletionProtection": False}).ok
    assert stack.destroy("acme").ok


@pytest.mark.parametrize("record", ["strict", "extended"])
def test_an_update_that_lacks_a_field_is_completed_by_the_service_or_refused(
    stack: PluginStack, emulator: Emulator, record: Any
) -> None:
    emulator.switch(record=record)
    before = emulator.seed("acmecorp", **LIVE)
    stack.import_("acme", "acmecorp")
    ignoring = ("email", "givenName", "familyName", *(["organization", "type"] if record == "strict" else []))
    program = {key: value for key, value in TRUE.items() if key not in ignoring}
    for _ in range(2):
        assert stack.plan("acme", program) == "same"
        assert stack.up("acme", program).ok
        stack.restart()
        assert stack.refresh("acme").ok
    updated = stack.up("acme", {**program, "dataRetention": 45})
    [account] = emulator.accounts()
    assert (account.organization, account.type, account.fps) == (before.organization, before.type, 500)
    if record == "strict":
        assert "organization, type is not known" in updated.text
        assert mutations(emulator.requests) == []
    else:
        assert account.retention == 45
        assert stack.plan("acme", {**program, "dataRetention": 45}) == "same"
