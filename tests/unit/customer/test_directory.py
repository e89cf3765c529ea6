"""What the service lists, asked once for all."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from pulumi_fusion.customer.directory import FAILED_SECONDS, FRESH_SECONDS, Directory
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
    clock.now += FRESH_SECONDS
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
