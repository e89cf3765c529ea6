"""Delete a customer that has, or may have, sub-accounts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from pulumi_fusion.errors import HasSubAccounts, NotOurs
from pulumi_fusion.operations.delete import COUNT_SECONDS
from pulumi_fusion.operations.lifecycle import Lifecycle
from pulumi_fusion.operations.operation import CONSISTENCY_SECONDS
from tests.unit.operations.failures import forbidden, html_page, not_found
from tests.unit.operations.scripted import Clock, ScriptedService
from tests.unit.samples import account, state

Make = Callable[..., Lifecycle]

PARENT_OF_TWO = account(children=2, is_parent=True)


@pytest.mark.parametrize(
    ("tree", "reason"),
    [
        ({"children": 3, "is_parent": True}, "it has 3 sub-accounts"),
        ({"children": 3, "is_parent": None}, "it has 3 sub-accounts"),
        ({"children": 0, "is_parent": True}, "it has sub-accounts"),
        ({"children": None, "is_parent": True}, "it has sub-accounts"),
        ({"children": None, "is_parent": None}, "the service does not show whether it has sub-accounts"),
    ],
)
def test_a_customer_with_sub_accounts_is_not_deleted(lifecycle: Make, tree: dict[str, Any], reason: str) -> None:
    service = ScriptedService(get=[account(**tree)])
    with pytest.raises(HasSubAccounts, match=reason):
        lifecycle(service).delete("acme-corp", state())
    assert service.changing == []


@pytest.mark.parametrize("listed", [[], [account(shortname="below-corp", parent="acme-corp")]])
def test_a_deletion_waits_for_a_count_that_lags_behind_the_deletion_of_its_customers(
    lifecycle: Make, listed: list[Any]
) -> None:
    counts = [PARENT_OF_TWO, PARENT_OF_TWO, PARENT_OF_TWO, account()]
    service = ScriptedService(get=[counts, not_found], delete=[None])
    service.below["acme-corp"] = ScriptedService(customers=[listed], get=[not_found])
    lifecycle(service).delete("acme-corp", state())
    assert service.changing == ["DELETE"]


@pytest.mark.parametrize(
    ("below", "seconds"),
    [
        (ScriptedService(customers=[[account(shortname="below-corp", parent="acme-corp")]], get=[account()]), 0.0),
        (forbidden(), COUNT_SECONDS),
        (ScriptedService(customers=[html_page]), COUNT_SECONDS),
        (ScriptedService(customers=[[account(shortname="below-corp", parent=None)]], get=[html_page]), COUNT_SECONDS),
        (ScriptedService(customers=[[]]), CONSISTENCY_SECONDS),
    ],
    ids=["one is read", "forbidden", "list fails", "read fails", "none listed"],
)
def test_a_deletion_waits_for_a_count_only_as_long_as_it_may_lag(
    lifecycle: Make, clock: Clock, below: Any, seconds: float
) -> None:
    service = ScriptedService(get=[PARENT_OF_TWO])
    service.below["acme-corp"] = below
    before = clock.now
    with pytest.raises(HasSubAccounts, match="it has 2 sub-accounts"):
        lifecycle(service).delete("acme-corp", state())
    assert service.changing == []
    assert seconds <= clock.now - before <= seconds + 2.0


def test_the_customers_of_another_account_under_the_shortname_are_not_listed(lifecycle: Make) -> None:
    below = ScriptedService()
    service = ScriptedService(get=[account(id="id-2", children=2)])
    service.below["acme-corp"] = below
    with pytest.raises(NotOurs):
        lifecycle(service).delete("acme-corp", state())
    assert below.calls == []
