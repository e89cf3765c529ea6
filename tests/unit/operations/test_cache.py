"""The list, the account types and the token of a run are requested once."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

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
from pulumi_fusion.operations.cache import (
    FAILED_SECONDS,
    FRESH_SECONDS,
    LONGEST_LIST,
    CustomerCache,
)
from tests.unit.operations.failures import bad_request, forbidden, html_page, not_found, unauthorized
from tests.unit.operations.scripted import Clock, ScriptedService
from tests.unit.samples import PARENT, account


def bound(service: ScriptedService, clock: Clock) -> ScriptedService:
    return service.within(Deadline(300.0, cancelled=clock))


def test_types_are_requested_once_a_minute(clock: Clock) -> None:
    service = bound(ScriptedService(types=[[AccountType(value="a")], [AccountType(value="b")]]), clock)
    cache = CustomerCache()
    assert [entry.value for entry in cache.types(service)] == ["a"]
    clock.now += FRESH_SECONDS - 1
    assert [entry.value for entry in cache.types(service)] == ["a"]
    clock.now += 1
    assert [entry.value for entry in cache.types(service)] == ["b"]
    assert service.verbs == ["TYPES", "TYPES"]


@pytest.mark.parametrize("answer", [bad_request, forbidden, not_found])
def test_types_are_empty_where_the_service_does_not_list_them(clock: Clock, answer: Callable[[], FusionError]) -> None:
    assert CustomerCache().types_if_listed(bound(ScriptedService(types=[answer()]), clock)) == ()


@pytest.mark.parametrize("answer", [html_page, unauthorized])
def test_a_failed_request_for_types_raises(clock: Clock, answer: Callable[[], FusionError]) -> None:
    with pytest.raises((Unrecognised, Unauthorized)):
        CustomerCache().types_if_listed(bound(ScriptedService(types=[answer()]), clock))


def test_a_failure_is_shared_for_some_seconds_and_then_retried(clock: Clock) -> None:
    service = bound(ScriptedService(customers=[html_page(), [account()]]), clock)
    cache = CustomerCache()
    for _ in range(3):
        with pytest.raises(InDoubt):
            cache.find(service, "acme-corp")
    assert service.verbs == ["LIST"]
    clock.now += FAILED_SECONDS + 1
    assert cache.find(service, "acme-corp") == account()


def test_a_failure_for_lack_of_time_is_not_shared_with_a_longer_deadline(clock: Clock) -> None:
    busy = RateLimited("list the customers", "the service answered 429", status=429, retry_after=40.0)
    service = ScriptedService(customers=[busy, [account()]])
    cache = CustomerCache()
    for _ in range(2):
        with pytest.raises(RateLimited):
            cache.find(service.within(Deadline(30.0, cancelled=clock)), "acme-corp")
    assert cache.find(service.within(Deadline(300.0, cancelled=clock)), "acme-corp") == account()
    assert service.verbs == ["LIST", "LIST"]


@pytest.mark.parametrize("seconds", [None, 200.0, 400.0])
def test_any_other_failure_is_shared(clock: Clock, seconds: float | None) -> None:
    """Also one with a Retry-After that no deadline has time for."""
    down = InDoubt("list the customers", "the service answered 503", status=503, retry_after=seconds)
    service = ScriptedService(customers=[down])
    cache = CustomerCache()
    for own in (300.0, 250.0):
        with pytest.raises(InDoubt):
            cache.find(service.within(Deadline(own, cancelled=clock)), "acme-corp")
    assert service.verbs == ["LIST"]


def test_a_wait_for_the_request_of_another_operation_ends_with_the_deadline() -> None:
    requested, released = threading.Event(), threading.Event()

    def slowly() -> list[Account]:
        requested.set()
        released.wait(10)
        return [account()]

    patient = ScriptedService(customers=[slowly]).within(Deadline(60.0))
    hasty = ScriptedService().within(Deadline(0.3))
    cache = CustomerCache()
    with ThreadPoolExecutor(1) as pool:
        found = pool.submit(cache.find, patient, "acme-corp")
        requested.wait(10)
        with pytest.raises(DeadlineExceeded):
            cache.find(hasty, "acme-corp")
        released.set()
        assert found.result() == account()
    assert cache.find(hasty, "acme-corp") == account()


def test_an_interrupt_of_one_operation_is_not_shared(clock: Clock) -> None:
    service = bound(ScriptedService(customers=[Cancelled("list", "interrupted"), [account()]]), clock)
    cache = CustomerCache()
    with pytest.raises(Cancelled):
        cache.find(service, "acme-corp")
    assert cache.find(service, "acme-corp") == account()


def test_a_recent_write_replaces_the_list(clock: Clock) -> None:
    service = bound(ScriptedService(customers=[[account()], [account(fps=2)]]), clock)
    cache = CustomerCache()
    assert cache.find(service, "acme-corp") == account()
    cache.note("acme-corp", account(fps=1))
    cache.note("other-corp", None)
    assert cache.find(service, "acme-corp") == account(fps=1)
    assert cache.find(service, "other-corp") is None
    clock.now += FRESH_SECONDS + 1
    assert cache.find(service, "acme-corp") == account(fps=2)


def test_many_threads_send_one_request() -> None:
    release = threading.Event()
    asked: list[None] = []

    class Slow(ScriptedService):
        def list_customers(self) -> list[Account]:
            asked.append(None)
            assert release.wait(10)
            return [account()]

    service, cache = Slow(), CustomerCache()
    with ThreadPoolExecutor(8) as threads:
        found = [threads.submit(cache.find, service, "acme-corp") for _ in range(8)]
        release.set()
        assert [each.result(10) for each in found] == [account()] * 8
    assert len(asked) == 1


def test_prefetched_lists_are_requested_once(clock: Clock) -> None:
    service = bound(ScriptedService(customers=[[account()]], types=[[AccountType(value="a")]]), clock)
    cache = CustomerCache()
    for _ in range(3):
        cache.prefetch_list(service)
        cache.prefetch_types(service)
    assert cache.find(service, "acme-corp") == account()
    assert [entry.value for entry in cache.types(service)] == ["a"]
    cache.prefetch_list(service)
    assert sorted(service.verbs) == ["LIST", "TYPES"]


def test_a_failed_prefetch_raises_where_the_list_is_used(clock: Clock) -> None:
    service = bound(ScriptedService(customers=[html_page()]), clock)
    cache = CustomerCache()
    cache.prefetch_list(service)
    with pytest.raises(InDoubt):
        cache.find(service, "acme-corp")
    assert service.verbs == ["LIST"]


def listing(*listed: Account, clock: Clock) -> tuple[CustomerCache, ScriptedService]:
    """Return a cache that has fetched this list, and its service."""
    service, cache = bound(ScriptedService(customers=[listed]), clock), CustomerCache()
    cache.find(service, "any-name")
    return cache, service


OTHER = account(shortname="other-corp", id="id-9")


def test_a_list_shows_that_a_shortname_is_available(clock: Clock) -> None:
    cache, service = listing(OTHER, clock=clock)
    clock.now += FRESH_SECONDS
    assert cache.shows_available(service, "acme-corp")
    assert service.verbs == ["LIST"]


def test_an_empty_list_shows_that_every_shortname_is_available(clock: Clock) -> None:
    cache, service = listing(clock=clock)
    assert cache.shows_available(service, "acme-corp")


@pytest.mark.parametrize("name", ["other-corp", "OTHER-corp", PARENT, PARENT.upper()])
def test_a_list_shows_no_name_as_available_that_differs_only_in_case(name: str, clock: Clock) -> None:
    cache, service = listing(OTHER, clock=clock)
    assert not cache.shows_available(service, name)


@pytest.mark.parametrize(
    "parent",
    [account(children=1), account(children=None, is_parent=True), account(children=None, is_parent=None)],
    ids=["has customers", "is a parent", "not shown"],
)
def test_an_incomplete_list_shows_no_name_as_available(parent: Account, clock: Clock) -> None:
    cache, service = listing(OTHER, parent, clock=clock)
    assert not cache.shows_available(service, "free-name")


def test_a_list_of_maximum_length_shows_no_name_as_available(clock: Clock) -> None:
    full = [account(shortname=f"acme-{number}", id=f"id-{number}") for number in range(LONGEST_LIST)]
    cache, service = listing(*full, clock=clock)
    assert not cache.shows_available(service, "free-name")


def test_a_list_older_than_a_minute_shows_no_name_as_available(clock: Clock) -> None:
    cache, service = listing(OTHER, clock=clock)
    clock.now += FRESH_SECONDS + 0.1
    assert not cache.shows_available(service, "acme-corp")


def test_no_list_is_fetched_to_show_that_a_name_is_available(clock: Clock) -> None:
    service = bound(ScriptedService(), clock)
    assert not CustomerCache().shows_available(service, "acme-corp")
    assert service.verbs == []


def test_a_list_shows_a_name_as_available_once(clock: Clock) -> None:
    """After the first attempt the customer may exist."""
    cache, service = listing(OTHER, clock=clock)
    assert cache.shows_available(service, "acme-corp")
    assert not cache.shows_available(service, "Acme-corp")


@pytest.mark.parametrize("written", [account(), None], ids=["written", "deleted"])
def test_a_list_shows_no_name_as_available_that_this_process_wrote(written: Account | None, clock: Clock) -> None:
    cache, service = listing(OTHER, clock=clock)
    cache.note("acme-corp", written)
    assert not cache.shows_available(service, "acme-corp")


def test_a_credential_is_tested_once(clock: Clock) -> None:
    service, cache = bound(ScriptedService(tokens=[None]), clock), CustomerCache()
    for _ in range(3):
        cache.authenticate(service)
    assert service.verbs == ["TOKEN"]


def test_a_rejected_credential_raises_for_all_after_one_request(clock: Clock) -> None:
    service, cache = bound(ScriptedService(tokens=[unauthorized()]), clock), CustomerCache()
    for _ in range(3):
        with pytest.raises(Unauthorized):
            cache.authenticate(service)
    assert service.verbs == ["TOKEN"]
