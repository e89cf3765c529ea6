"""What a difference between state and program leads to."""

from __future__ import annotations

from typing import Any

import pytest

from pulumi_fusion.customer.changes import KINDS, UNKNOWN, Change, Kind, changes, history_lost
from pulumi_fusion.customer.model import Inputs, State, state_key
from tests.unit.operations.scripted import DECLARED, state

OTHER: dict[str, Any] = {
    "email": "b@acme.example",
    "given_name": "Bo",
    "family_name": "Day",
    "organization": "Acme Ltd.",
    "shortname": "other-corp",
    "type": "MSSP",
    "status": "Trial Active",
    "data_retention": 90,
    "rollup_retention": 365,
    "contractual_flows_per_second": 9,
    "multi_account": True,
    "internal": True,
    "deletion_protection": True,
    "adopt": "id-1",
}
REPLACED = {"shortname"}
RECORDED = {"email", "given_name", "family_name", "deletion_protection"}
IGNORED = {"adopt"}


def test_every_field_has_its_kind() -> None:
    assert set(KINDS) == set(Inputs.model_fields) == set(OTHER)


@pytest.mark.parametrize("field", OTHER)
def test_each_field_that_is_changed(field: str) -> None:
    old = state()
    found = changes(old, {**DECLARED, state_key(field): OTHER[field]})
    if field in IGNORED:
        assert found == []
        return
    kind = Kind.REPLACE if field in REPLACED else Kind.RECORD if field in RECORDED else Kind.UPDATE
    assert found == [Change(field, kind, getattr(old, field), OTHER[field])]


@pytest.mark.parametrize("field", OTHER)
def test_each_field_that_stays(field: str) -> None:
    old = state(**{field: OTHER[field]})
    assert changes(old, {**old.properties(), state_key(field): OTHER[field]}) == []


@pytest.mark.parametrize("field", OTHER)
def test_a_field_that_is_not_set_is_not_managed(field: str) -> None:
    key = state_key(field)
    without = {name: value for name, value in DECLARED.items() if name != key}
    assert changes(state(**{field: OTHER[field]}), without) == []
    assert changes(state(**{field: OTHER[field]}), {**without, key: None}) == []


@pytest.mark.parametrize("field", sorted(set(OTHER) - IGNORED))
def test_a_field_that_is_not_known_yet_counts_as_changed(field: str) -> None:
    [change] = changes(state(), {**DECLARED, state_key(field): UNKNOWN})
    assert (change.field, change.new) == (field, UNKNOWN)


@pytest.mark.parametrize("field", sorted(set(OTHER) - IGNORED))
def test_a_field_that_the_state_lacks_is_set(field: str) -> None:
    old = state(**{field: None})
    [change] = changes(old, {**DECLARED, state_key(field): OTHER[field]})
    assert (change.field, change.old, change.new) == (field, None, OTHER[field])


def test_several_changes_come_in_the_order_of_the_table() -> None:
    found = changes(state(), {state_key(field): value for field, value in OTHER.items()})
    assert [change.field for change in found] == [field for field in KINDS if field not in IGNORED]


def lost(**new: Any) -> list[str]:
    return history_lost(changes(state(), {**DECLARED, **new}))


def test_only_a_retention_that_shrinks_loses_history() -> None:
    assert lost(dataRetention=90, rollupRetention=365) == []
    assert lost(dataRetention=UNKNOWN, rollupRetention=UNKNOWN) == []
    assert lost(organization="Acme Ltd.", contractualFlowsPerSecond=1) == []
    assert history_lost(changes(State(), DECLARED)) == []
    data, rollup = lost(dataRetention=7, rollupRetention=7)
    assert data.startswith("Data Retention goes from 45 to 7 days")
    assert rollup.startswith("Rollup Retention goes from 90 to 7 days")
