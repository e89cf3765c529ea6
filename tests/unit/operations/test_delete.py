"""Delete: GET, DELETE, and GETs until the customer is gone."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from pulumi_fusion.customer.model import State
from pulumi_fusion.errors import FusionError, HasSubAccounts, NotOurs, OutcomeUnknown, Protected
from pulumi_fusion.operations.lifecycle import Lifecycle
from pulumi_fusion.operations.operation import CONSISTENCY_SECONDS
from tests.unit.operations.failures import (
    accepted,
    bad_request,
    conflict,
    connection_lost,
    forbidden,
    html_not_found,
    html_page,
    not_found,
    not_sent,
    unauthorized,
)
from tests.unit.operations.scripted import DELAYED, Clock, ScriptedService
from tests.unit.samples import DECLARED, account, state

Make = Callable[..., Lifecycle]
Failure = Callable[[], FusionError]


@pytest.mark.parametrize("kind", ["SLG", "MSSP"])
@pytest.mark.parametrize("is_listed", [False, True])
def test_a_deletion_is_a_get_a_delete_and_a_get_whatever_a_list_shows(
    lifecycle: Make, kind: str, is_listed: bool
) -> None:
    listed = [account(), account(shortname="other-corp", id="id-9")]
    service = ScriptedService(get=[account(), not_found], delete=[None], customers=[listed])
    run = lifecycle(service)
    if is_listed:
        assert run.check({**DECLARED, "shortname": "not-listed"}, None).failures == []
        service.calls.clear()
    run.delete("acme-corp", state(type=kind))
    assert service.verbs == ["GET", "DELETE", "GET"]


def test_a_deletion_waits_until_the_customer_is_gone(lifecycle: Make) -> None:
    service = ScriptedService(get=[account(), [*[account()] * 3, not_found]], delete=[None])
    lifecycle(service).delete("acme-corp", state())
    assert service.changing == ["DELETE"]


def test_a_deletion_without_effect_has_an_unknown_outcome(lifecycle: Make, clock: Clock) -> None:
    began = clock.now
    service = ScriptedService(get=[account()], delete=[None])
    with pytest.raises(OutcomeUnknown, match="the deletion was accepted, but the customer is still there"):
        lifecycle(service).delete("acme-corp", state())
    assert service.changing == ["DELETE"]
    assert CONSISTENCY_SECONDS <= clock.now - began <= 2 * CONSISTENCY_SECONDS


@pytest.mark.parametrize(
    "answer",
    [not_found(), connection_lost(), forbidden(), not_sent(), html_not_found(), account(id="id-2")],
    ids=["not found", "connection lost", "forbidden", "not sent", "page with 404", "another id"],
)
def test_an_accepted_deletion_succeeds_unless_a_get_contradicts_it(lifecycle: Make, answer: object) -> None:
    service = ScriptedService(get=[account(), answer], delete=[None])
    lifecycle(service).delete("acme-corp", state())
    assert service.changing == ["DELETE"]


def test_a_customer_without_an_id_after_the_delete_is_still_there(lifecycle: Make) -> None:
    service = ScriptedService(get=[account(), account(id=None)], delete=[None])
    with pytest.raises(OutcomeUnknown, match="the deletion was accepted, but the customer is still there"):
        lifecycle(service).delete("acme-corp", state())


@pytest.mark.parametrize("answer", [html_page, accepted])
def test_an_accepted_deletion_is_not_trusted_where_a_gateway_accepts_the_get_too(
    lifecycle: Make, answer: Failure
) -> None:
    """Something that accepts every request may have answered the DELETE."""
    service = ScriptedService(get=[account(), answer], delete=[None])
    with pytest.raises(OutcomeUnknown, match="the deletion was accepted, but since then "):
        lifecycle(service).delete("acme-corp", state())
    assert service.changing == ["DELETE"]

    service = ScriptedService(get=[account(), [answer, not_found]], delete=[None])
    lifecycle(service).delete("acme-corp", state())


def test_deletion_protection_fails_before_any_request(lifecycle: Make) -> None:
    service = ScriptedService()
    with pytest.raises(Protected, match="set deletion_protection=False, run `pulumi up`, then delete again"):
        lifecycle(service).delete("acme-corp", state(deletion_protection=True))
    assert service.calls == []


def test_a_deletion_of_a_missing_customer_sends_no_delete(lifecycle: Make) -> None:
    service = ScriptedService(get=[not_found])
    lifecycle(service).delete("acme-corp", state())
    assert service.changing == []


def test_a_delete_that_answers_404_succeeds(lifecycle: Make) -> None:
    service = ScriptedService(get=[account()], delete=[not_found])
    lifecycle(service).delete("acme-corp", state())
    assert service.changing == ["DELETE"]


def test_a_customer_that_shows_after_a_first_404_is_deleted(lifecycle: Make) -> None:
    """A GET may lag behind the create of an earlier run."""
    service = ScriptedService(get=[[not_found, account()], not_found], delete=[None])
    lifecycle(service).delete("acme-corp", state())
    assert service.changing == ["DELETE"]


def test_a_customer_that_only_the_list_shows_is_deleted(lifecycle: Make) -> None:
    service = ScriptedService(get=[not_found], customers=[[account()]], delete=[None])
    lifecycle(service).delete("acme-corp", state())
    assert service.changing == ["DELETE"]


@pytest.mark.parametrize(
    ("old", "live"),
    [(state(customer_id=None), account()), (state(), account(id="id-2")), (state(), account(id=None))],
    ids=["no id in the state", "another id", "no id shown"],
)
def test_no_delete_is_sent_without_the_id_of_the_state(lifecycle: Make, old: State, live: object) -> None:
    service = ScriptedService(get=[live])
    with pytest.raises(NotOurs):
        lifecycle(service).delete("acme-corp", old)
    assert service.changing == []


@pytest.mark.parametrize("failure", [bad_request, conflict, forbidden, unauthorized, not_sent])
def test_a_rejected_delete_raises_and_is_not_repeated(lifecycle: Make, failure: Failure) -> None:
    service = ScriptedService(get=[account()], delete=[failure])
    with pytest.raises(type(failure())):
        lifecycle(service).delete("acme-corp", state())
    assert service.changing == ["DELETE"]


def test_a_delete_with_a_lost_answer_that_was_carried_out_succeeds(lifecycle: Make) -> None:
    service = ScriptedService(get=[account(), not_found], delete=[connection_lost])
    lifecycle(service).delete("acme-corp", state())
    assert service.changing == ["DELETE"]


def test_a_delete_with_a_lost_answer_is_sent_again_where_the_customer_remains(lifecycle: Make) -> None:
    service = ScriptedService(get=[account(), account(), not_found], delete=[connection_lost, None])
    lifecycle(service).delete("acme-corp", state())
    assert service.changing == ["DELETE", "DELETE"]


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (account(id="id-2"), "since another customer (id 'id-2') has the shortname now"),
        (account(children=2), "it has 2 sub-accounts"),
        (forbidden(), "the service answered 403"),
    ],
    ids=["another id", "customers below", "forbidden"],
)
def test_a_delete_with_a_lost_answer_is_not_sent_again_without_confirmation(
    lifecycle: Make, answer: object, reason: str
) -> None:
    service = ScriptedService(get=[account(), answer], delete=[connection_lost])
    with pytest.raises(OutcomeUnknown) as raised:
        lifecycle(service).delete("acme-corp", state())
    assert reason in str(raised.value)
    assert service.changing == ["DELETE"]


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (account(id="id-2"), NotOurs),
        (account(id=None), NotOurs),
        (connection_lost(), NotOurs),
        (forbidden(), NotOurs),
        (account(children=1), HasSubAccounts),
    ],
    ids=["another id", "no id", "connection lost", "forbidden", "customers below"],
)
def test_a_delayed_delete_is_not_sent_without_confirmation(
    lifecycle: Make, answer: object, error: type[FusionError]
) -> None:
    service = ScriptedService(get=[account(), answer], delete=[DELAYED])
    with pytest.raises(error, match="Nothing was"):
        lifecycle(service).delete("acme-corp", state())
    assert service.changing == ["DELETE"]


def test_a_delayed_delete_is_sent_where_the_customer_is_the_same(lifecycle: Make) -> None:
    service = ScriptedService(get=[account(), account(), not_found], delete=[DELAYED, None])
    lifecycle(service).delete("acme-corp", state())
    assert service.changing == ["DELETE", "DELETE"]


def test_a_delayed_delete_is_not_needed_where_the_customer_is_gone(lifecycle: Make) -> None:
    service = ScriptedService(get=[account(), not_found], delete=[DELAYED])
    lifecycle(service).delete("acme-corp", state())
    assert service.changing == ["DELETE"]


def test_a_deletion_ends_within_the_deadline_of_the_call(lifecycle: Make, clock: Clock) -> None:
    started = clock.now
    with pytest.raises(OutcomeUnknown):
        lifecycle(ScriptedService(get=[account()], delete=[None])).within(deadline=7).delete("acme-corp", state())
    assert clock.now - started <= 7
