"""The same faults over the plugin: what the dynamic face can only tell, this one keeps as partial state.

Every run tries the cells in which that makes a difference, and the whole column of the create; the nightly one tries
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
    return [cell for cell in cells(table) if NIGHTLY or cell.values[1] == "create" or tells_more(*cell.values)]


def tells_more(_kind: object, step: object, expected: object) -> bool:
    return expected == "U" and step in ("update", "replace")


@pytest.mark.parametrize(("kind", "step", "expected"), tried(SINGLE))
def test_one_step_fails(emulator: Emulator, kind: str, step: str, expected: str) -> None:
    operation, target = STEPS[step]
    with PluginStack(emulator) as stack:
        prepare(stack, operation)
        emulator.faults.add(f"{target} {kind}")
        attempt(stack, operation, expected, hits_old=step == "old")
        emulator.faults.clear()
        settle(stack, operation)


@pytest.mark.parametrize(("kind", "operation", "expected"), tried(EVERYWHERE))
def test_everything_fails(emulator: Emulator, kind: str, operation: str, expected: str) -> None:
    with PluginStack(emulator) as stack:
        prepare(stack, operation)
        with everywhere(stack, kind):
            attempt(stack, operation, expected)
        settle(stack, operation)


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
        assert stack.unsettled == {"acme"}
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


def settle(stack: PluginStack, operation: str) -> None:
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
    assert stack.unsettled == set()
    assert max(stack.posts("acmecorp"), stack.posts("acme-new")) <= 1


def test_a_partial_state_lost_to_somebody_else_is_not_taken(emulator: Emulator) -> None:
    """The request never arrived, and a colleague made another customer of that name meanwhile."""
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


def test_an_update_in_doubt_is_settled_even_if_the_program_goes_back(emulator: Emulator) -> None:
    with PluginStack(emulator) as stack:
        stack.up("acme", PROGRAM)
        emulator.faults.add("PUT /customer/* 500-after", "GET /customer/* 500 skip=1")
        assert not stack.up("acme", CHANGED).ok
        emulator.faults.clear()
        stack.restart()
        assert stack.up("acme", PROGRAM).ok
        assert stack.unsettled == set()
        [account] = stack.ours()
        assert (account.organization, account.retention) == (PROGRAM["organization"], PROGRAM["dataRetention"])
