"""What the service lists, asked once for all."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from pulumi_fusion.customer.directory import (
    FAILED_SECONDS,
    FRESH_SECONDS,
    LONGEST_LIST,
    MANY,
    YOUNG_SECONDS,
    Directory,
    Seen,
)
from pulumi_fusion.customer.model import Account, AccountType
from pulumi_fusion.deadline import Deadline
from pulumi_fusion.errors import Cancelled, DeadlineExceeded, FusionError, InDoubt, Unauthorized, Unrecognised
from tests.unit.customer.scripted import Clock, Scripted, absent, account, dead_key, no_role, portal, refused


def bound(gateway: Scripted, clock: Clock) -> Scripted:
    return gateway.within(Deadline(300.0, cancelled=clock))


def test_types_are_asked_once_while_they_are_fresh(clock: Clock) -> None:
    gateway = bound(Scripted(types=[[AccountType(value="a")], [AccountType(value="b")]]), clock)
    directory = Directory()
    assert [entry.value for entry in directory.types(gateway)] == ["a"]
    clock.now += FRESH_SECONDS - 1
    assert [entry.value for entry in directory.types(gateway)] == ["a"]
    clock.now += 1
    assert [entry.value for entry in directory.types(gateway)] == ["b"]
    assert gateway.verbs == ["TYPES", "TYPES"]


@pytest.mark.parametrize("answer", [refused, no_role, absent])
def test_a_service_may_keep_its_types_to_itself(clock: Clock, answer: Callable[[], FusionError]) -> None:
    assert Directory().types_if_told(bound(Scripted(types=[answer()]), clock)) == ()


@pytest.mark.parametrize("answer", [portal, dead_key])
def test_a_failure_is_no_empty_list(clock: Clock, answer: Callable[[], FusionError]) -> None:
    with pytest.raises((Unrecognised, Unauthorized)):
        Directory().types_if_told(bound(Scripted(types=[answer()]), clock))


def test_a_failure_is_shared_for_a_short_while_and_then_tried_again(clock: Clock) -> None:
    gateway = bound(Scripted(customers=[portal(), [account()]]), clock)
    directory = Directory()
    for _ in range(3):
        with pytest.raises(InDoubt):
            directory.find(gateway, "acme-corp")
    assert gateway.verbs == ["LIST"]
    clock.now += FAILED_SECONDS + 1
    assert directory.find(gateway, "acme-corp") == account()


def test_nobody_waits_past_a_deadline_for_what_another_operation_asks() -> None:
    asked, told = threading.Event(), threading.Event()

    def slowly() -> list[Account]:
        asked.set()
        told.wait(10)
        return [account()]

    patient = Scripted(customers=[slowly]).within(Deadline(60.0))
    hasty = Scripted().within(Deadline(0.3))
    directory = Directory()
    with ThreadPoolExecutor(1) as pool:
        found = pool.submit(directory.find, patient, "acme-corp")
        asked.wait(10)
        with pytest.raises(DeadlineExceeded):
            directory.find(hasty, "acme-corp")
        told.set()
        assert found.result() == account()
    assert directory.find(hasty, "acme-corp") == account()


def test_an_interrupt_of_one_operation_is_not_shared(clock: Clock) -> None:
    gateway = bound(Scripted(customers=[Cancelled("list", "interrupted"), [account()]]), clock)
    directory = Directory()
    with pytest.raises(Cancelled):
        directory.find(gateway, "acme-corp")
    assert directory.find(gateway, "acme-corp") == account()


def test_what_was_written_outweighs_the_list_until_it_is_old(clock: Clock) -> None:
    gateway = bound(Scripted(customers=[[account()], [account(fps=2)]]), clock)
    directory = Directory()
    assert directory.find(gateway, "acme-corp") == account()
    directory.wrote("acme-corp", account(fps=1))
    directory.wrote("other-corp", None)
    assert directory.find(gateway, "acme-corp") == account(fps=1)
    assert directory.find(gateway, "other-corp") is None
    clock.now += FRESH_SECONDS + 1
    assert directory.find(gateway, "acme-corp") == account(fps=2)


def test_many_threads_ask_once() -> None:
    release = threading.Event()
    asked: list[None] = []

    class Slow(Scripted):
        def list_customers(self) -> list[Account]:
            asked.append(None)
            assert release.wait(10)
            return [account()]

    gateway, directory = Slow(), Directory()
    with ThreadPoolExecutor(8) as threads:
        found = [threads.submit(directory.find, gateway, "acme-corp") for _ in range(8)]
        release.set()
        assert [each.result(10) for each in found] == [account()] * 8
    assert len(asked) == 1


def test_what_is_expected_is_asked_once_and_there_when_it_is_needed(clock: Clock) -> None:
    gateway = bound(Scripted(customers=[[account()]], types=[[AccountType(value="a")]]), clock)
    directory = Directory()
    for _ in range(3):
        directory.expect_find(gateway)
        directory.expect_types(gateway)
    assert directory.find(gateway, "acme-corp") == account()
    assert [entry.value for entry in directory.types(gateway)] == ["a"]
    directory.expect_find(gateway)
    assert sorted(gateway.verbs) == ["LIST", "TYPES"]


def test_a_failure_of_what_was_expected_meets_who_needs_it(clock: Clock) -> None:
    gateway = bound(Scripted(customers=[portal()]), clock)
    directory = Directory()
    directory.expect_find(gateway)
    with pytest.raises(InDoubt):
        directory.find(gateway, "acme-corp")
    assert gateway.verbs == ["LIST"]


MINE = {"shortname": "mine-corp", "id": "id-9"}


def fetched() -> None:
    """Wait for what is fetched in the background."""
    for thread in threading.enumerate():
        if thread.name == "pulumi-fusion-directory":
            thread.join(10)


def after_writing(gateway: Scripted, wrote: Account | None = None, name: str = "mine-corp") -> Directory:
    """A directory that was asked often enough, after this process had created a customer or deleted one."""
    directory = Directory()
    directory.wrote(name, wrote)
    for _ in range(MANY):
        directory.seen_lately(gateway, "acme-corp")
    fetched()
    return directory


def test_a_young_list_tells_what_is_there_and_what_is_not(clock: Clock) -> None:
    gateway = bound(Scripted(customers=[[account(), account(**MINE)]]), clock)
    directory = after_writing(gateway, account(**MINE))
    assert directory.seen_lately(gateway, "acme-corp") == Seen(account())
    assert directory.seen_lately(gateway, "free-name") == Seen(None)
    assert gateway.verbs == ["LIST"]


def test_few_questions_are_not_worth_a_list(clock: Clock) -> None:
    gateway = bound(Scripted(customers=[]), clock)
    directory = Directory()
    directory.wrote("mine-corp", account(**MINE))
    assert [directory.seen_lately(gateway, "acme-corp") for _ in range(MANY - 1)] == [None] * (MANY - 1)
    fetched()
    assert gateway.verbs == []


def test_before_anything_was_written_nothing_could_vouch_for_a_list(clock: Clock) -> None:
    gateway = bound(Scripted(customers=[[account()], [account(), account(**MINE)]]), clock)
    directory = Directory()
    assert directory.find(gateway, "acme-corp") == account()
    assert [directory.seen_lately(gateway, "free-name") for _ in range(2 * MANY)] == [None] * (2 * MANY)
    directory.wrote("mine-corp", account(**MINE))
    assert [directory.seen_lately(gateway, "free-name") for _ in range(MANY)] == [None] * MANY
    fetched()
    assert directory.seen_lately(gateway, "free-name") == Seen(None)
    assert gateway.verbs == ["LIST", "LIST"]


def test_a_list_is_young_for_a_second_since_it_was_asked_for_and_renewed_meanwhile(clock: Clock) -> None:
    def slowly() -> list[Account]:
        clock.now += YOUNG_SECONDS / 4
        return [account(), account(**MINE)]

    gateway = bound(Scripted(customers=[slowly, slowly]), clock)
    directory = after_writing(gateway, account(**MINE))
    clock.now += YOUNG_SECONDS / 4
    for _ in range(MANY):  # half a second old: still good, and not renewed yet
        assert directory.seen_lately(gateway, "free-name") == Seen(None)
    fetched()
    assert gateway.verbs == ["LIST"]
    clock.now += YOUNG_SECONDS / 2 + 0.01
    assert directory.seen_lately(gateway, "free-name") is None
    fetched()
    assert directory.seen_lately(gateway, "free-name") == Seen(None)
    assert gateway.verbs == ["LIST", "LIST"]


@pytest.mark.parametrize(
    ("listed", "wrote"),
    [
        pytest.param([account()], account(**MINE), id="what was created is not in it: it lags behind"),
        pytest.param([account(**{**MINE, "id": "id-8"})], account(**MINE), id="another took its place"),
        pytest.param([account(**MINE, parent="else")], account(**MINE, parent="else"), id="below another account"),
        pytest.param([account(**MINE, parent=None)], account(**MINE), id="the parent is not told"),
        pytest.param([account(**{**MINE, "id": None})], account(**{**MINE, "id": None}), id="the id is not told"),
        pytest.param([account(**MINE)], None, id="what was deleted is in it: it lags behind"),
        pytest.param(
            [account(**MINE), *(account(shortname=f"other-{number}") for number in range(LONGEST_LIST))],
            account(**MINE),
            id="it is as long as a list can be",
        ),
    ],
)
def test_a_list_that_does_not_vouch_for_itself_tells_nothing(
    clock: Clock, listed: list[Account], wrote: Account | None
) -> None:
    gateway = bound(Scripted(customers=[listed]), clock)
    directory = after_writing(gateway, wrote)
    assert gateway.verbs == ["LIST"]
    assert directory.seen_lately(gateway, "acme-corp") is None
    assert directory.seen_lately(gateway, "free-name") is None


def test_a_deletion_vouches_as_well(clock: Clock) -> None:
    gateway = bound(Scripted(customers=[[account()]]), clock)
    assert after_writing(gateway, None).seen_lately(gateway, "acme-corp") == Seen(account())


def test_a_name_that_was_written_here_or_is_spelled_otherwise_needs_a_look(clock: Clock) -> None:
    gateway = bound(Scripted(customers=[[account(), account(**MINE)]]), clock)
    directory = after_writing(gateway, account(**MINE))
    assert directory.seen_lately(gateway, "mine-corp") is None
    assert directory.seen_lately(gateway, "ACME-Corp") is None


@pytest.mark.parametrize(
    "other", [{"children": 2}, {"is_parent": True}, {"children": None, "is_parent": None}], ids=["has", "is", "untold"]
)
def test_a_list_with_customers_that_have_their_own_tells_of_what_it_shows_alone(
    clock: Clock, other: dict[str, Any]
) -> None:
    reseller = account(shortname="reseller", id="id-5", **other)
    gateway = bound(Scripted(customers=[[account(), account(**MINE), reseller]]), clock)
    directory = after_writing(gateway, account(**MINE))
    assert directory.seen_lately(gateway, "acme-corp") == Seen(account())
    assert directory.seen_lately(gateway, "free-name") is None


def test_the_account_itself_is_no_free_name(clock: Clock) -> None:
    gateway = bound(Scripted(customers=[[account(**MINE)]]), clock)
    assert after_writing(gateway, account(**MINE)).seen_lately(gateway, gateway.account) is None


def test_a_list_that_fails_tells_nothing_and_is_not_asked_for_at_once_again(clock: Clock) -> None:
    gateway = bound(Scripted(customers=[portal()]), clock)
    directory = after_writing(gateway, account(**MINE))
    assert [directory.seen_lately(gateway, "free-name") for _ in range(2 * MANY)] == [None] * (2 * MANY)
    fetched()
    assert gateway.verbs == ["LIST"]


def test_a_list_as_long_as_it_can_be_is_not_asked_for_again(clock: Clock) -> None:
    full = [account(**MINE), *(account(shortname=f"other-{number}") for number in range(LONGEST_LIST))]
    gateway = bound(Scripted(customers=[full]), clock)
    directory = after_writing(gateway, account(**MINE))
    clock.now += YOUNG_SECONDS
    assert [directory.seen_lately(gateway, "free-name") for _ in range(2 * MANY)] == [None] * (2 * MANY)
    fetched()
    assert gateway.verbs == ["LIST"]
