"""Read: the list of the run, a GET where it does not answer, and a missing customer only where it is confirmed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from pulumi_fusion.customer.model import State
from pulumi_fusion.errors import AbsenceNotProved, Cancelled, FusionError, NotOurs
from pulumi_fusion.operations.cache import LONGEST_LIST
from pulumi_fusion.operations.lifecycle import Lifecycle
from pulumi_fusion.operations.operation import CONSISTENCY_SECONDS
from pulumi_fusion.operations.read import NOT_FOUND_CHECKS
from tests.unit.operations.failures import (
    bad_request,
    connection_lost,
    forbidden,
    html_page,
    not_found,
    not_sent,
    rate_limited,
    unauthorized,
)
from tests.unit.operations.scripted import Clock, ScriptedService
from tests.unit.samples import DECLARED, PARENT, account, declared, state

Make = Callable[..., Lifecycle]
Failure = Callable[[], FusionError]


def test_one_list_answers_all_reads_of_a_run(lifecycle: Make) -> None:
    service = ScriptedService(customers=[[account(), account(shortname="other-corp", id="id-2")]])
    run = lifecycle(service)
    for shortname, customer_id in (("acme-corp", "id-1"), ("other-corp", "id-2"), ("acme-corp", "id-1")):
        shown = run.read(shortname, state(shortname=shortname, customer_id=customer_id))
        assert shown is not None
        assert shown.customer_id == customer_id
    assert sorted(service.verbs) == ["LIST", "TYPES"]  # both at once


def test_a_list_of_maximum_length_warns_and_other_customers_are_read_by_gets(
    lifecycle: Make, warnings: list[str]
) -> None:
    full = [account(shortname=f"acme-{number}", id=f"id-{number}") for number in range(LONGEST_LIST)]
    run = lifecycle(ScriptedService(customers=[full], get=[account()]))
    assert run.read("acme-7", state(shortname="acme-7", customer_id="id-7")) is not None
    assert warnings == []
    assert run.read("acme-corp", state()) is not None
    assert run.check({**DECLARED, "shortname": "acme-new"}, None).failures == []
    assert "lists 1000 customers at most" in warnings[0]
    assert set(warnings) == {warnings[0]}  # a frontend shows each sentence once


def test_a_customer_that_the_list_lacks_is_read_by_a_get(lifecycle: Make) -> None:
    service = ScriptedService(customers=[[]], get=[account(trial=True, data_retention=7)])
    shown = lifecycle(service).read("acme-corp", state())
    assert shown is not None
    assert (shown.status, shown.data_retention, shown.email) == ("Trial Active", 7, DECLARED["email"])


def test_a_customer_is_read_by_a_get_where_the_list_fails(lifecycle: Make) -> None:
    service = ScriptedService(customers=[html_page], get=[account()])
    assert lifecycle(service).read("acme-corp", state()) == state()


def test_a_customer_is_missing_only_after_the_consistency_timeout(lifecycle: Make, clock: Clock) -> None:
    """A write of an earlier run may not show before."""
    began = clock.now
    run = lifecycle(ScriptedService(get=[not_found]))
    assert run.read("acme-corp", state()) is None
    assert clock.now - began >= CONSISTENCY_SECONDS

    began = clock.now
    assert run.read("other-one", state(shortname="other-one")) is None
    assert clock.now - began < CONSISTENCY_SECONDS / 2  # one wait for all customers of a run

    late = ScriptedService(get=[lambda: account() if clock.now - began > CONSISTENCY_SECONDS * 0.9 else not_found()])
    began = clock.now
    assert lifecycle(late).read("acme-corp", state()) == state()


def test_a_missing_customer_is_confirmed_by_several_404s_however_late(lifecycle: Make, clock: Clock) -> None:
    service = ScriptedService(get=[not_found])
    run = lifecycle(service)
    clock.now += 2 * CONSISTENCY_SECONDS
    assert run.read("acme-corp", state()) is None
    assert service.verbs.count("GET") == NOT_FOUND_CHECKS


@pytest.mark.parametrize("operate", ["read", "delete"])
@pytest.mark.parametrize(
    "failure", [html_page, connection_lost, forbidden, unauthorized, bad_request, not_sent, rate_limited]
)
@pytest.mark.parametrize("misses", [0, 1, 2])
def test_a_customer_is_not_missing_where_a_get_fails(
    lifecycle: Make, operate: str, failure: Failure, misses: int
) -> None:
    service = ScriptedService(get=[[*[not_found] * misses, failure]])
    with pytest.raises(type(failure()), match=f"Could not {operate} the customer 'acme-corp': "):
        getattr(lifecycle(service), operate)("acme-corp", state())
    assert service.changing == []


@pytest.mark.parametrize("operate", ["read", "delete"])
@pytest.mark.parametrize("failure", [html_page, connection_lost, forbidden])
def test_a_customer_is_not_missing_where_the_list_fails(lifecycle: Make, operate: str, failure: Failure) -> None:
    service = ScriptedService(get=[not_found], customers=[failure, failure])
    with pytest.raises(type(failure()), match=f"Could not {operate} the customer 'acme-corp'"):
        getattr(lifecycle(service), operate)("acme-corp", state())
    assert service.changing == []


@pytest.mark.parametrize("operate", ["read", "delete"])
def test_a_customer_of_another_parent_is_not_missing(lifecycle: Make, operate: str) -> None:
    service = ScriptedService(get=[not_found])
    with pytest.raises(AbsenceNotProved, match="Work in the account 'other-msp'"):
        getattr(lifecycle(service), operate)("acme-corp", state(parent="other-msp"))
    assert service.changing == []


def test_a_customer_is_not_missing_where_the_read_is_interrupted(lifecycle: Make, clock: Clock) -> None:
    clock.on_wait = lambda seconds: clock.set()
    with pytest.raises(Cancelled):
        lifecycle(ScriptedService(get=[not_found])).read("acme-corp", state())


def test_a_recreated_customer_with_another_id_is_not_read_into_the_state(lifecycle: Make) -> None:
    with pytest.raises(NotOurs) as raised:
        lifecycle(ScriptedService(customers=[[account(id="id-2")]])).read("acme-corp", state())
    assert "the id 'id-1'" in str(raised.value)
    assert "the id 'id-2' now" in str(raised.value)
    assert "pulumi state delete" in str(raised.value)


def test_a_state_without_an_id_gets_the_id_of_an_account_that_matches(lifecycle: Make) -> None:
    service = ScriptedService(get=[account()])
    assert lifecycle(service).read("acme-corp", state(customer_id=None)) == state()


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("data_retention", 7),
        ("rollup_retention", 365),
        ("organization", "Other Inc."),
        ("type", "reseller"),
        ("parent", "another-msp"),
    ],
)
def test_a_state_without_an_id_does_not_get_the_id_of_an_account_that_differs(
    lifecycle: Make, field: str, value: Any
) -> None:
    with pytest.raises(NotOurs):
        lifecycle(ScriptedService(get=[account(**{field: value})])).read("acme-corp", state(customer_id=None))


def test_a_read_into_an_empty_state_takes_what_the_service_shows(lifecycle: Make) -> None:
    service = ScriptedService(get=[account(type="reseller", organization="Acme Inc.")])
    shown = lifecycle(service).read("acme-corp", State())
    assert shown is not None
    assert shown.properties() == {
        "shortname": "acme-corp",
        "type": "reseller",
        "organization": "Acme Inc.",
        "status": "Active",
        "dataRetention": 45,
        "rollupRetention": 90,
        "customerId": "id-1",
        "ingestIp": "192.0.2.1",
        "ingestPort": 2055,
        "parent": PARENT,
        "node": f"{PARENT}/acme-corp",
    }


def test_an_update_of_this_run_replaces_what_an_older_list_shows(lifecycle: Make) -> None:
    updated = account(data_retention=7)
    run = lifecycle(ScriptedService(customers=[[account()]], get=[account(), updated], put=[updated]))
    assert run.read("acme-corp", state()) == state()
    run.update(state(), declared(data_retention=7))
    assert run.read("acme-corp", state()) == state(data_retention=7)


def test_a_deletion_of_this_run_replaces_what_an_older_list_shows(lifecycle: Make) -> None:
    run = lifecycle(ScriptedService(customers=[[account()]], get=[account(), not_found], delete=[None]))
    assert run.read("acme-corp", state()) == state()
    run.delete("acme-corp", state())
    assert run.read("acme-corp", state()) is None
    assert run.check(DECLARED, None).failures == []
