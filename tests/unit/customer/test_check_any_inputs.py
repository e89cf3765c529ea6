"""Any inputs: a check never raises, refuses what breaks a rule, and accepts what is valid."""

from __future__ import annotations

import re
import unicodedata
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from pulumi_fusion.customer.check import check
from pulumi_fusion.customer.inputs import create_inputs
from pulumi_fusion.customer.model import State
from pulumi_fusion.customer.names import UNKNOWN
from tests.unit.customer.checking import KEYS, REQUIRED
from tests.unit.samples import DECLARED

json_like = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.just(UNKNOWN),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)
near = st.sampled_from(
    [
        7,
        45,
        90,
        180,
        365,
        90.0,
        True,
        "Active",
        "Trial Active",
        "SLG",
        "MSSP",
        "staff",
        "acme-corp",
        "a@b.co",
        " a",
        "a",
    ]
)
anything = st.dictionaries(st.sampled_from(KEYS) | st.text(), near | json_like, max_size=len(KEYS) + 2)


def broken(raw: dict[str, Any]) -> set[str]:
    """Return the properties that certainly break a rule, found without the code under test."""

    def is_text(value: Any) -> bool:
        return (
            isinstance(value, str)
            and bool(value)
            and not value[0].isspace()
            and not value[-1].isspace()
            and all(unicodedata.category(c) != "Cc" for c in value)
        )

    def is_day(value: Any, allowed: set[int]) -> bool:
        return type(value) in (int, float) and value in allowed

    rules: dict[str, Any] = {
        "email": lambda value: is_text(value) and re.fullmatch(r"[^@\s]+@[^@\s]+\.[^@\s]+|\".*\"@.*", value),
        "givenName": is_text,
        "familyName": is_text,
        "organization": is_text,
        "shortname": lambda value: is_text(value) and re.fullmatch(r"[A-Za-z0-9._~!$&'()*,;=:@-]{5,16}", value),
        "type": lambda value: value in ("SLG", "MSSP", "customer", "reseller", "staff"),
        "status": lambda value: value in ("Active", "Trial Active"),
        "dataRetention": lambda value: is_day(value, {7, 45, 90, 180}),
        "rollupRetention": lambda value: is_day(value, {7, 90, 180, 365}),
        "contractualFlowsPerSecond": lambda value: (
            type(value) in (int, float) and 1 <= value < 2**31 and value == int(value)
        ),
        "multiAccount": lambda value: value is True or value is False,
        "internal": lambda value: value is True or value is False,
        "deletionProtection": lambda value: value is True or value is False,
        "adopt": is_text,
    }
    found = {key for key in raw if key not in KEYS}
    for key, keeps in rules.items():
        value = raw.get(key)
        if value is None:
            found |= {key} & set(REQUIRED)
        elif value is not UNKNOWN and not keeps(value):
            found.add(key)
    data, rollup = raw.get("dataRetention"), raw.get("rollupRetention")
    if not found & {"dataRetention", "rollupRetention"} and UNKNOWN not in (data, rollup) and rollup < data:  # type: ignore[operator]
        found.add("rollupRetention")
    return found


def missing_since_import(raw: dict[str, Any], old: dict[str, Any] | None) -> set[str]:
    """Return the required properties that neither the program nor the state of the same customer has."""
    before = State.recall(old or {}).properties()
    if "shortname" not in before or raw.get("shortname") not in (before["shortname"], UNKNOWN):
        return set()
    return {key for key in REQUIRED if raw.get(key) is None and key not in before}


@given(raw=anything, old=st.none() | anything)
def test_a_check_never_raises_and_finds_every_broken_rule(raw: dict[str, Any], old: dict[str, Any] | None) -> None:
    checked = check(raw, old)
    named = {failure.property for failure in checked.failures}
    left = missing_since_import(raw, old)
    assert broken(raw) - left <= named
    assert all(failure.reason for failure in checked.failures)
    assert set(checked.inputs) <= set(KEYS)
    if not named and not left:
        create_inputs({key: DECLARED.get(key) if v is UNKNOWN else v for key, v in checked.inputs.items()})


name = st.text(st.characters(categories=["L", "N"]), min_size=1, max_size=20)
valid = st.fixed_dictionaries(
    {
        "email": st.from_regex(r"[a-z][a-z0-9]{0,20}@[a-z][a-z0-9]{0,20}\.example", fullmatch=True),
        "givenName": name,
        "familyName": name,
        "organization": name,
        "shortname": st.from_regex(r"[A-Za-z0-9._~!$&'()*,;=:@-]{5,16}", fullmatch=True),
        "type": st.sampled_from(["SLG", "MSSP"]),
        "status": st.sampled_from(["Active", "Trial Active"]),
        "dataRetention": st.sampled_from([7, 45, 90]),
        "rollupRetention": st.sampled_from([90, 180, 365]),
    },
    optional={
        "contractualFlowsPerSecond": st.integers(1, 2**31 - 1),
        "multiAccount": st.booleans(),
        "internal": st.booleans(),
        "deletionProtection": st.booleans(),
        "adopt": name,
    },
)


@given(raw=valid)
def test_a_check_accepts_valid_inputs_and_its_own_result(raw: dict[str, Any]) -> None:
    checked = check(raw, None)
    assert checked.failures == []
    assert {key: checked.inputs[key] for key in raw} == raw
    assert check(checked.inputs, checked.inputs).failures == []
