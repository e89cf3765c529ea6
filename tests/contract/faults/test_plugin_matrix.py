"""The fault matrix over the plugin, which saves a partial state where the dynamic provider only raises.

Every run tries the cells in which that makes a difference, and the whole column of the create; the nightly run tries
all of them.
"""

from __future__ import annotations

import pytest
from _pytest.mark import ParameterSet

from fusion_emulator import Emulator
from pulumi_fusion.errors import OutcomeUnknown, Refusal
from tests.contract.faults.plugin_stack import PluginStack
from tests.contract.faults.stack import PROGRAM
from tests.contract.faults.test_matrix import (
    CHANGED,
    EVERYWHERE,
    NEW,
    SINGLE,
    STEPS,
    cells,
    everywhere,
    prepare,
    require_reached,
    run,
)
from tests.scale import NIGHTLY


def tried(table: str) -> list[ParameterSet]:
    return [cell for cell in cells(table) if NIGHTLY or cell.values[1] == "create" or saves_partial_state(*cell.values)]


def saves_partial_state(_kind: object, step: object, expected: object) -> bool:
    return expected == "U" and step in ("update", "replace")


@pytest.mark.parametrize(("kind", "step", "expected"), tried(SINGLE))
def test_plugin_operation_with_a_fault_of_one_request(emulator: Emulator, kind: str, step: str, expected: str) -> None:
    operation, target = STEPS[step]
    with PluginStack(emulator) as stack:
        prepare(stack, operation)
        emulator.faults.add(f"{target} {kind}")
        attempt(stack, operation, expected, hits_old=step == "old")
        emulator.faults.clear()
        recover(stack, operation)


@pytest.mark.parametrize(("kind", "operation", "expected"), tried(EVERYWHERE))
def test_plugin_operation_with_a_fault_of_all_requests(
    emulator: Emulator, kind: str, operation: str, expected: str
) -> None:
    with PluginStack(emulator) as stack:
        prepare(stack, operation)
        with everywhere(stack, kind):
            attempt(stack, operation, expected)
        recover(stack, operation)


def attempt(stack: PluginStack, operation: str, expected: str, *, hits_old: bool = False) -> None:
    before, stored = stack.emulator.accounts(), dict(stack.state)
    outcome = run(stack, operation)
    stack.require_unharmed()
    if expected == "D":
        assert outcome.ok, outcome.text
        require_reached(stack, operation)
        return
    assert not outcome.ok
    assert isinstance(outcome.error, OutcomeUnknown) == (expected == "U"), outcome.text
    if expected == "U" and operation != "delete" and not hits_old:
        assert stack.unfinished == {"acme"}
        assert stack.state["acme"].inputs["shortname"] == stack.state["acme"].id
    elif hits_old:
        assert stack.pending == stored
    else:
        assert stack.state == stored
    if expected == "A":
        assert isinstance(outcome.error, Refusal)
        assert "pulumi import fusion:index:Customer acme" in outcome.text
    if expected == "N" and not hits_old:
        assert stack.emulator.accounts() == before


def recover(stack: PluginStack, operation: str) -> None:
    stack.restart()
    if operation == "delete":
        if "acme" in stack.state:
            assert stack.destroy("acme").ok
    elif operation == "read":
        assert stack.refresh("acme").ok
    else:
        outcome = stack.recover("acme", {"create": PROGRAM, "update": CHANGED, "replace": NEW}[operation])
        assert outcome.ok, outcome
    stack.require_unharmed()
    require_reached(stack, operation)
    assert stack.unfinished == set()
    assert max(stack.posts("acmecorp"), stack.posts("acme-new")) <= 1


def test_a_partial_state_does_not_adopt_a_customer_of_another_user(emulator: Emulator) -> None:
    """The request never arrived, and another user created a customer of that name meanwhile."""
    emulator.faults.add("POST /customer 500-before", "GET /customer/* 500 skip=1")
    with PluginStack(emulator, deadline=4) as stack:
        assert not stack.up("acme", PROGRAM).ok
        emulator.faults.clear()
        stack.deadline = 20.0
        stack.foreign(emulator.seed("acmecorp", trial=True, retention=7))
        stack.restart()
        refused = stack.up("acme", PROGRAM)
        assert "differs in retention" in refused.text
        assert not stack.destroy("acme").ok
        assert "acme" in stack.state
        stack.require_unharmed()


def test_an_update_of_unknown_outcome_is_resolved_although_the_program_was_reverted(emulator: Emulator) -> None:
    with PluginStack(emulator) as stack:
        stack.up("acme", PROGRAM)
        emulator.faults.add("PUT /customer/* 500-after", "GET /customer/* 500 skip=1")
        assert not stack.up("acme", CHANGED).ok
        emulator.faults.clear()
        stack.restart()
        assert stack.up("acme", PROGRAM).ok
        assert stack.unfinished == set()
        [account] = stack.created()
        assert (account.organization, account.retention) == (PROGRAM["organization"], PROGRAM["dataRetention"])
