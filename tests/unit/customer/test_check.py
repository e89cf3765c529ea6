"""A check of all fields: every failure at once, unknown values, and rules between fields."""

from __future__ import annotations

import pytest

from pulumi_fusion.customer.check import check
from pulumi_fusion.customer.model import AccountType
from pulumi_fusion.customer.names import UNKNOWN, CustomerStatus, CustomerType
from tests.unit.customer.checking import KEYS, REQUIRED, failures
from tests.unit.samples import DECLARED


def test_all_failures_are_returned_at_once() -> None:
    everything_wrong = {**{key: [] for key in KEYS}, "colour": "red"}
    assert sorted(named for named, _ in failures(everything_wrong)) == sorted([*KEYS, "colour"])
    assert sorted(named for named, _ in failures({})) == sorted(REQUIRED)


def test_an_invalid_field_is_ignored_by_the_rules_between_fields() -> None:
    assert [named for named, _ in failures({**DECLARED, "dataRetention": 9000})] == ["dataRetention"]


@pytest.mark.parametrize(
    ("wrong", "hint"),
    [
        ("data_retention", " (did you mean 'dataRetention'?)"),
        ("dataretention", " (did you mean 'dataRetention'?)"),
        ("shortName", " (did you mean 'shortname'?)"),
        ("organisation", " (did you mean 'organization'?)"),
        ("e-mail", " (did you mean 'email'?)"),
        ("customerId", ""),
        ("zzz", ""),
        ("", ""),
    ],
)
def test_an_unknown_property_is_refused_with_the_most_similar_name(wrong: str, hint: str) -> None:
    assert failures({**DECLARED, wrong: 1}) == [
        (wrong, f"{wrong!r} isn't a property of a Customer{hint}; it has {', '.join(KEYS)}"),
    ]


def test_an_unknown_property_with_an_unknown_value_is_refused() -> None:
    assert [named for named, _ in failures({**DECLARED, "colour": UNKNOWN})] == ["colour"]


@pytest.mark.parametrize("key", KEYS)
def test_an_unknown_value_passes_and_stays_among_the_inputs(key: str) -> None:
    checked = check({**DECLARED, key: UNKNOWN}, None)
    assert checked.failures == []
    assert checked.inputs[key] is UNKNOWN


def test_unknown_values_pass_the_rules_between_fields() -> None:
    every = dict.fromkeys(KEYS, UNKNOWN)
    old = {**DECLARED, "deletionProtection": True}
    assert check(every, None).failures == []
    assert check(every, old, [AccountType(value="gold")]).failures == []
    assert failures({**DECLARED, "dataRetention": 180, "rollupRetention": UNKNOWN}) == []
    assert failures({**DECLARED, "dataRetention": UNKNOWN, "rollupRetention": 7}) == []
    assert failures({**DECLARED, "type": "customer", "multiAccount": UNKNOWN, "internal": UNKNOWN}) == []
    assert failures({**DECLARED, "type": UNKNOWN, "multiAccount": True, "internal": True}) == []
    assert "deletionProtection" not in check({**DECLARED, "status": UNKNOWN}, None).inputs


def test_a_whole_double_becomes_an_integer() -> None:
    checked = check({**DECLARED, "dataRetention": 90.0, "contractualFlowsPerSecond": 5000.0}, None)
    assert checked.failures == []
    assert repr([checked.inputs["dataRetention"], checked.inputs["contractualFlowsPerSecond"]]) == "[90, 5000]"


@pytest.mark.parametrize("member", [*CustomerType, *CustomerStatus])
def test_a_member_of_an_enum_is_its_value(member: CustomerType | CustomerStatus) -> None:
    key = "type" if isinstance(member, CustomerType) else "status"
    checked = check({**DECLARED, key: member}, None)
    assert checked.failures == []
    assert checked.inputs[key] == member.value


def test_an_unset_field_is_not_among_the_inputs() -> None:
    checked = check({**DECLARED, "multiAccount": None, "adopt": None}, None)
    assert checked.inputs == {**DECLARED, "deletionProtection": True}


@pytest.mark.parametrize("data", [7, 45, 90, 180])
@pytest.mark.parametrize("rollup", [7, 90, 180, 365])
def test_the_rollup_retention_is_at_least_the_data_retention(data: int, rollup: int) -> None:
    found = failures({**DECLARED, "dataRetention": data, "rollupRetention": rollup})
    assert [named for named, _ in found] == (["rollupRetention"] if rollup < data else [])
