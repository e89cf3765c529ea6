"""The type with its two toggles, against the documented types and the list of the service."""

from __future__ import annotations

from typing import Any

import pytest

from pulumi_fusion.customer.model import AccountType
from pulumi_fusion.customer.names import UNKNOWN
from tests.unit.customer.checking import failures
from tests.unit.samples import DECLARED

LISTED = [
    AccountType(value="client", label="SLG"),
    AccountType(value="partner", label="MSSP"),
    AccountType(value="gold", label="Gold Customer"),
    AccountType(value="plain"),
]


@pytest.mark.parametrize("declared", ["SLG", "MSSP", "client", "partner", "gold", "Gold Customer", "plain"])
def test_a_type_that_the_service_lists_is_accepted(declared: str) -> None:
    assert failures({**DECLARED, "type": declared}, listed=LISTED) == []


@pytest.mark.parametrize(
    ("fields", "start"),
    [
        (
            {"type": "customer"},
            "Type 'customer' with its toggles is 'customer' for the service, which only offers 'client'",
        ),
        (
            {"type": "SLG", "internal": True},
            "Type 'SLG' with its toggles is 'staff' for the service, which only offers",
        ),
        ({"type": "gold customer"}, "Type must be one of 'SLG', 'MSSP', 'customer', 'reseller', 'staff', 'Gold Custo"),
    ],
)
def test_a_type_that_the_service_does_not_list_is_refused(fields: dict[str, Any], start: str) -> None:
    [(named, reason)] = failures({**DECLARED, **fields}, listed=LISTED)
    assert named == "type"
    assert reason.startswith(start)


def test_the_list_of_the_service_refuses_nothing_while_a_toggle_is_unknown() -> None:
    only_reseller = [AccountType(value="reseller")]
    assert failures({**DECLARED, "multiAccount": UNKNOWN}, listed=only_reseller) == []
    assert [named for named, _ in failures(DECLARED, listed=only_reseller)] == ["type"]


def test_a_toggle_that_is_unset_keeps_its_old_value() -> None:
    only_reseller = [AccountType(value="reseller")]
    assert failures(DECLARED, {**DECLARED, "multiAccount": True}, only_reseller) == []


@pytest.mark.parametrize(
    ("fields", "toggle"),
    [
        ({"type": "customer", "internal": True}, "internal"),
        ({"type": "reseller", "internal": True}, "internal"),
        ({"type": "staff", "internal": False}, "internal"),
        ({"type": "customer", "multiAccount": True}, "multiAccount"),
        ({"type": "gold", "multiAccount": True}, "multiAccount"),
        ({"type": "Gold Customer", "multiAccount": True}, "multiAccount"),
    ],
)
def test_a_toggle_that_contradicts_the_type_is_named(fields: dict[str, Any], toggle: str) -> None:
    listed = [*LISTED, *(AccountType(value=value) for value in ("customer", "reseller", "staff"))]
    found = failures({**DECLARED, **fields}, listed=listed)
    assert [named for named, _ in found] == [toggle]
    assert f"contradicts type {fields['type']!r}" in found[0][1]


@pytest.mark.parametrize("declared", ["partner", "MSSP"])
def test_a_listed_name_of_the_reseller_type_allows_multi_account(declared: str) -> None:
    assert failures({**DECLARED, "type": declared, "multiAccount": True}, listed=LISTED) == []


def test_an_unknown_type_is_one_failure_with_any_toggles() -> None:
    found = failures({**DECLARED, "type": "slg", "internal": True, "multiAccount": True})
    assert [named for named, _ in found] == ["type"]
