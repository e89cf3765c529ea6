"""One table of lives, driven through both faces: check, preview, create, (diff, update or replace)*, refresh, delete.

Each step is a program (what differs from the one before; None leaves a property out), what a preview of it plans, and
what is sent for it. ``{}`` as a program means no program at all: it is destroyed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import pytest

from fusion_emulator import Emulator
from tests.contract.faults.plugin_stack import PluginStack
from tests.contract.faults.stack import PROGRAM, Stack
from tests.engine.stack import mutations


class Step(NamedTuple):
    change: dict[str, Any]
    plan: str | list[str]
    sent: list[str]


POST, PUT, DELETE = "POST /api/v1/customer", "PUT /api/v1/customer/acmecorp", "DELETE /api/v1/customer/acmecorp"
CREATED = Step({}, "create", [POST])
SAME = Step({}, "same", [])

LIVES: dict[str, list[Step]] = {
    "nothing happens": [CREATED, SAME, SAME],
    "each field that is updated": [
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
    "what is not set is not managed": [
        Step({"contractualFlowsPerSecond": 500, "multiAccount": True}, "create", [POST]),
        Step({"contractualFlowsPerSecond": None, "multiAccount": None}, "same", []),
    ],
    "what is only recorded": [CREATED, Step({"deletionProtection": True}, "update", []), SAME],
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
    "the first admin": [
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

FACES: dict[str, Callable[[Emulator], Stack]] = {
    "dynamic": lambda emulator: Stack(emulator, deadline=10.0),
    "plugin": lambda emulator: PluginStack(emulator, deadline=10.0),
}


@pytest.fixture(params=FACES)
def face(request: pytest.FixtureRequest, emulator: Emulator) -> Iterator[Stack]:
    with FACES[request.param](emulator) as stack:
        yield stack


@pytest.mark.parametrize("life", LIVES)
def test_a_life(face: Stack, emulator: Emulator, life: str) -> None:
    program = dict(PROGRAM)
    for number, step in enumerate(LIVES[life]):
        program = {key: value for key, value in {**program, **step.change}.items() if value is not None}
        emulator.requests.clear()
        assert face.plan("acme", program) == step.plan, number
        assert mutations(emulator.requests) == [], "a preview sends nothing that changes anything"
        assert face.up("acme", program).ok == isinstance(step.plan, str)
        assert mutations(emulator.requests) == step.sent, number
        if isinstance(step.plan, list):
            continue
        face.require_in_step()
        outputs = face.state["acme"].outputs
        known = {key: outputs.get(key) for key in program}
        assert known == program, number
        assert face.plan("acme", program) == "same", "what was applied is what is wanted"
        face.restart()
        before = face.state["acme"]
        assert face.refresh("acme").ok
        assert face.state["acme"].outputs == before.outputs, "a refresh finds nothing new"
        assert face.plan("acme", program) == "same"
    if "acme" in face.state and not face.state["acme"].outputs.get("deletionProtection"):
        assert face.destroy("acme").ok
        assert face.ours() == []


def test_drift_is_seen_and_repaired(face: Stack, emulator: Emulator) -> None:
    face.up("acme", PROGRAM)
    emulator.edit("acmecorp", retention=45)
    face.restart()
    assert face.refresh("acme").ok
    assert face.state["acme"].inputs["dataRetention"] == 45
    assert face.plan("acme", PROGRAM) == "update"
    assert face.up("acme", PROGRAM).ok
    assert face.ours()[0].retention == 90


def test_what_is_gone_leaves_the_state_and_is_made_again(face: Stack, emulator: Emulator) -> None:
    face.up("acme", PROGRAM)
    emulator.remove("acmecorp")
    face.restart()
    assert face.refresh("acme").ok
    assert face.state == {}
    assert face.plan("acme", PROGRAM) == "create"
    assert face.up("acme", PROGRAM).ok
    face.require_in_step()


@pytest.mark.parametrize("fields", [{}, {"trial": True}])
def test_what_exists_is_taken_over_by_its_id_alone(face: Stack, emulator: Emulator, fields: dict[str, Any]) -> None:
    there = emulator.seed("acmecorp", retention=90, rollupRetention=180, organization="Acme, Inc.", **fields)
    refused = face.up("acme", PROGRAM)
    assert not refused.ok
    assert there.id in refused.text
    assert face.up("acme", {**PROGRAM, "adopt": there.id}).ok
    assert face.state["acme"].outputs["customerId"] == there.id
    assert face.plan("acme", {**PROGRAM, "adopt": there.id}) == "same"


def test_protection_and_children_hold_a_deletion(face: Stack, emulator: Emulator) -> None:
    face.up("acme", {**PROGRAM, "type": "MSSP", "deletionProtection": True})
    assert "deletion protection is on" in face.destroy("acme").text
    face.up("acme", {**PROGRAM, "type": "MSSP", "deletionProtection": False})
    emulator.seed("below-corp", parent="acmecorp")
    assert "customers of its own" in face.destroy("acme").text
    assert len(emulator.accounts()) == 2
