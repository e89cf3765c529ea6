"""Update of a state whose last create or update has an unknown outcome."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from pulumi_fusion.customer.model import State
from pulumi_fusion.errors import AbsenceNotProved, NotOurs, OutcomeUnknown
from pulumi_fusion.operations.lifecycle import Lifecycle
from pulumi_fusion.operations.operation import CONSISTENCY_SECONDS
from tests.unit.operations.failures import connection_lost, html_page, not_found
from tests.unit.operations.scripted import Clock, ScriptedService
from tests.unit.samples import DECLARED, PUT_BODY, account, declared, state

Make = Callable[..., Lifecycle]


def unfinished(**changed: Any) -> State:
    """Return the state of a create whose answer was lost."""
    return State.recall({**DECLARED, "deletionProtection": False}).model_copy(update=changed)


def test_an_unfinished_create_that_was_carried_out_is_recorded_without_a_post(lifecycle: Make) -> None:
    service = ScriptedService(get=[account()])
    finished = lifecycle(service).update(unfinished(), declared(), unfinished())
    assert (finished.customer_id, finished.ingest_ip, finished.email) == ("id-1", "192.0.2.1", DECLARED["email"])
    assert service.changing == []


def test_an_unfinished_create_is_updated_where_the_program_changed_since(lifecycle: Make) -> None:
    changed = account(data_retention=90)
    service = ScriptedService(get=[account(), changed], put=[changed])
    finished = lifecycle(service).update(unfinished(), declared(data_retention=90), unfinished())
    assert finished.data_retention == 90
    assert service.changing == ["PUT"]


def test_an_unfinished_create_is_repeated_after_absence_for_the_consistency_timeout(
    lifecycle: Make, clock: Clock
) -> None:
    service = ScriptedService(get=[not_found], post=[account()])
    assert lifecycle(service).update(unfinished(), declared(), unfinished()).customer_id == "id-1"
    assert service.changing == ["POST"]
    assert sum(clock.waits) >= CONSISTENCY_SECONDS


def test_an_unfinished_create_is_not_repeated_below_another_account(lifecycle: Make) -> None:
    elsewhere = unfinished(parent="another-msp")
    service = ScriptedService(get=[not_found])
    with pytest.raises(AbsenceNotProved, match="created below 'another-msp', so it may exist and not be visible here"):
        lifecycle(service).update(elsewhere, declared(), elsewhere)
    assert service.changing == []


def test_an_unfinished_create_does_not_take_a_customer_that_differs(lifecycle: Make) -> None:
    service = ScriptedService(get=[account(data_retention=7)])
    with pytest.raises(NotOurs, match="differs in retention"):
        lifecycle(service).update(unfinished(), declared(), unfinished())
    assert service.changing == []


def test_an_unfinished_create_takes_a_customer_that_differs_where_adopt_names_its_id(lifecycle: Make) -> None:
    service = ScriptedService(get=[account(data_retention=7), account()], put=[account()])
    finished = lifecycle(service).update(unfinished(), declared(adopt="id-1"), unfinished())
    assert finished.customer_id == "id-1"
    assert service.changing == ["PUT"]


def test_a_repeated_create_with_an_unknown_outcome_keeps_what_was_sent_last(lifecycle: Make) -> None:
    service = ScriptedService(get=[not_found, html_page], post=[connection_lost])
    with pytest.raises(OutcomeUnknown) as unknown:
        lifecycle(service).update(unfinished(), declared(data_retention=90), unfinished())
    assert unknown.value.partial_state is not None
    assert unknown.value.partial_state["dataRetention"] == 90
    assert service.changing == ["POST"]


def test_an_unfinished_update_is_repeated_although_the_program_was_reverted(lifecycle: Make) -> None:
    """The state has the old value and the last inputs the new one, so the service may have either."""
    service = ScriptedService(get=[account()], put=[account()])
    lifecycle(service).update(state(), declared(), state(organization="Acme Ltd."))
    assert service.bodies("PUT") == [PUT_BODY]
