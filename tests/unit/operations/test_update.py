"""Update: GET, the id, one complete PUT, and GETs until the change shows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pulumi_fusion.customer.model import State
from pulumi_fusion.errors import FusionError, NotFound, NotOurs, OutcomeUnknown
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
    unauthorized,
)
from tests.unit.operations.scripted import DELAYED, Clock, ScriptedService, stopped_clock
from tests.unit.samples import PUT_BODY, account, declared, state

Make = Callable[..., Lifecycle]
Failure = Callable[[], FusionError]

RENAMED = declared(organization="Acme Ltd.")

UPDATES: list[tuple[dict[str, Any], dict[str, Any], dict[str, Any]]] = [
    ({"organization": "Acme Ltd."}, {"organization": "Acme Ltd."}, {"organization": "Acme Ltd."}),
    ({"type": "MSSP"}, {"type": "reseller"}, {"type": "reseller"}),
    ({"status": "Trial Active"}, {"trial": True}, {"trial": True}),
    ({"data_retention": 7}, {"retention": 7}, {"data_retention": 7}),
    ({"rollup_retention": 365}, {"rollupRetention": 365}, {"rollup_retention": 365}),
    ({"contractual_flows_per_second": 9}, {"fps": 9}, {"fps": 9}),
    ({"multi_account": True}, {"type": "reseller"}, {"type": "reseller"}),
    ({"internal": True}, {"type": "staff"}, {"type": "staff"}),
]


@pytest.mark.parametrize(("changed", "body", "shown"), UPDATES, ids=lambda part: "-".join(part))
def test_each_change_is_one_complete_put(
    lifecycle: Make, changed: dict[str, Any], body: dict[str, Any], shown: dict[str, Any]
) -> None:
    service = ScriptedService(get=[account(), account(**shown)], put=[account(**shown)])
    after = lifecycle(service).update(state(), declared(**changed))
    assert service.verbs == ["TYPES", "GET", "PUT", "GET"]
    assert service.bodies("PUT") == [{**PUT_BODY, **body}]
    assert after == state(**changed)


@pytest.mark.parametrize(
    "changed",
    [
        {},
        {"email": "b@acme.example"},
        {"given_name": "Bo"},
        {"family_name": "Day"},
        {"deletion_protection": True},
        {"adopt": "id-1"},
    ],
    ids=lambda part: "-".join(part) or "nothing",
)
def test_a_change_that_only_the_state_records_sends_no_request(lifecycle: Make, changed: dict[str, Any]) -> None:
    service = ScriptedService()
    assert lifecycle(service).update(state(), declared(**changed)) == state(**changed)
    assert service.calls == []


OPTIONAL: dict[str, Any] = {
    "contractual_flows_per_second": 5000,
    "multi_account": True,
    "internal": True,
    "deletion_protection": True,
    "adopt": "id-1",
}


@given(stated=st.sets(st.sampled_from(sorted(OPTIONAL))), service_shows_all=st.booleans())
def test_a_put_resets_no_field_that_the_program_leaves_out(stated: set[str], service_shows_all: bool) -> None:
    live = account(type="staff", fps=5000, organization="Acme Inc.") if service_shows_all else account()
    service = ScriptedService(get=[live, live.model_copy(update={"data_retention": 90})], put=[live])
    inputs = declared(data_retention=90, **{name: OPTIONAL[name] for name in stated})
    with stopped_clock() as clock:
        after = Lifecycle.of_run(lambda: service, cancelled=clock).update(state(**OPTIONAL), inputs)
    assert service.bodies("PUT") == [{**PUT_BODY, "type": "staff", "retention": 90, "fps": 5000}]
    assert after == state(**OPTIONAL, data_retention=90)


@pytest.mark.parametrize("fps", [{"live": 7}, {"known": 7}, {"live": 7, "known": 8}, {"declared": 7, "live": 8}, {}])
def test_a_put_sends_the_flows_of_the_program_else_of_the_service_else_of_the_state(
    lifecycle: Make, fps: dict[str, int]
) -> None:
    live = account(fps=fps.get("live"), trial=True)
    old = state(contractual_flows_per_second=fps.get("known"))
    inputs = declared(status="Trial Active", contractual_flows_per_second=fps.get("declared"))
    service = ScriptedService(get=[live, live.model_copy(update={"fps": 7 if fps else None})], put=[live])
    lifecycle(service).update(old, inputs)
    [body] = service.bodies("PUT")
    assert body.get("fps") == (7 if fps else None)


@pytest.mark.parametrize(
    ("old", "live"),
    [(state(customer_id=None), account()), (state(), account(id="id-2")), (state(), account(id=None))],
    ids=["no id in the state", "another id", "no id shown"],
)
def test_no_put_is_sent_without_the_id_of_the_state(lifecycle: Make, old: State, live: object) -> None:
    service = ScriptedService(get=[live])
    with pytest.raises(NotOurs):
        lifecycle(service).update(old, RENAMED)
    assert service.changing == []


@pytest.mark.parametrize("failure", [not_found, html_page, forbidden, unauthorized, connection_lost])
def test_no_put_is_sent_where_the_get_fails(lifecycle: Make, failure: Failure) -> None:
    service = ScriptedService(get=[failure])
    with pytest.raises(type(failure()), match="Could not update the customer 'acme-corp'"):
        lifecycle(service).update(state(), RENAMED)
    assert service.changing == []


@pytest.mark.parametrize("failure", [bad_request, conflict, forbidden, not_found, not_sent])
def test_a_rejected_put_raises_and_is_not_repeated(lifecycle: Make, failure: Failure) -> None:
    service = ScriptedService(get=[account()], put=[failure])
    with pytest.raises(type(failure())):
        lifecycle(service).update(state(), RENAMED)
    assert service.changing == ["PUT"]


def test_a_put_with_a_lost_answer_is_sent_again_to_the_same_account_only(lifecycle: Make) -> None:
    same = ScriptedService(get=[account()], put=[connection_lost, account()])
    lifecycle(same).update(state(), RENAMED)
    assert same.changing == ["PUT", "PUT"]

    other = ScriptedService(get=[account(), account(id="id-2")], put=[connection_lost])
    with pytest.raises(OutcomeUnknown, match="The state was not changed"):
        lifecycle(other).update(state(), RENAMED)
    assert other.changing == ["PUT"]

    deleted = ScriptedService(get=[account(), not_found], put=[connection_lost])
    with pytest.raises(NotFound):
        lifecycle(deleted).update(state(), RENAMED)
    assert deleted.changing == ["PUT"]


@pytest.mark.parametrize(
    "answer",
    [account(id="id-2"), account(id=None), connection_lost(), forbidden()],
    ids=["another id", "no id", "connection lost", "forbidden"],
)
def test_a_delayed_put_is_sent_to_the_same_account_only(lifecycle: Make, answer: object) -> None:
    other = ScriptedService(get=[account(), answer], put=[DELAYED])
    with pytest.raises(NotOurs, match="Nothing was changed"):
        lifecycle(other).update(state(), declared(data_retention=7))
    assert other.changing == ["PUT"]

    updated = account(data_retention=7)
    same = ScriptedService(get=[account(), account(), updated], put=[DELAYED, updated])
    lifecycle(same).update(state(), declared(data_retention=7))
    assert same.changing == ["PUT", "PUT"]


@pytest.mark.parametrize("failure", [connection_lost, html_page])
def test_an_update_has_an_unknown_outcome_where_the_gets_after_a_lost_answer_fail(
    lifecycle: Make, failure: Failure
) -> None:
    service = ScriptedService(get=[account(), failure], put=[connection_lost])
    with pytest.raises(OutcomeUnknown):
        lifecycle(service).update(state(), RENAMED)
    assert service.changing == ["PUT"]


def test_a_put_whose_answers_are_lost_is_sent_three_times_at_most(lifecycle: Make) -> None:
    service = ScriptedService(get=[account()], put=[connection_lost] * 4)
    with pytest.raises(OutcomeUnknown):
        lifecycle(service).update(state(), RENAMED)
    assert service.changing == ["PUT"] * 3


def test_an_interrupt_after_a_put_with_a_lost_answer_sends_no_further_request(lifecycle: Make, clock: Clock) -> None:
    clock.on_wait = lambda seconds: clock.set()
    service = ScriptedService(get=[account()], put=[connection_lost])
    with pytest.raises(OutcomeUnknown):
        lifecycle(service).update(state(), RENAMED)
    assert service.verbs[-1] == "PUT"


def test_an_update_with_an_unknown_outcome_keeps_the_state(lifecycle: Make) -> None:
    service = ScriptedService(get=[account(), html_page], put=[connection_lost])
    with pytest.raises(OutcomeUnknown) as unknown:
        lifecycle(service).update(state(), RENAMED, state())
    assert unknown.value.partial_state == state().properties()


def test_an_update_waits_until_the_change_shows(lifecycle: Make, warnings: list[str]) -> None:
    updated = account(data_retention=7)
    service = ScriptedService(get=[account(), [account(), account(), updated]], put=[account()])
    assert lifecycle(service).update(state(), declared(data_retention=7)).data_retention == 7
    assert service.changing == ["PUT"]
    assert warnings == []


def test_an_update_that_does_not_show_in_time_warns_and_keeps_the_answer(
    lifecycle: Make, clock: Clock, warnings: list[str]
) -> None:
    started = clock.now
    service = ScriptedService(get=[account()], put=[account(data_retention=90)])
    after = lifecycle(service).update(state(), declared(data_retention=7))
    assert after.data_retention == 90
    assert warnings == ["acme-corp: the update was accepted, but the service does not show it yet."]
    assert CONSISTENCY_SECONDS <= clock.now - started <= CONSISTENCY_SECONDS + 2.1


@pytest.mark.parametrize("failure", [html_page, connection_lost, unauthorized])
def test_an_accepted_update_succeeds_with_a_warning_where_the_get_fails(
    lifecycle: Make, failure: Failure, warnings: list[str]
) -> None:
    service = ScriptedService(get=[account(), failure], put=[account(data_retention=7)])
    assert lifecycle(service).update(state(), declared(data_retention=7)).data_retention == 7
    assert len(warnings) == 1
