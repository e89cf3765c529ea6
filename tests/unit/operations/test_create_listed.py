"""Create where the run's preflight has fetched the list of customers, which may replace the GET."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from pulumi_fusion.errors import AlreadyExists, NotOurs, NotSent
from pulumi_fusion.operations.lifecycle import Lifecycle
from tests.unit.operations.failures import conflict, connection_lost, not_found, not_sent
from tests.unit.operations.scripted import DELAYED, Clock, ScriptedService
from tests.unit.samples import DECLARED, account, declared, state

Make = Callable[..., Lifecycle]

OTHER = account(shortname="other-corp", id="id-9")


def after_preflight(lifecycle: Make, *listed: Any, **answers: Any) -> tuple[Lifecycle, ScriptedService]:
    """Return a life cycle whose preflight fetched the list, and its service."""
    service = ScriptedService(customers=[listed], **answers)
    run = lifecycle(service)
    assert run.check({**DECLARED, "shortname": "not-listed"}, None).failures == []
    service.calls.clear()
    return run, service


def test_the_list_of_the_preflight_replaces_the_get_before_a_create(lifecycle: Make) -> None:
    run, service = after_preflight(lifecycle, OTHER, post=[account()])
    assert run.create(declared()).customer_id == "id-1"
    assert service.verbs == ["POST"]


@pytest.mark.parametrize(
    "listed",
    [account(), account(shortname="Acme-Corp"), account(shortname="msp-corp", children=2)],
    ids=["the shortname", "the shortname in other case", "incomplete"],
)
def test_create_needs_a_get_where_the_list_does_not_show_that_the_shortname_is_available(
    lifecycle: Make, listed: Any
) -> None:
    run, service = after_preflight(lifecycle, OTHER, listed, get=[account()])
    with pytest.raises(AlreadyExists):
        run.create(declared())
    assert service.changing == []


def test_create_needs_a_get_where_the_list_is_older_than_a_minute(lifecycle: Make, clock: Clock) -> None:
    run, service = after_preflight(lifecycle, OTHER, get=[account()])
    clock.now += 60.1
    with pytest.raises(AlreadyExists):
        run.create(declared())
    assert service.changing == []


def test_create_needs_a_get_where_a_get_of_this_run_has_shown_a_customer(lifecycle: Make) -> None:
    """It may have been created after the list."""
    run, service = after_preflight(lifecycle, OTHER, get=[account()])
    with pytest.raises(NotOurs):
        run.update(state(customer_id="id-2"), declared(organization="Other"))
    with pytest.raises(AlreadyExists):
        run.create(declared())
    assert service.changing == []


@pytest.mark.parametrize("misses", [0, 3])
def test_the_customer_of_a_post_with_a_lost_answer_is_kept_after_a_list(lifecycle: Make, misses: int) -> None:
    found = [*[not_found] * misses, account()]
    run, service = after_preflight(lifecycle, OTHER, post=[connection_lost], get=[not_found, found])
    assert run.create(declared()).customer_id == "id-1"
    assert service.changing == ["POST"]


@pytest.mark.parametrize("parent", [None, "another-msp"])
def test_a_customer_that_the_list_could_not_show_is_not_kept(lifecycle: Make, parent: str | None) -> None:
    shown = account(parent=parent)
    run, service = after_preflight(lifecycle, OTHER, post=[connection_lost], get=[not_found, shown])
    with pytest.raises(NotOurs, match="differs in parent from what was sent"):
        run.create(declared())
    assert service.changing == ["POST"]


@pytest.mark.parametrize("parent", [None, "another-msp"])
def test_the_id_of_a_customer_that_the_list_could_not_show_is_not_taken(
    lifecycle: Make, parent: str | None, warnings: list[str]
) -> None:
    shown = account(parent=parent)
    run, service = after_preflight(lifecycle, OTHER, post=[account(id=None)], get=[not_found, shown])
    assert run.create(declared()).customer_id is None
    assert "the service returned no id" in warnings[0]
    assert service.changing == ["POST"]


def test_a_rejected_post_after_a_list_is_followed_by_a_get(lifecycle: Make) -> None:
    shown = account(parent="another-msp")
    run, service = after_preflight(lifecycle, OTHER, post=[conflict], get=[not_found, shown])
    with pytest.raises(AlreadyExists):
        run.create(declared())
    assert service.changing == ["POST"]


def test_a_delayed_post_after_a_list_is_preceded_by_a_get(lifecycle: Make) -> None:
    run, service = after_preflight(lifecycle, OTHER, post=[DELAYED], get=[account()])
    with pytest.raises(AlreadyExists):
        run.create(declared())
    assert service.changing == ["POST"]


def test_the_second_create_of_a_shortname_in_a_run_needs_a_get(lifecycle: Make) -> None:
    run, service = after_preflight(lifecycle, OTHER, post=[not_sent], get=[account()])
    with pytest.raises(NotSent):
        run.create(declared())
    with pytest.raises(AlreadyExists):
        run.create(declared())
    assert service.changing == ["POST"]
