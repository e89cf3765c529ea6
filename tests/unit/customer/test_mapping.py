"""The conversion between the values of the form and those of the API."""

from __future__ import annotations

from typing import Any

import pytest

from pulumi_fusion.customer.changes import changes
from pulumi_fusion.customer.mapping import (
    api_type,
    contradiction,
    echoes,
    known_type,
    merge,
    same_text,
    to_create,
    to_update,
)
from pulumi_fusion.customer.model import Account, AccountType, Kind, State
from tests.unit.samples import POSTED, PUT_BODY, account, declared, state

LISTED = (
    AccountType(value="client", label="SLG"),
    AccountType(value="partner", label="MSSP"),
    AccountType(value="gold", label="Gold Customer"),
    AccountType(value="plain"),
)


@pytest.mark.parametrize(
    ("declared_type", "multi_account", "internal", "expected"),
    [
        ("SLG", False, False, "customer"),
        ("SLG", True, False, "reseller"),
        ("SLG", False, True, "staff"),
        ("SLG", True, True, "staff"),
        ("MSSP", False, False, "reseller"),
        ("MSSP", True, False, "reseller"),
        ("MSSP", False, True, "staff"),
        ("MSSP", True, True, "staff"),
        ("customer", True, True, "customer"),
        ("reseller", False, True, "reseller"),
        ("staff", True, False, "staff"),
        ("slg", False, False, None),
        ("", False, False, None),
    ],
)
def test_a_type_with_its_toggles_is_one_type_of_the_api(
    declared_type: str, multi_account: bool, internal: bool, expected: str | None
) -> None:
    assert api_type(declared_type, multi_account=multi_account, internal=internal) == expected


@pytest.mark.parametrize(
    ("declared_type", "multi_account", "expected"),
    [
        ("SLG", False, "client"),
        ("SLG", True, "partner"),
        ("MSSP", False, "partner"),
        ("client", True, "client"),
        ("Gold Customer", False, "gold"),
        ("gold", False, "gold"),
        ("plain", False, "plain"),
        ("customer", False, "customer"),
        ("silver", False, None),
    ],
)
def test_the_list_of_the_service_overrides_the_table(
    declared_type: str, multi_account: bool, expected: str | None
) -> None:
    assert api_type(declared_type, multi_account=multi_account, internal=False, listed=LISTED) == expected


@pytest.mark.parametrize("declared_type", ["SLG", "MSSP"])
@pytest.mark.parametrize("multi_account", [True, False, None])
@pytest.mark.parametrize("internal", [True, False, None])
def test_a_type_of_the_form_allows_any_toggle(
    declared_type: str, multi_account: bool | None, internal: bool | None
) -> None:
    assert contradiction(declared_type, multi_account=multi_account, internal=internal) is None


@pytest.mark.parametrize(
    ("declared_type", "multi_account", "internal", "toggle"),
    [
        ("customer", None, None, None),
        ("customer", False, False, None),
        ("customer", None, True, "internal"),
        ("customer", True, None, "multi_account"),
        ("reseller", True, False, None),
        ("reseller", False, None, None),
        ("reseller", None, True, "internal"),
        ("staff", True, True, None),
        ("staff", None, False, "internal"),
        ("staff", False, None, None),
    ],
)
def test_a_toggle_that_contradicts_a_type_of_the_api_is_returned(
    declared_type: str, multi_account: bool | None, internal: bool | None, toggle: str | None
) -> None:
    found = contradiction(declared_type, multi_account=multi_account, internal=internal)
    assert (found and found[0]) == toggle


def test_a_contradiction_names_the_listed_type() -> None:
    assert contradiction("partner", multi_account=True, internal=None, listed=LISTED) is None
    assert contradiction("gold", multi_account=True, internal=None, listed=LISTED) == (
        "multi_account",
        'an account with multiple accounts is of type "partner"',
    )


def test_the_body_of_a_create_has_every_field_that_is_set() -> None:
    assert to_create(declared(), "customer") == POSTED
    assert to_create(declared(contractual_flows_per_second=5), "staff") == {**POSTED, "type": "staff", "fps": 5}
    assert to_create(declared(status="Trial Active"), "customer") == {**POSTED, "trial": True}


@pytest.mark.parametrize(
    ("program", "live", "known", "fps"),
    [
        (None, None, None, None),
        (1, None, None, 1),
        (None, 2, None, 2),
        (None, None, 3, 3),
        (1, 2, 3, 1),
        (None, 2, 3, 2),
        (None, 0, 3, 0),
    ],
)
def test_the_body_of_an_update_has_the_first_known_value(
    program: int | None, live: int | None, known: int | None, fps: int | None
) -> None:
    body = to_update(
        declared(contractual_flows_per_second=program),
        "customer",
        live=account(fps=live),
        known=state(contractual_flows_per_second=known),
    )
    assert body == (PUT_BODY if fps is None else {**PUT_BODY, "fps": fps})


def test_a_field_that_an_account_does_not_show_is_not_a_difference() -> None:
    assert echoes(Account(shortname="acme-corp"), POSTED) == []
    assert echoes(account(), POSTED) == []
    assert echoes(account(organization="Acme Inc.", type="customer", fps=7), POSTED) == []


def test_every_field_with_another_value_in_the_account_is_a_difference() -> None:
    other = account(
        shortname="x", data_retention=7, rollup_retention=7, trial=True, organization="O", type="reseller", fps=1
    )
    sent = {**POSTED, "fps": 5}
    assert echoes(other, sent) == ["organization", "shortname", "type", "trial", "retention", "rollupRetention", "fps"]
    assert echoes(other, PUT_BODY) == ["organization", "type", "trial", "retention", "rollupRetention"]


def test_merging_an_account_updates_the_known_state() -> None:
    live = account(organization="Acme Ltd.", trial=True, fps=9, data_retention=7, id="id-2", type="staff")
    assert merge(live, state()) == state(
        organization="Acme Ltd.",
        status="Trial Active",
        contractual_flows_per_second=9,
        data_retention=7,
        customer_id="id-2",
        type="staff",
    )
    assert merge(Account(shortname="acme-corp"), state()) == state()


@pytest.mark.parametrize(
    ("known", "shown", "listed"),
    [
        ({"type": "SLG"}, "customer", ()),
        ({"type": "SLG", "multi_account": True}, "reseller", ()),
        ({"type": "SLG", "internal": True}, "staff", ()),
        ({"type": "MSSP"}, "reseller", ()),
        ({"type": "reseller"}, "reseller", ()),
        ({"type": "SLG"}, "client", LISTED),
        ({"type": "Gold Customer"}, "gold", LISTED),
    ],
)
def test_merging_keeps_the_declared_name_of_the_same_type(
    known: dict[str, Any], shown: str, listed: tuple[AccountType, ...]
) -> None:
    assert merge(account(type=shown), state(**known), listed) == state(**known)


@pytest.mark.parametrize("known", [None, "SLG", "silver"])
def test_merging_another_type_stores_its_name_in_the_api(known: str | None) -> None:
    assert merge(account(type="staff"), state(type=known)).type == "staff"


def test_a_state_without_a_known_type_has_no_type_of_the_api() -> None:
    assert known_type(State()) is None
    assert known_type(State(type="silver")) is None
    assert known_type(State(type="SLG", multi_account=True)) == "reseller"


@pytest.mark.parametrize(
    ("sent", "stored", "same"),
    [
        ("Caf\u00e9", "Cafe\u0301", True),
        ("A  B\u00a0C", "A B C", True),
        ("No\u2009\u20391\u203a", "No \u20391\u203a", True),
        ("\ufb01ne \u2116", "fine No", True),
        ("Cafe", "Caf\u00e9", False),
        ("AB", "A B", False),
        ("Acme", "acme", False),
        ("\u0645\u06cc\u200c\u0634", "\u0645\u06cc\u0634", False),
    ],
)
def test_texts_are_compared_regardless_of_normalization_and_white_space(sent: str, stored: str, same: bool) -> None:
    assert same_text(sent, stored) == same_text(stored, sent) == same
    shown = account(organization=stored)
    assert echoes(shown, {"organization": sent}) == ([] if same else ["organization"])
    assert merge(shown, State(organization=sent)).organization == (sent if same else stored)
    assert merge(shown, State()).organization == stored
    assert changes(state(organization=stored), {"organization": sent}) == (
        [] if same else [("organization", Kind.UPDATE, stored, sent)]
    )
