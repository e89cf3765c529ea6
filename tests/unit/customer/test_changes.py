"""Differences between the state and a program, and what each kind of field does with them."""

from __future__ import annotations

from typing import Any

import pytest

from pulumi_fusion.customer.changes import Change, changes, history_lost
from pulumi_fusion.customer.model import FIELDS, Kind, State, value_type
from pulumi_fusion.customer.names import UNKNOWN, state_key
from tests.unit.samples import DECLARED, state

OTHER: dict[str, Any] = {name: {str: "other", int: 365, bool: True}[value_type(name)] for name in FIELDS}
COMPARED = [name for name, spec in FIELDS.items() if spec.kind is not Kind.CREATE_OPTION]
KINDS = {
    "email": Kind.CREATE_ONLY,
    "given_name": Kind.CREATE_ONLY,
    "family_name": Kind.CREATE_ONLY,
    "organization": Kind.UPDATE,
    "shortname": Kind.REPLACE,
    "type": Kind.UPDATE,
    "status": Kind.UPDATE,
    "data_retention": Kind.UPDATE,
    "rollup_retention": Kind.UPDATE,
    "contractual_flows_per_second": Kind.UPDATE,
    "multi_account": Kind.UPDATE,
    "internal": Kind.UPDATE,
    "deletion_protection": Kind.STATE_ONLY,
    "adopt": Kind.CREATE_OPTION,
}


def test_released_fields_keep_their_kind() -> None:
    assert {name: FIELDS[name].kind for name in KINDS} == KINDS


def test_only_the_shortname_replaces_a_customer() -> None:
    assert [name for name, spec in FIELDS.items() if spec.kind is Kind.REPLACE] == ["shortname"]


@pytest.mark.parametrize("field", COMPARED)
def test_a_changed_field_is_one_change_of_its_kind(field: str) -> None:
    old = state()
    found = changes(old, {**DECLARED, state_key(field): OTHER[field]})
    assert found == [Change(field, FIELDS[field].kind, getattr(old, field), OTHER[field])]


@pytest.mark.parametrize("field", sorted(set(FIELDS) - set(COMPARED)))
def test_a_changed_create_option_is_not_a_change(field: str) -> None:
    assert changes(state(), {**DECLARED, state_key(field): OTHER[field]}) == []


@pytest.mark.parametrize("field", FIELDS)
def test_an_equal_field_is_not_a_change(field: str) -> None:
    old = state(**{field: OTHER[field]})
    assert changes(old, {**old.properties(), state_key(field): OTHER[field]}) == []


@pytest.mark.parametrize("field", FIELDS)
def test_an_unset_field_is_not_managed(field: str) -> None:
    key = state_key(field)
    without = {name: value for name, value in DECLARED.items() if name != key}
    assert changes(state(**{field: OTHER[field]}), without) == []
    assert changes(state(**{field: OTHER[field]}), {**without, key: None}) == []


@pytest.mark.parametrize("field", COMPARED)
def test_an_unknown_field_counts_as_changed(field: str) -> None:
    [change] = changes(state(), {**DECLARED, state_key(field): UNKNOWN})
    assert (change.field, change.new) == (field, UNKNOWN)


@pytest.mark.parametrize("field", COMPARED)
def test_a_field_that_the_state_lacks_is_a_change(field: str) -> None:
    old = state(**{field: None})
    [change] = changes(old, {**DECLARED, state_key(field): OTHER[field]})
    assert (change.field, change.old, change.new) == (field, None, OTHER[field])


@pytest.mark.parametrize("field", sorted({*COMPARED} - {"shortname"}))
def test_a_field_that_the_state_of_an_import_lacks_is_not_a_change(field: str) -> None:
    assert changes(State(shortname="acme-corp"), {"shortname": "acme-corp", state_key(field): OTHER[field]}) == []


def test_several_changes_are_in_the_order_of_the_model() -> None:
    found = changes(state(), {state_key(field): value for field, value in OTHER.items()})
    assert [change.field for change in found] == COMPARED


def lost(**new: Any) -> list[str]:
    return history_lost(changes(state(), {**DECLARED, **new}))


def test_only_a_shorter_retention_loses_history() -> None:
    assert lost(dataRetention=90, rollupRetention=365) == []
    assert lost(dataRetention=UNKNOWN, rollupRetention=UNKNOWN) == []
    assert lost(organization="Acme Ltd.", contractualFlowsPerSecond=1) == []
    assert history_lost(changes(State(), DECLARED)) == []
    data, rollup = lost(dataRetention=7, rollupRetention=7)
    assert data.startswith("Data Retention goes from 45 to 7 days")
    assert rollup.startswith("Rollup Retention goes from 90 to 7 days")


def test_a_replacement_loses_all_data() -> None:
    assert lost(shortname="other-corp") == [
        "Shortname changes: the customer is deleted with its data, and an empty one is created."
    ]
    assert len(lost(shortname=UNKNOWN)) == 1
