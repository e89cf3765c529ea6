"""States of any age, and records of any shape."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from pulumi_fusion.customer.model import (
    FIELDS,
    OUTPUTS,
    Account,
    AccountType,
    FieldSpec,
    Inputs,
    Kind,
    State,
    User,
    value_type,
)
from pulumi_fusion.customer.names import UNKNOWN, label, state_key
from tests.unit.samples import DECLARED, account, state

KEYS = {
    "email": "email",
    "given_name": "givenName",
    "family_name": "familyName",
    "organization": "organization",
    "shortname": "shortname",
    "type": "type",
    "status": "status",
    "data_retention": "dataRetention",
    "rollup_retention": "rollupRetention",
    "contractual_flows_per_second": "contractualFlowsPerSecond",
    "multi_account": "multiAccount",
    "internal": "internal",
    "deletion_protection": "deletionProtection",
    "adopt": "adopt",
    "customer_id": "customerId",
    "ingest_ip": "ingestIp",
    "ingest_port": "ingestPort",
    "parent": "parent",
    "node": "node",
}


def test_released_fields_keep_both_names() -> None:
    assert {name: state_key(name) for name in KEYS} == KEYS
    assert set(KEYS) <= set(State.model_fields)


def test_a_state_has_every_input_and_output() -> None:
    assert list(State.model_fields) == [*FIELDS, *OUTPUTS]
    assert list(Inputs.model_fields) == list(FIELDS)
    assert {spec.kind for spec in OUTPUTS.values()} == {Kind.OUTPUT}
    assert Kind.OUTPUT not in {spec.kind for spec in FIELDS.values()}


@pytest.mark.parametrize("name", State.model_fields)
def test_every_field_has_a_type_and_a_description(name: str) -> None:
    assert value_type(name) in (str, int, bool)
    assert (State.model_fields[name].description or "").endswith(".")


@pytest.mark.parametrize(("name", "spec"), {**FIELDS, **OUTPUTS}.items())
def test_a_field_that_a_record_shows_is_an_attribute_of_an_account(name: str, spec: FieldSpec) -> None:
    assert spec.shown is None or spec.shown in Account.model_fields
    assert spec.kind is not Kind.UPDATE or (spec.sent is None) == (spec.shown is None)


def test_labels_are_those_of_the_form() -> None:
    assert [label(name) for name in ("data_retention", "contractual_flows_per_second", "type")] == [
        "Data Retention",
        "Contractual Flows per Second",
        "Type",
    ]


def test_a_written_state_is_read_back_unchanged() -> None:
    full = state(contractual_flows_per_second=5, multi_account=True, internal=False, adopt="id-1")
    assert State.recall(full.properties()) == full
    assert set(KEYS.values()) <= set(full.properties())
    assert State().properties() == {}


def test_keys_in_either_spelling_are_read() -> None:
    snake = {name: state().properties()[key] for name, key in KEYS.items() if key in state().properties()}
    assert State.recall(snake) == state()
    assert State.recall({"dataRetention": 45, "data_retention": 7}).data_retention == 45


def test_whole_doubles_of_a_state_become_integers() -> None:
    recalled = State.recall({"dataRetention": 45.0, "ingestPort": 2055.0})
    assert repr([recalled.data_retention, recalled.ingest_port]) == "[45, 2055]"


@pytest.mark.parametrize("key", KEYS.values())
@pytest.mark.parametrize("unfit", [[], {}, UNKNOWN, None, object, float("nan"), 45.5], ids=ascii)
def test_a_value_of_a_wrong_type_counts_as_missing(key: str, unfit: object) -> None:
    known = state().properties()
    rest = {name: value for name, value in known.items() if name != key}
    assert State.recall({**known, key: unfit}) == State.recall(rest)


def test_true_is_not_read_as_a_number_of_days() -> None:
    assert State.recall({"dataRetention": True}).data_retention is None


@given(
    st.dictionaries(
        st.sampled_from([*KEYS, *KEYS.values()]) | st.text(),
        st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.lists(st.text()) | st.just(UNKNOWN),
    )
)
def test_no_stored_state_raises(raw: dict[str, Any]) -> None:
    assert State.recall(raw) == State.recall(State.recall(raw).properties())


def test_models_are_immutable() -> None:
    for model in (Inputs.model_validate(DECLARED), state(), account(), AccountType(value="x"), User()):
        with pytest.raises(ValidationError):
            model.shortname = "other"  # type: ignore[union-attr]


def test_a_documented_record_is_read() -> None:
    record = {
        "id": "id-1",
        "shortname": "acme-corp",
        "ingest_ip": "192.0.2.1",
        "ingest_port": 2055,
        "billing": {"data_retention": 45, "rollup_retention": 90, "trial": False, "other": 1},
        "reseller": {"parent": "parent-msp", "node": "parent-msp/acme-corp", "children": 0, "is_parent": False},
        "something": "new",
    }
    assert Account.model_validate(record) == account()


@pytest.mark.parametrize("record", [{"shortname": "acme-corp"}, {"shortname": "acme-corp", "billing": {}}])
def test_fields_may_be_missing_from_a_record(record: dict[str, Any]) -> None:
    assert Account.model_validate(record) == Account(shortname="acme-corp")


@pytest.mark.parametrize(
    "record",
    [
        {},
        {"shortname": None},
        {"shortname": 7},
        {"shortname": "acme-corp", "id": 7.5},
        {"shortname": "acme-corp", "billing": {"trial": "no"}},
        {"shortname": "acme-corp", "billing": {"data_retention": "45"}},
        {"shortname": "acme-corp", "reseller": {"children": True}},
    ],
    ids=ascii,
)
def test_a_record_with_a_wrong_type_is_refused(record: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Account.model_validate(record)
