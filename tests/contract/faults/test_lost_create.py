"""A create whose answer is lost, or whose customer does not show yet: nothing is lost and nothing doubled."""

from __future__ import annotations

from functools import partial

import pytest

from fusion_emulator import Emulator
from pulumi_fusion.errors import AbsenceNotProved, AlreadyExists, FusionError, OutcomeUnknown
from tests.contract.faults.lines import COMMIT_THEN_FAIL, writes
from tests.contract.faults.stack import PROGRAM, Stack
from tests.contract.faults.timing import set_consistency_timeout


@pytest.fixture
def long_lag(brief_waits: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """A consistency timeout that is longer than any lag of these tests, however busy the machine is."""
    set_consistency_timeout(monkeypatch, 20.0)


@pytest.mark.parametrize("unique", [True, False], ids=["unique", "not-unique"])
@pytest.mark.parametrize("record", ["strict", "extended"])
@pytest.mark.parametrize("kind", COMMIT_THEN_FAIL)
def test_a_create_with_a_lost_answer_ends_with_the_customer_in_the_state(
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
        # The same program changes nothing more.
        mutations = len(writes(emulator))
        stack.restart()
        assert stack.refresh("acme").ok
        assert stack.up("acme", PROGRAM).ok
        assert len(writes(emulator)) == mutations


@pytest.mark.parametrize("unique", [True, False], ids=["unique", "not-unique"])
@pytest.mark.parametrize("kind", ["400-after", "401-after", "403-after", "404-after", "409-after", "429-after"])
def test_a_post_that_was_rejected_and_carried_out_is_not_repeated(emulator: Emulator, kind: str, unique: bool) -> None:
    """A rejection means "not executed", so the account may be another one: the error names it, and no POST follows."""
    emulator.switch(unique_shortnames=unique)
    emulator.faults.add(f"POST /customer {kind} x1")
    with Stack(emulator) as stack:
        outcome = stack.up("acme", PROGRAM)
        assert isinstance(outcome.error, AlreadyExists)
        assert outcome.adopt == stack.created()[0].id
        assert len(emulator.requests.of("POST", "/customer")) == 1
        assert stack.recover("acme", PROGRAM).ok
        stack.require_in_step()
        stack.require_unharmed()


@pytest.mark.usefixtures("long_lag")
@pytest.mark.parametrize("kind", COMMIT_THEN_FAIL)
def test_a_create_with_a_lost_answer_and_stale_reads_sends_one_post(emulator: Emulator, kind: str) -> None:
    """The account was created and does not show for a while; a second POST would double it."""
    emulator.faults.add("POST /customer stale=3 x1", f"POST /customer {kind} x1")
    with Stack(emulator) as stack:
        assert stack.up("acme", PROGRAM).ok
        stack.require_in_step()
        stack.require_unharmed()
        assert len(emulator.requests.of("POST", "/customer")) == 1


@pytest.mark.parametrize(("unique", "created"), [(True, 1), (False, 2)], ids=["unique", "not-unique"])
def test_one_create_needs_unique_shortnames_or_reads_within_the_consistency_timeout(
    emulator: Emulator, unique: bool, created: int
) -> None:
    """The documented limit: the second POST makes a second customer if the service has neither of the two."""
    emulator.switch(unique_shortnames=unique, stale_reads=300)
    emulator.faults.add("POST /customer reset-after x1")
    with Stack(emulator, deadline=8) as stack:
        outcome = stack.up("acme", PROGRAM)
        assert len(emulator.requests.of("POST", "/customer")) == 2
        assert len(stack.created()) == created
        assert outcome.ok is not unique


def test_a_create_with_a_lost_answer_is_found_in_a_list_that_is_ahead_of_gets(emulator: Emulator) -> None:
    emulator.faults.add("POST /customer reset-after x1", "GET /customer/* 404 skip=1")
    with Stack(emulator) as stack:
        assert stack.up("acme", PROGRAM).ok
        stack.require_in_step()
        assert len(emulator.requests.of("POST", "/customer")) == 1


@pytest.mark.usefixtures("long_lag")
def test_a_create_that_commits_after_the_read_timeout_sends_one_post(emulator: Emulator) -> None:
    emulator.faults.add("POST /customer delay=1.3 x1")  # 0.3 s after the read timeout, within the consistency timeout
    with Stack(emulator) as stack:
        assert stack.up("acme", PROGRAM).ok
        stack.require_in_step()
        assert len(emulator.requests.of("POST", "/customer")) == 1


@pytest.mark.usefixtures("long_lag")
@pytest.mark.parametrize("reads", [1, 5])
def test_a_refresh_keeps_a_new_customer_that_does_not_show_yet(emulator: Emulator, reads: int) -> None:
    with Stack(emulator) as stack:
        emulator.faults.add(f"POST /customer stale={reads} x1", "GET /customers 403")
        assert stack.up("acme", PROGRAM).ok
        stack.restart()
        assert stack.refresh("acme").ok
        stack.require_in_step()


@pytest.mark.usefixtures("long_lag")
def test_an_update_waits_until_it_shows(emulator: Emulator) -> None:
    with Stack(emulator) as stack:
        stack.up("acme", PROGRAM)
        emulator.faults.add("PUT /customer/* stale=3 x1")
        assert stack.up("acme", {**PROGRAM, "dataRetention": 45}).ok
        stack.restart()
        assert stack.refresh("acme").ok
        assert stack.state["acme"].outputs["dataRetention"] == 45


@pytest.mark.parametrize("absence", [400, 403])
def test_absence_needs_the_404_of_the_service(emulator: Emulator, absence: int) -> None:
    with Stack(emulator) as stack:
        stack.up("acme", PROGRAM)
        stack.restart()
        emulator.switch(absence=absence)
        outcome = stack.up("other", {**PROGRAM, "shortname": "unproved"})
        assert not outcome.ok
        assert stack.posts("unproved") == 0
        assert absence == 403 or isinstance(outcome.error, AbsenceNotProved)
        account = stack.created()[0]
        emulator.remove("acmecorp")
        for act in (partial(stack.refresh, "acme"), partial(stack.destroy, "acme")):
            stack.restart()
            assert not act().ok
            assert stack.state["acme"].outputs["customerId"] == account.id
        stack.require_unharmed()


def test_no_second_post_is_sent_where_absence_is_not_confirmed(emulator: Emulator) -> None:
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
def test_a_create_is_recovered_where_all_reads_after_the_commit_fail(emulator: Emulator, lines: list[str]) -> None:
    """The customer exists and no request shows it; after the next run it is in the state."""
    emulator.faults.add(*lines)
    with Stack(emulator, deadline=4) as stack:  # most of them wait until the deadline
        outcome = stack.up("acme", PROGRAM)
        emulator.faults.clear()
        stack.deadline = 20.0
        if outcome.ok:
            assert stack.warnings  # an account without an id is kept, with a warning that names how to complete it
            stack.restart()
            assert stack.refresh("acme").ok
        else:
            assert isinstance(outcome.error, OutcomeUnknown)
            assert stack.state == {}
            assert stack.recover("acme", PROGRAM).ok
        stack.require_in_step()
        stack.require_unharmed()
        assert stack.posts("acmecorp") == 1


def test_the_deadline_ends_the_search_for_a_lost_create(emulator: Emulator) -> None:
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
