"""What depends on the inputs that were applied before: create-only fields, replacement, deletion protection."""

from __future__ import annotations

from typing import Any

import pytest

from pulumi_fusion.customer.check import check
from pulumi_fusion.customer.names import UNKNOWN
from tests.unit.customer.checking import KEYS, failures
from tests.unit.samples import DECLARED


@pytest.mark.parametrize(("key", "other"), [("email", "b@acme.example"), ("givenName", "Bo"), ("familyName", "Day")])
def test_a_changed_create_only_field_is_refused(key: str, other: str) -> None:
    [(named, reason)] = failures({**DECLARED, key: other}, DECLARED)
    assert named == key
    assert f"restore {DECLARED[key]!r}" in reason
    assert failures({**DECLARED, key: UNKNOWN}, DECLARED) == []
    without = {name: value for name, value in DECLARED.items() if name != key}
    assert failures({**DECLARED, key: other}, without) == []


def test_a_replacement_may_change_the_create_only_fields() -> None:
    renamed = {**DECLARED, "shortname": "other-corp", "email": "b@acme.example"}
    assert failures(renamed, {**DECLARED, "deletionProtection": False}) == []


def test_a_protected_customer_is_not_replaced() -> None:
    old = {**DECLARED, "deletionProtection": True}
    [(named, reason)] = failures({**DECLARED, "shortname": "other-corp"}, old)
    assert named == "shortname"
    assert reason == (
        "Shortname cannot change from 'acme-corp' to 'other-corp': that deletes the customer and its data, and "
        "deletion protection is on. If that is intended, apply deletionProtection=false first, then rename"
    )
    # Not in one step: the protection that counts is the one that was applied.
    assert failures({**DECLARED, "shortname": "other-corp", "deletionProtection": False}, old) != []
    assert failures({**DECLARED, "shortname": UNKNOWN}, old) == []
    assert failures(DECLARED, old) == []


@pytest.mark.parametrize(
    ("fields", "old", "expected"),
    [
        ({"status": "Active"}, None, True),
        ({"status": "Trial Active"}, None, False),
        ({"status": "Trial Active"}, {"deletionProtection": True}, True),
        ({"status": "Active"}, {"deletionProtection": False}, True),
        ({"status": "Trial Active"}, {"deletionProtection": False}, False),
        ({"status": "Active", "deletionProtection": False}, {"deletionProtection": True}, False),
        ({"status": "Trial Active", "deletionProtection": True}, None, True),
        ({"status": UNKNOWN}, {"deletionProtection": True}, True),
        ({"status": UNKNOWN}, {"deletionProtection": False}, None),
        ({"status": "wrong"}, None, None),
        ({"deletionProtection": UNKNOWN}, {"deletionProtection": True}, UNKNOWN),
        ({"deletionProtection": "wrong"}, {"deletionProtection": True}, None),
    ],
    ids=ascii,
)
def test_the_default_protection_never_turns_a_protection_off(
    fields: dict[str, Any], old: dict[str, Any] | None, expected: object
) -> None:
    inputs = check({**DECLARED, **fields}, old and {**DECLARED, **old}).inputs
    assert inputs.get("deletionProtection") is expected


@pytest.mark.parametrize(
    "old",
    [
        {},
        {"data_retention": 45, "given_name": "Ada"},
        {"shortname": 7, "email": ["x"], "deletionProtection": "maybe", "dataRetention": {}},
        dict.fromkeys(KEYS, UNKNOWN),
        dict.fromkeys(KEYS),
        {"whatever": object},
    ],
    ids=ascii,
)
def test_old_inputs_of_any_kind_cause_no_failure(old: dict[str, Any]) -> None:
    assert failures(DECLARED, old) == []


def test_a_replacement_is_refused_if_the_state_lacks_the_protection_of_an_active_customer() -> None:
    """An import shows the status only, whose default applies."""
    old = {**DECLARED, "deletionProtection": None}
    assert [each.property for each in check({**DECLARED, "shortname": "other-corp"}, old).failures] == ["shortname"]
    trial = {**old, "status": "Trial Active"}
    assert check({**DECLARED, "shortname": "other-corp"}, trial).failures == []
