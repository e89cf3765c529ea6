"""Nothing lost, nothing doubled, nothing foreign taken: what becomes of a create, and of a name that others want."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import pytest

from fusion_emulator import Emulator
from pulumi_fusion.errors import AbsenceNotProved, AlreadyExists, FusionError, NotOurs, OutcomeUnknown
from pulumi_fusion.operations import operation
from tests.contract.faults.stack import PROGRAM, Outcome, Stack

COMMIT_THEN_FAIL = ("reset-after", "hang-after", "cut-body", "500-after", "502-after", "504-after")
"""F5 F6 F7 F15 F16 F17."""


@pytest.fixture
def long_lag(brief_waits: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """A consistency timeout that is not over before the service shows what it did, however busy the machine is."""
    monkeypatch.setattr(operation, "CONSISTENCY_SECONDS", 20.0)


@pytest.mark.parametrize("unique", [True, False], ids=["unique", "not-unique"])
@pytest.mark.parametrize("record", ["strict", "extended"])
@pytest.mark.parametrize("kind", COMMIT_THEN_FAIL)
def test_a_lost_answer_ends_with_the_customer_in_state(
    emulator: Emulator, kind: str, record: str, unique: bool
) -> None:
    emulator.switch(unique_shortnames=unique, record=record)
    emulator.faults.add(f"POST /customer {kind} x1")
    with Stack(emulator) as stack:
        assert stack.up("acme", PROGRAM).ok
        stack.require_in_step()
        assert stack.posts("acmecorp") == 1
        assert len(emulator.requests.of("POST", "/customer")) == 1
        stack.require_unharmed()
        # A program that says the same has nothing more to do.
        mutations = len(writes(emulator))
        stack.restart()
        assert stack.refresh("acme").ok
        assert stack.up("acme", PROGRAM).ok
        assert len(writes(emulator)) == mutations


@pytest.mark.parametrize("unique", [True, False], ids=["unique", "not-unique"])
@pytest.mark.parametrize("kind", ["400-after", "401-after", "403-after", "404-after", "409-after", "429-after"])
def test_a_service_that_refuses_what_it_has_done(emulator: Emulator, kind: str, unique: bool) -> None:
    """A refusal says "not executed", so this account is not proved ours: it is named, and never made twice."""
    emulator.switch(unique_shortnames=unique)
    emulator.faults.add(f"POST /customer {kind} x1")
    with Stack(emulator) as stack:
        outcome = stack.up("acme", PROGRAM)
        assert isinstance(outcome.error, AlreadyExists)
        assert outcome.adopt == stack.ours()[0].id
        assert len(emulator.requests.of("POST", "/customer")) == 1
        assert stack.recover("acme", PROGRAM).ok
        stack.require_in_step()
        stack.require_unharmed()


@pytest.mark.parametrize("kind", ["429", "429 retry-after=1", "token-expired"])
def test_a_name_that_is_taken_while_a_post_waits_to_be_sent_again(emulator: Emulator, kind: str) -> None:
    emulator.faults.add(f"POST /customer {kind} x1")
    with Stack(emulator) as stack:
        stack.meanwhile("POST", "/customer", lambda: stack.foreign(emulator.seed("acmecorp", trial=True)))
        outcome = stack.up("acme", PROGRAM)
        assert isinstance(outcome.error, AlreadyExists)
        assert stack.posts("acmecorp") == 0
        stack.require_unharmed()
        assert stack.state == {}


@pytest.mark.usefixtures("long_lag")
@pytest.mark.parametrize("kind", COMMIT_THEN_FAIL)
def test_a_lost_answer_and_then_stale_reads(emulator: Emulator, kind: str) -> None:
    """The account is made and stays unseen for a while; a second POST would double it."""
    emulator.faults.add("POST /customer stale=3 x1", f"POST /customer {kind} x1")
    with Stack(emulator) as stack:
        assert stack.up("acme", PROGRAM).ok
        stack.require_in_step()
        stack.require_unharmed()
        assert len(emulator.requests.of("POST", "/customer")) == 1


def test_a_lost_answer_and_a_list_that_is_ahead_of_every_get(emulator: Emulator) -> None:
    emulator.faults.add("POST /customer reset-after x1", "GET /customer/* 404 skip=1")
    with Stack(emulator) as stack:
        assert stack.up("acme", PROGRAM).ok
        stack.require_in_step()
        assert len(emulator.requests.of("POST", "/customer")) == 1


@pytest.mark.usefixtures("long_lag")
def test_a_commit_that_comes_long_after_the_connection_broke(emulator: Emulator) -> None:
    emulator.faults.add("POST /customer delay=1.3 x1")  # 0.3 s after the read timeout, within the consistency timeout
    with Stack(emulator) as stack:
        assert stack.up("acme", PROGRAM).ok
        stack.require_in_step()
        assert len(emulator.requests.of("POST", "/customer")) == 1


@pytest.mark.usefixtures("long_lag")
@pytest.mark.parametrize("reads", [1, 5])
def test_a_customer_that_is_not_shown_yet_is_not_dropped(emulator: Emulator, reads: int) -> None:
    with Stack(emulator) as stack:
        emulator.faults.add(f"POST /customer stale={reads} x1", "GET /customers 403")
        assert stack.up("acme", PROGRAM).ok
        stack.restart()
        assert stack.refresh("acme").ok
        stack.require_in_step()


@pytest.mark.usefixtures("long_lag")
def test_an_update_that_is_not_shown_yet_is_waited_for(emulator: Emulator) -> None:
    with Stack(emulator) as stack:
        stack.up("acme", PROGRAM)
        emulator.faults.add("PUT /customer/* stale=3 x1")
        assert stack.up("acme", {**PROGRAM, "dataRetention": 45}).ok
        stack.restart()
        assert stack.refresh("acme").ok
        assert stack.state["acme"].outputs["dataRetention"] == 45


def test_what_looks_the_same_and_was_there_before_is_not_taken(emulator: Emulator) -> None:
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
def test_nor_is_it_under_any_fault(emulator: Emulator, kind: str | None) -> None:
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
def test_a_different_account_that_appeared_meanwhile_is_not_taken(
    emulator: Emulator, fields: dict[str, Any], unique: bool
) -> None:
    emulator.switch(unique_shortnames=unique)
    emulator.faults.add("POST /customer hang-before x1")
    with Stack(emulator) as stack:

        def somebody_else() -> None:
            stack.foreign(emulator.seed("acmecorp", **fields))

        outcome = while_it_hangs(emulator, lambda: stack.up("acme", PROGRAM), somebody_else)
        assert isinstance(outcome.error, NotOurs)
        stack.require_unharmed()
        assert stack.state == {}
        assert stack.posts("acmecorp") == 0


def test_an_account_of_the_same_look_below_another_parent_is_not_taken(emulator: Emulator) -> None:
    emulator.faults.add("POST /customer hang-before x1")
    with Stack(emulator) as stack:

        def somebody_else() -> None:
            stack.foreign(emulator.seed("acmecorp", parent="bystander", trial=True))

        outcome = while_it_hangs(emulator, lambda: stack.up("acme", PROGRAM), somebody_else)
        assert isinstance(outcome.error, NotOurs)
        stack.require_unharmed()


@pytest.mark.parametrize("duplicate", [409, 400])
def test_a_name_that_is_taken_between_the_look_and_the_post(emulator: Emulator, duplicate: int) -> None:
    emulator.switch(unique_shortnames=True, duplicate=duplicate)
    emulator.faults.add("POST /customer delay=0.5 x1")
    with Stack(emulator) as stack:

        def somebody_else() -> None:
            stack.foreign(emulator.seed("acmecorp", trial=True))

        outcome = while_it_hangs(emulator, lambda: stack.up("acme", PROGRAM), somebody_else)
        assert isinstance(outcome.error, AlreadyExists)
        stack.require_unharmed()
        assert stack.state == {}


@pytest.mark.parametrize("duplicate", [409, 400])
@pytest.mark.parametrize("attempt", range(4))
def test_two_stacks_that_claim_one_shortname(emulator: Emulator, duplicate: int, attempt: int) -> None:
    """One wins and one is told plainly, however their requests interleave."""
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
def test_two_stacks_of_which_one_loses_its_answer(emulator: Emulator, kind: str) -> None:
    """Each is told apart by what it sent: nobody takes over what the other one made."""
    emulator.switch(unique_shortnames=True)
    emulator.faults.add(f"POST /customer {kind} x1")
    mine, theirs = {**PROGRAM, "dataRetention": 7}, {**PROGRAM, "dataRetention": 45}
    with Stack(emulator) as one, Stack(emulator) as other:
        together([lambda: one.up("acme", mine), lambda: other.up("acme", theirs)])
        assert one.posts("acmecorp") == 1
        assert len(one.state) + len(other.state) == 1
        owner, program = (one, mine) if one.state else (other, theirs)
        owner.require_in_step()
        assert owner.ours()[0].retention == program["dataRetention"]


@pytest.mark.parametrize("absence", [400, 403])
def test_a_service_that_does_not_prove_absence(emulator: Emulator, absence: int) -> None:
    with Stack(emulator) as stack:
        stack.up("acme", PROGRAM)
        stack.restart()
        emulator.switch(absence=absence)
        outcome = stack.up("other", {**PROGRAM, "shortname": "unproved"})
        assert not outcome.ok
        assert stack.posts("unproved") == 0
        assert absence == 403 or isinstance(outcome.error, AbsenceNotProved)
        account = stack.ours()[0]
        emulator.remove("acmecorp")
        for act in (partial(stack.refresh, "acme"), partial(stack.destroy, "acme")):
            stack.restart()
            assert not act().ok
            assert stack.state["acme"].outputs["customerId"] == account.id
        stack.require_unharmed()


def test_absence_that_cannot_be_proved_does_not_make_a_lost_answer_a_second_post(emulator: Emulator) -> None:
    with Stack(emulator, deadline=4) as stack:
        emulator.faults.add("POST /customer 500-before x1", "GET /customer/* 400 skip=1")
        outcome = stack.up("acme", PROGRAM)
        stack.deadline = 20.0
        assert isinstance(outcome.error, OutcomeUnknown)
        assert len(emulator.requests.of("POST", "/customer")) == 1
        emulator.faults.clear()
        assert stack.recover("acme", PROGRAM).ok
        stack.require_in_step()


@pytest.mark.parametrize(
    "lines",
    [
        ["POST /customer 500-after", "GET /customer/* 500 skip=1"],
        ["POST /customer reset-after", "GET /customer/* html-404 skip=1"],
        ["POST /customer 502-after", "GET /customer/* 403 skip=1"],
        ["POST /customer cut-body", "GET /customer/* revoked skip=1"],
        ["POST /customer 504-after", "GET /customer/* missing-fields=id skip=1"],
        ["POST /customer reset-after", "GET /customer/* 429 retry-after=600 skip=1"],
        ["POST /customer hang-after", "GET /customer/* hang skip=1"],
        ["POST /customer empty", "GET /customer/* wrong-types skip=1"],
    ],
    ids=lambda lines: ", ".join(line.split()[2] for line in lines),
)
def test_a_service_that_is_gone_after_the_commit(emulator: Emulator, lines: list[str]) -> None:
    """The plug is pulled: the customer is there, nobody can see it; one run later it is in the state."""
    emulator.faults.add(*lines)
    with Stack(emulator, deadline=4) as stack:  # most of them wait until the deadline
        outcome = stack.up("acme", PROGRAM)
        emulator.faults.clear()
        stack.deadline = 20.0
        if outcome.ok:
            assert stack.warnings  # an account without an id is kept, with a word on how to complete it
            stack.restart()
            assert stack.refresh("acme").ok
        else:
            assert isinstance(outcome.error, OutcomeUnknown)
            assert stack.state == {}
            assert stack.recover("acme", PROGRAM).ok
        stack.require_in_step()
        stack.require_unharmed()
        assert stack.posts("acmecorp") == 1


def test_the_wait_for_a_lost_answer_can_be_interrupted_by_its_deadline(emulator: Emulator) -> None:
    emulator.faults.add("POST /customer hang-after x1", "GET /customer/* delay=0.9 skip=1")
    with Stack(emulator, deadline=1.5) as stack:
        outcome = stack.up("acme", PROGRAM)
        assert outcome.ok or isinstance(outcome.error, FusionError)
        emulator.faults.clear()
        stack.deadline = 20.0
        if not outcome.ok:
            assert stack.recover("acme", PROGRAM).ok
        stack.require_in_step()
        assert stack.posts("acmecorp") == 1


def writes(emulator: Emulator) -> list[str]:
    """What was sent that changes customers."""
    paths = ("/customer", "/customer/*")
    entries = itertools.chain.from_iterable(
        emulator.requests.of(method, path) for method in ("POST", "PUT", "DELETE") for path in paths
    )
    return [entry.line() for entry in entries]


def while_it_hangs(emulator: Emulator, act: Callable[[], Outcome], meanwhile: Callable[[], None]) -> Outcome:
    """Return the outcome of an operation; ``meanwhile`` runs once the fault of its POST has begun."""

    def once_it_hangs() -> None:
        end = time.monotonic() + 30
        while emulator.faults and time.monotonic() < end:
            time.sleep(0.005)
        meanwhile()

    other = threading.Thread(target=once_it_hangs)
    other.start()
    try:
        return act()
    finally:
        other.join()


def together(acts: Sequence[Callable[[], Outcome]]) -> list[Outcome]:
    """What each gets when all start at once."""
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
    assert len(outcomes) == len(acts), "an operation ended in something else than an error of ours"
    return [outcomes[number] for number in range(len(acts))]
