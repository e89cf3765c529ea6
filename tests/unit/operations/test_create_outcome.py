"""Create after the answer to a POST is lost: GETs find out what it did, and a second POST follows absence only."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from pulumi_fusion.customer.model import State
from pulumi_fusion.errors import FusionError, InDoubt, NotOurs, OutcomeUnknown
from pulumi_fusion.operations.lifecycle import Lifecycle
from pulumi_fusion.operations.operation import CONSISTENCY_SECONDS
from tests.unit.operations.failures import (
    bad_request,
    conflict,
    connection_lost,
    forbidden,
    html_page,
    not_found,
    not_sent,
    rate_limited,
    unauthorized,
)
from tests.unit.operations.scripted import DELAYED, Clock, ScriptedService
from tests.unit.samples import PARENT, POSTED, account, declared

Make = Callable[..., Lifecycle]
Failure = Callable[[], FusionError]


@pytest.mark.parametrize("unclear", [connection_lost, html_page])
@pytest.mark.parametrize("misses", [0, 1, 4])
def test_a_customer_that_a_post_with_a_lost_answer_created_is_kept(
    lifecycle: Make, unclear: Callable[[], InDoubt], misses: int, warnings: list[str]
) -> None:
    service = ScriptedService(get=[not_found, [*[not_found] * misses, account()]], post=[unclear])
    assert lifecycle(service).create(declared()).customer_id == "id-1"
    assert service.changing == ["POST"]
    assert warnings == []


@pytest.mark.parametrize(
    ("field", "value", "named"),
    [
        ("data_retention", 7, "retention"),
        ("rollup_retention", 365, "rollupRetention"),
        ("trial", True, "trial"),
        ("organization", "Other Inc.", "organization"),
        ("type", "reseller", "type"),
        ("fps", 5, "fps"),
        ("shortname", "other-corp", "shortname"),
        ("parent", "another-msp", "parent"),
    ],
)
def test_a_customer_that_differs_from_what_was_sent_is_not_kept(
    lifecycle: Make, field: str, value: Any, named: str
) -> None:
    other = account(**{field: value, "id": "id-9"})
    service = ScriptedService(get=[not_found, other], post=[connection_lost])
    with pytest.raises(NotOurs) as raised:
        lifecycle(service).create(declared(contractual_flows_per_second=5000))
    assert f"differs in {named} from what was sent" in str(raised.value)
    assert "adopt='id-9'" in str(raised.value)
    assert service.changing == ["POST"]


def test_a_second_post_follows_absence_for_the_consistency_timeout(lifecycle: Make, clock: Clock) -> None:
    posted: list[float] = []

    def fail() -> InDoubt:
        posted.append(clock.now)
        return connection_lost()

    def succeed() -> object:
        posted.append(clock.now)
        return account()

    service = ScriptedService(get=[not_found], post=[fail, succeed])
    assert lifecycle(service).create(declared()).customer_id == "id-1"
    assert service.changing == ["POST", "POST"]
    assert posted[1] - posted[0] >= CONSISTENCY_SECONDS
    assert service.bodies("POST") == [POSTED, POSTED]


@pytest.mark.parametrize("unclear", [html_page, connection_lost, forbidden, not_sent, rate_limited, bad_request])
def test_one_unclear_answer_restarts_the_consistency_timeout(lifecycle: Make, clock: Clock, unclear: Failure) -> None:
    interrupted: list[float] = []
    posted: list[float] = []

    def get() -> FusionError:
        if posted and not interrupted and clock.now - posted[0] > CONSISTENCY_SECONDS * 0.8:
            interrupted.append(clock.now)
            return unclear()
        return not_found()

    def fail() -> InDoubt:
        posted.append(clock.now)
        return connection_lost()

    service = ScriptedService(get=[get], post=[fail, fail])
    with pytest.raises(OutcomeUnknown):
        lifecycle(service).create(declared())
    assert len(posted) == 2
    assert posted[1] - interrupted[0] >= CONSISTENCY_SECONDS


def test_no_second_post_is_sent_where_the_list_shows_the_customer(lifecycle: Make) -> None:
    created = ScriptedService(get=[not_found], post=[connection_lost], customers=[[account()]])
    assert lifecycle(created).create(declared()).customer_id == "id-1"

    other = ScriptedService(get=[not_found], post=[connection_lost], customers=[[account(trial=True, id="id-9")]])
    with pytest.raises(NotOurs, match="adopt='id-9'"):
        lifecycle(other).create(declared())
    assert created.changing == other.changing == ["POST"]


@pytest.mark.parametrize("failure", [html_page, connection_lost, forbidden, not_sent, rate_limited])
def test_a_second_post_does_not_need_the_list(lifecycle: Make, failure: Failure) -> None:
    service = ScriptedService(get=[not_found], post=[connection_lost, account()], customers=[failure])
    assert lifecycle(service).create(declared()).customer_id == "id-1"


def test_there_is_no_third_post(lifecycle: Make) -> None:
    service = ScriptedService(get=[not_found], post=[connection_lost, connection_lost])
    with pytest.raises(OutcomeUnknown) as raised:
        lifecycle(service).create(declared())
    assert service.changing == ["POST", "POST"]
    assert str(raised.value) == (
        "Could not create the customer 'acme-corp': the request was sent, the connection was reset, and whether the "
        "customer exists could not be found out since. Run `pulumi up` again. If the customer wasn't created, it will "
        'be now. If it was, the run fails and prints its id; set adopt="<id>" on this Customer to manage it.'
    )


@pytest.mark.parametrize("answer", [bad_request, conflict, connection_lost])
def test_the_customer_of_the_first_post_is_found_after_the_second_one_failed(lifecycle: Make, answer: Failure) -> None:
    service = ScriptedService(get=[not_found, not_found, account()], post=[connection_lost, answer])
    assert lifecycle(service).create(declared()).customer_id == "id-1"
    assert service.changing == ["POST", "POST"]


def test_the_customer_of_the_first_post_is_found_by_the_recheck_of_a_delayed_second_one(lifecycle: Make) -> None:
    service = ScriptedService(get=[not_found, not_found, account()], post=[connection_lost, DELAYED])
    assert lifecycle(service).create(declared()).customer_id == "id-1"
    assert service.changing == ["POST", "POST"]


@pytest.mark.parametrize("failure", [not_sent, unauthorized, forbidden, rate_limited])
def test_the_outcome_is_unknown_where_a_second_post_was_not_carried_out(lifecycle: Make, failure: Failure) -> None:
    service = ScriptedService(get=[not_found], post=[connection_lost, failure])
    with pytest.raises(OutcomeUnknown):
        lifecycle(service).create(declared())
    assert service.changing == ["POST", "POST"]


@pytest.mark.parametrize("failure", [html_page, connection_lost, not_sent, unauthorized, forbidden, bad_request])
def test_the_outcome_is_unknown_at_the_deadline_where_gets_fail(
    lifecycle: Make, clock: Clock, failure: Failure
) -> None:
    started = clock.now
    service = ScriptedService(get=[not_found, failure], post=[connection_lost])
    with pytest.raises(OutcomeUnknown):
        lifecycle(service, deadline=30.0).create(declared())
    assert service.changing == ["POST"]
    assert clock.now - started <= 30.0


def test_an_interrupt_while_polling_sends_no_further_request(lifecycle: Make, clock: Clock) -> None:
    interrupted_after: list[int] = []

    def interrupt(seconds: float) -> None:
        clock.set()
        interrupted_after.append(len(service.calls))

    service = ScriptedService(get=[not_found], post=[connection_lost])
    clock.on_wait = interrupt
    with pytest.raises(OutcomeUnknown):
        lifecycle(service).create(declared())
    assert service.changing == ["POST"]
    assert interrupted_after == [len(service.calls)]


def test_an_unknown_outcome_has_the_properties_that_the_state_keeps(lifecycle: Make) -> None:
    service = ScriptedService(get=[not_found, html_page], post=[connection_lost])
    with pytest.raises(OutcomeUnknown) as unknown:
        lifecycle(service).create(declared())
    assert unknown.value.partial_state == {**State.recall(declared().model_dump()).properties(), "parent": PARENT}
    assert "customerId" not in unknown.value.partial_state
