"""Sequences of programs, applied by both frontends: check, preview, create, update or replace, refresh, delete.

Each step has what differs from the program before (None removes a property), what a preview plans, and which mutations
`up` sends.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import pytest

from fusion_emulator import Emulator
from tests.contract.faults.stack import PROGRAM, Stack
from tests.engine.stack import mutations


class Step(NamedTuple):
    change: dict[str, Any]
    plan: str | list[str]
    sent: list[str]


POST, PUT, DELETE = "POST /api/v1/customer", "PUT /api/v1/customer/acmecorp", "DELETE /api/v1/customer/acmecorp"
CREATED = Step({}, "create", [POST])
SAME = Step({}, "same", [])

SEQUENCES: dict[str, list[Step]] = {
    "nothing happens": [CREATED, SAME, SAME],
    "each kind of update": [
        CREATED,
        Step({"organization": "Acme plc"}, "update", [PUT]),
        Step({"dataRetention": 45}, "update", [PUT]),
        Step({"rollupRetention": 365}, "update", [PUT]),
        Step({"status": "Active", "deletionProtection": False}, "update", [PUT]),
        Step({"type": "MSSP"}, "update", [PUT]),
        Step({"contractualFlowsPerSecond": 500}, "update", [PUT]),
        Step({"multiAccount": True}, "update", [PUT]),
        Step({"internal": True}, "update", [PUT]),
        SAME,
    ],
    "an unset field is not managed": [
        Step({"contractualFlowsPerSecond": 500, "multiAccount": True}, "create", [POST]),
        Step({"contractualFlowsPerSecond": None, "multiAccount": None}, "same", []),
    ],
    "a field that only the state has": [CREATED, Step({"deletionProtection": True}, "update", []), SAME],
    "a rename": [
        CREATED,
        Step({"shortname": "acme-new"}, "replace", [POST, DELETE]),
        Step({"shortname": "acmecorp"}, "replace", [POST, "DELETE /api/v1/customer/acme-new"]),
    ],
    "a rename under protection": [
        Step({"deletionProtection": True}, "create", [POST]),
        Step({"shortname": "acme-new"}, ["shortname"], []),
        Step({"deletionProtection": False}, ["shortname"], []),
        Step({"shortname": "acmecorp"}, "update", []),
        Step({"shortname": "acme-new"}, "replace", [POST, DELETE]),
    ],
    "a changed create-only field": [
        CREATED,
        Step({"email": "other@acme.example.com", "givenName": "Bob"}, ["email", "givenName"], []),
        Step({"email": PROGRAM["email"], "givenName": "Ada"}, "same", []),
    ],
    "broken rules": [
        Step({"dataRetention": 44, "email": None, "typo": 1}, ["email", "dataRetention", "typo"], []),
        Step({"dataRetention": 90, "email": "a@example.com", "typo": None}, "create", [POST]),
        Step({"rollupRetention": 7}, ["rollupRetention"], []),
    ],
}


@pytest.mark.parametrize("name", SEQUENCES)
def test_a_sequence_of_programs(frontend: Stack, emulator: Emulator, name: str) -> None:
    program = dict(PROGRAM)
    for number, step in enumerate(SEQUENCES[name]):
        program = {key: value for key, value in {**program, **step.change}.items() if value is not None}
        emulator.requests.clear()
        assert frontend.plan("acme", program) == step.plan, number
        assert mutations(emulator.requests) == [], "a preview sends no mutation"
        assert frontend.up("acme", program).ok == isinstance(step.plan, str)
        assert mutations(emulator.requests) == step.sent, number
        if isinstance(step.plan, list):
            continue
        frontend.require_in_step()
        outputs = frontend.state["acme"].outputs
        known = {key: outputs.get(key) for key in program}
        assert known == program, number
        assert frontend.plan("acme", program) == "same", "nothing differs after it was applied"
        frontend.restart()
        before = frontend.state["acme"]
        assert frontend.refresh("acme").ok
        assert frontend.state["acme"].outputs == before.outputs, "a refresh changes nothing"
        assert frontend.plan("acme", program) == "same"
    if "acme" in frontend.state and not frontend.state["acme"].outputs.get("deletionProtection"):
        assert frontend.destroy("acme").ok
        assert frontend.created() == []


def test_drift_is_shown_by_a_refresh_and_repaired_by_an_update(frontend: Stack, emulator: Emulator) -> None:
    frontend.up("acme", PROGRAM)
    emulator.edit("acmecorp", retention=45)
    frontend.restart()
    assert frontend.refresh("acme").ok
    assert frontend.state["acme"].inputs["dataRetention"] == 45
    assert frontend.plan("acme", PROGRAM) == "update"
    assert frontend.up("acme", PROGRAM).ok
    assert frontend.created()[0].retention == 90


def test_a_deleted_customer_leaves_the_state_and_is_created_again(frontend: Stack, emulator: Emulator) -> None:
    frontend.up("acme", PROGRAM)
    emulator.remove("acmecorp")
    frontend.restart()
    assert frontend.refresh("acme").ok
    assert frontend.state == {}
    assert frontend.plan("acme", PROGRAM) == "create"
    assert frontend.up("acme", PROGRAM).ok
    frontend.require_in_step()


@pytest.mark.parametrize("fields", [{}, {"trial": True}])
def test_an_existing_customer_is_adopted_only_by_its_id(
    frontend: Stack, emulator: Emulator, fields: dict[str, Any]
) -> None:
    existing = emulator.seed("acmecorp", retention=90, rollupRetention=180, organization="Acme, Inc.", **fields)
    refused = frontend.up("acme", PROGRAM)
    assert not refused.ok
    assert existing.id in refused.text
    assert frontend.up("acme", {**PROGRAM, "adopt": existing.id}).ok
    assert frontend.state["acme"].outputs["customerId"] == existing.id
    assert frontend.plan("acme", {**PROGRAM, "adopt": existing.id}) == "same"


def test_deletion_protection_and_children_prevent_a_deletion(frontend: Stack, emulator: Emulator) -> None:
    frontend.up("acme", {**PROGRAM, "type": "MSSP", "deletionProtection": True})
    assert "deletion protection is on" in frontend.destroy("acme").text
    frontend.up("acme", {**PROGRAM, "type": "MSSP", "deletionProtection": False})
    emulator.seed("below-corp", parent="acmecorp")
    assert "sub-account" in frontend.destroy("acme").text
    assert len(emulator.accounts()) == 2
