"""A create whose shortname another account has, or gets meanwhile: nothing foreign is adopted or changed."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from fusion_emulator import Emulator
from pulumi_fusion.errors import AlreadyExists, NotOurs
from tests.contract.faults.lines import COMMIT_THEN_FAIL, writes
from tests.contract.faults.outcome import Outcome
from tests.contract.faults.stack import PROGRAM, Stack
from tests.waiting import wait_until


@pytest.mark.parametrize("kind", ["429", "429 retry-after=1", "token-expired"])
def test_a_shortname_that_is_taken_before_a_post_is_sent_again_is_refused(emulator: Emulator, kind: str) -> None:
    emulator.faults.add(f"POST /customer {kind} x1")
    with Stack(emulator) as stack:
        stack.meanwhile("POST", "/customer", lambda: stack.foreign(emulator.seed("acmecorp", trial=True)))
        outcome = stack.up("acme", PROGRAM)
        assert isinstance(outcome.error, AlreadyExists)
        assert stack.posts("acmecorp") == 0
        stack.require_unharmed()
        assert stack.state == {}


def test_an_existing_customer_with_the_same_fields_is_not_adopted(emulator: Emulator) -> None:
    twin = emulator.seed(
        "acmecorp",
        organization="Acme, Inc.",
        trial=True,
        username=PROGRAM["email"],
        given_name="Ada",
        family_name="Admin",
    )
    with Stack(emulator) as stack:
        outcome = stack.up("acme", PROGRAM)
        assert isinstance(outcome.error, AlreadyExists)
        assert outcome.adopt == twin.id
        assert writes(emulator) == []
        stack.require_unharmed()
        assert stack.state == {}


@pytest.mark.parametrize("kind", [None, *COMMIT_THEN_FAIL, "reset-before", "html-404", "429", "403"])
def test_an_existing_customer_is_not_adopted_under_any_fault(emulator: Emulator, kind: str | None) -> None:
    emulator.switch(duplicate=400, unique_shortnames=True)
    emulator.seed("acmecorp", organization="Acme, Inc.", trial=True)
    if kind:
        emulator.faults.add(f"* /customer* {kind} x1")
    with Stack(emulator) as stack:
        assert not stack.up("acme", PROGRAM).ok
        assert writes(emulator) == []
        stack.require_unharmed()


@pytest.mark.parametrize("unique", [True, False], ids=["unique", "not-unique"])
@pytest.mark.parametrize("fields", [{"retention": 7}, {"trial": False}, {"rollupRetention": 365}])
def test_a_customer_that_appears_during_a_create_and_differs_is_not_adopted(
    emulator: Emulator, fields: dict[str, Any], unique: bool
) -> None:
    emulator.switch(unique_shortnames=unique)
    emulator.faults.add("POST /customer hang-before x1")
    with Stack(emulator) as stack:

        def take_shortname() -> None:
            stack.foreign(emulator.seed("acmecorp", **fields))

        outcome = while_it_hangs(emulator, lambda: stack.up("acme", PROGRAM), take_shortname)
        assert isinstance(outcome.error, NotOurs)
        stack.require_unharmed()
        assert stack.state == {}
        assert stack.posts("acmecorp") == 0


def test_a_customer_that_appears_below_another_parent_is_not_adopted(emulator: Emulator) -> None:
    emulator.faults.add("POST /customer hang-before x1")
    with Stack(emulator) as stack:

        def take_shortname() -> None:
            stack.foreign(emulator.seed("acmecorp", parent="bystander", trial=True))

        outcome = while_it_hangs(emulator, lambda: stack.up("acme", PROGRAM), take_shortname)
        assert isinstance(outcome.error, NotOurs)
        stack.require_unharmed()


@pytest.mark.parametrize("duplicate", [409, 400])
def test_a_shortname_that_is_taken_between_the_get_and_the_post_is_refused(emulator: Emulator, duplicate: int) -> None:
    emulator.switch(unique_shortnames=True, duplicate=duplicate)
    emulator.faults.add("POST /customer delay=0.5 x1")
    with Stack(emulator) as stack:

        def take_shortname() -> None:
            stack.foreign(emulator.seed("acmecorp", trial=True))

        outcome = while_it_hangs(emulator, lambda: stack.up("acme", PROGRAM), take_shortname)
        assert isinstance(outcome.error, AlreadyExists)
        stack.require_unharmed()
        assert stack.state == {}


@pytest.mark.parametrize("duplicate", [409, 400])
@pytest.mark.parametrize("attempt", range(4))
def test_one_of_two_stacks_with_one_shortname_fails(emulator: Emulator, duplicate: int, attempt: int) -> None:
    """One creates and one gets AlreadyExists, however their requests interleave."""
    emulator.switch(unique_shortnames=True, duplicate=duplicate)
    emulator.faults.add(f"GET /customer/* delay={0.02 * attempt} x1", f"POST /customer delay={0.02 * attempt} x1")
    mine, theirs = {**PROGRAM, "organization": "Mine"}, {**PROGRAM, "organization": "Theirs"}
    with Stack(emulator) as one, Stack(emulator) as other:
        outcomes = together([lambda: one.up("acme", mine), lambda: other.up("acme", theirs)])
        winners = [stack for stack, outcome in zip((one, other), outcomes, strict=True) if outcome.ok]
        losers = [outcome for outcome in outcomes if not outcome.ok]
        assert (len(winners), len(losers)) == (1, 1)
        assert isinstance(losers[0].error, AlreadyExists)
        assert one.posts("acmecorp") == 1
        winners[0].require_in_step()
        assert len(one.state) + len(other.state) == 1


@pytest.mark.parametrize("kind", COMMIT_THEN_FAIL)
def test_one_of_two_stacks_with_one_shortname_creates_after_a_lost_answer(emulator: Emulator, kind: str) -> None:
    """They are distinguished by what they sent: neither adopts what the other one created."""
    emulator.switch(unique_shortnames=True)
    emulator.faults.add(f"POST /customer {kind} x1")
    mine, theirs = {**PROGRAM, "dataRetention": 7}, {**PROGRAM, "dataRetention": 45}
    with Stack(emulator) as one, Stack(emulator) as other:
        together([lambda: one.up("acme", mine), lambda: other.up("acme", theirs)])
        assert one.posts("acmecorp") == 1
        assert len(one.state) + len(other.state) == 1
        owner, program = (one, mine) if one.state else (other, theirs)
        owner.require_in_step()
        assert owner.created()[0].retention == program["dataRetention"]


def while_it_hangs(emulator: Emulator, act: Callable[[], Outcome], meanwhile: Callable[[], None]) -> Outcome:
    """Return the outcome of an operation; ``meanwhile`` runs once the fault of its POST has begun."""

    def once_it_hangs() -> None:
        wait_until(lambda: not emulator.faults)
        meanwhile()

    other = threading.Thread(target=once_it_hangs)
    other.start()
    try:
        return act()
    finally:
        other.join()


def together(acts: Sequence[Callable[[], Outcome]]) -> list[Outcome]:
    """Return the outcome of each when all start at once."""
    gate = threading.Barrier(len(acts))
    outcomes: dict[int, Outcome] = {}

    def run(number: int) -> None:
        gate.wait()
        outcomes[number] = acts[number]()

    threads = [threading.Thread(target=run, args=(number,)) for number in range(len(acts))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(outcomes) == len(acts), "an operation raised something else than a FusionError"
    return [outcomes[number] for number in range(len(acts))]
