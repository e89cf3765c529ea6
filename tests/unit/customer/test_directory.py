"""What the service lists, asked once for all."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from pulumi_fusion.customer.directory import (
    FAILED_SECONDS,
    FRESH_SECONDS,
    MANY,
    YOUNG_SECONDS,
    Directory,
)
from pulumi_fusion.customer.listing import WITNESS_SECONDS
from pulumi_fusion.customer.model import Account, AccountType
from pulumi_fusion.deadline import Deadline
from pulumi_fusion.errors import (
    Cancelled,
    DeadlineExceeded,
    FusionError,
    InDoubt,
    RateLimited,
    Unauthorized,
    Unrecognised,
)
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


def test_a_failure_for_want_of_time_does_not_meet_who_has_it(clock: Clock) -> None:
    busy = RateLimited("list the customers", "the service answered 429", status=429, retry_after=40.0)
    gateway = Scripted(customers=[busy, [account()]])
    directory = Directory()
    for _ in range(2):
        with pytest.raises(RateLimited):
            directory.find(gateway.within(Deadline(30.0, cancelled=clock)), "acme-corp")
    assert directory.find(gateway.within(Deadline(300.0, cancelled=clock)), "acme-corp") == account()
    assert gateway.verbs == ["LIST", "LIST"]


@pytest.mark.parametrize("seconds", [None, 200.0, 400.0])
def test_any_other_failure_meets_all(clock: Clock, seconds: float | None) -> None:
    """Those that ask for more than they have as well: nobody gets an answer in that time."""
    down = InDoubt("list the customers", "the service answered 503", status=503, retry_after=seconds)
    gateway = Scripted(customers=[down])
    directory = Directory()
    for own in (300.0, 250.0):
        with pytest.raises(InDoubt):
            directory.find(gateway.within(Deadline(own, cancelled=clock)), "acme-corp")
    assert gateway.verbs == ["LIST"]


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
    directory.created("acme-corp", account(fps=1))
    directory.deleted("other-corp")
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


MINE = account(shortname="mine-corp", id="id-9")


def fetched() -> None:
    """Wait for what is fetched in the background."""
    for thread in threading.enumerate():
        if thread.name == "pulumi-fusion-directory":
            thread.join(10)


def look_often(directory: Directory, gateway: Scripted, names: Iterator[str]) -> None:
    """As often as makes a list worth it."""
    for _ in range(MANY):
        directory.found_free(gateway, next(names))
    fetched()


@pytest.fixture
def names() -> Iterator[str]:
    """Names that nobody asked for before."""
    return (f"free-{number:03}" for number in itertools.count())


def test_a_young_list_tells_what_is_there_and_what_is_not(clock: Clock, names: Iterator[str]) -> None:
    gateway, directory = bound(Scripted(customers=[[account(), MINE]]), clock), Directory()
    directory.created("mine-corp", MINE)
    look_often(directory, gateway, names)
    assert directory.found_free(gateway, next(names))
    assert directory.found(gateway, "acme-corp") == account()
    assert gateway.verbs == ["LIST"]


def test_who_asks_for_a_name_again_has_to_look(clock: Clock, names: Iterator[str]) -> None:
    gateway, directory = bound(Scripted(customers=[[account(), MINE]]), clock), Directory()
    directory.created("mine-corp", MINE)
    look_often(directory, gateway, names)
    assert directory.found_free(gateway, "free-name")
    assert not directory.found_free(gateway, "FREE-name")
    assert directory.found(gateway, "mine-corp") is None


def test_few_looks_are_not_worth_a_list(clock: Clock, names: Iterator[str]) -> None:
    gateway, directory = bound(Scripted(customers=[]), clock), Directory()
    directory.created("mine-corp", MINE)
    assert not any(directory.found_free(gateway, next(names)) for _ in range(MANY - 1))
    fetched()
    assert gateway.verbs == []


def test_without_a_witness_there_is_no_list(clock: Clock, names: Iterator[str]) -> None:
    gateway, directory = bound(Scripted(customers=[]), clock), Directory()
    look_often(directory, gateway, names)
    directory.updated("mine-corp", MINE)
    look_often(directory, gateway, names)
    directory.created("mine-corp", MINE)
    clock.now += WITNESS_SECONDS + 0.01
    look_often(directory, gateway, names)
    assert gateway.verbs == []


def test_a_list_of_before_the_first_write_is_renewed_at_once(clock: Clock, names: Iterator[str]) -> None:
    gateway, directory = bound(Scripted(customers=[[account()], [account(), MINE]]), clock), Directory()
    assert directory.find(gateway, "acme-corp") == account()
    directory.created("mine-corp", MINE)
    look_often(directory, gateway, names)
    assert directory.found_free(gateway, next(names))
    assert gateway.verbs == ["LIST", "LIST"]


def test_a_list_is_young_for_a_second_since_it_was_asked_for_and_renewed_meanwhile(
    clock: Clock, names: Iterator[str]
) -> None:
    def slowly() -> list[Account]:
        clock.now += YOUNG_SECONDS / 4
        return [account(), MINE]

    gateway, directory = bound(Scripted(customers=[slowly, slowly]), clock), Directory()
    directory.created("mine-corp", MINE)
    look_often(directory, gateway, names)
    clock.now += YOUNG_SECONDS / 4
    look_often(directory, gateway, names)  # half a second old: still good, and not renewed yet
    assert directory.found_free(gateway, next(names))
    assert gateway.verbs == ["LIST"]
    clock.now += YOUNG_SECONDS / 2 + 0.01
    directory.created("mine-corp", MINE)
    assert not directory.found_free(gateway, next(names))
    fetched()
    assert directory.found_free(gateway, next(names))
    assert gateway.verbs == ["LIST", "LIST"]


@pytest.mark.parametrize("answer", [portal(), [account()]], ids=["fails", "contradicts"])
def test_after_a_list_that_was_no_help_there_is_none_for_a_while(
    clock: Clock, names: Iterator[str], answer: object
) -> None:
    gateway, directory = bound(Scripted(customers=[answer, [account(), MINE]]), clock), Directory()
    directory.created("mine-corp", MINE)
    look_often(directory, gateway, names)
    clock.now += FRESH_SECONDS - 1
    directory.created("mine-corp", MINE)
    look_often(directory, gateway, names)
    assert not directory.found_free(gateway, next(names))
    assert gateway.verbs == ["LIST"]
    clock.now += 2
    directory.created("mine-corp", MINE)
    look_often(directory, gateway, names)
    assert directory.found_free(gateway, next(names))
    assert gateway.verbs == ["LIST", "LIST"]


def test_a_credential_is_tried_once_for_all(clock: Clock) -> None:
    gateway, directory = bound(Scripted(tokens=[None]), clock), Directory()
    for _ in range(3):
        directory.authenticate(gateway)
    assert gateway.verbs == ["TOKEN"]


def test_a_dead_credential_is_told_to_all_and_asked_once(clock: Clock) -> None:
    gateway, directory = bound(Scripted(tokens=[dead_key()]), clock), Directory()
    for _ in range(3):
        with pytest.raises(Unauthorized):
            directory.authenticate(gateway)
    assert gateway.verbs == ["TOKEN"]
