"""State of any age, and records of any shape."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from pulumi_fusion.customer.changes import UNKNOWN
from pulumi_fusion.customer.model import OUTPUTS, Account, AccountType, Inputs, State, User, label, state_key
from tests.unit.operations.scripted import DECLARED, account, state

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


def test_both_spellings_of_every_field_are_a_contract() -> None:
    assert {name: state_key(name) for name in State.model_fields} == KEYS
    assert list(State.model_fields) == [*Inputs.model_fields, *OUTPUTS]
    assert OUTPUTS == ("customer_id", "ingest_ip", "ingest_port", "parent", "node")


def test_labels_are_those_of_the_form() -> None:
    assert [label(name) for name in ("data_retention", "contractual_flows_per_second", "type")] == [
        "Data Retention",
        "Contractual Flows per Second",
        "Type",
    ]


def test_a_state_comes_back_as_it_was_written() -> None:
    full = state(contractual_flows_per_second=5, multi_account=True, internal=False, adopt="id-1")
    assert State.recall(full.properties()) == full
    assert set(full.properties()) == set(KEYS.values())
    assert State().properties() == {}


def test_keys_in_either_spelling_are_read() -> None:
    snake = {name: state().properties()[key] for name, key in KEYS.items() if key in state().properties()}
    assert State.recall(snake) == state()
    assert State.recall({"dataRetention": 45, "data_retention": 7}).data_retention == 45


def test_numbers_come_back_as_doubles() -> None:
    recalled = State.recall({"dataRetention": 45.0, "ingestPort": 2055.0})
    assert repr([recalled.data_retention, recalled.ingest_port]) == "[45, 2055]"


@pytest.mark.parametrize("key", KEYS.values())
@pytest.mark.parametrize("unfit", [[], {}, UNKNOWN, None, object, float("nan"), 45.5], ids=ascii)
def test_what_is_unfit_is_left_out(key: str, unfit: object) -> None:
    known = state().properties()
    rest = {name: value for name, value in known.items() if name != key}
    assert State.recall({**known, key: unfit}) == State.recall(rest)


def test_true_is_no_number_of_days() -> None:
    assert State.recall({"dataRetention": True}).data_retention is None


@given(
    st.dictionaries(
        st.sampled_from([*KEYS, *KEYS.values()]) | st.text(),
        st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.lists(st.text()) | st.just(UNKNOWN),
    )
)
def test_no_stored_state_raises(raw: dict[str, Any]) -> None:
    assert State.recall(raw) == State.recall(State.recall(raw).properties())


def test_nothing_can_be_written_into_a_model() -> None:
    for model in (Inputs.model_validate(DECLARED), state(), account(), AccountType(value="x"), User()):
        with pytest.raises(ValidationError):
            model.shortname = "other"  # type: ignore[union-attr]


def test_a_record_is_read_as_the_vendor_documents_it() -> None:
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
def test_a_record_of_wrong_types_is_no_record(record: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Account.model_validate(record)
