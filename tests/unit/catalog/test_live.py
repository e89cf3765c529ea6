"""The customers of an account as fields of a catalog, and how the two are compared."""

from __future__ import annotations

from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pulumi_fusion.api.client import FusionClient
from pulumi_fusion.catalog.comparing import compare
from pulumi_fusion.catalog.editing import edited
from pulumi_fusion.catalog.live import Difference, Live, read_live, type_fields
from pulumi_fusion.catalog.merging import changes, new_entries
from pulumi_fusion.catalog.writing import block, catalog_text, pair
from pulumi_fusion.customer.mapping import known_type
from pulumi_fusion.customer.model import Account, AccountType, State
from tests.unit.catalog.catalogs import loaded, values
from tests.unit.samples import PARENT, account

LISTED = (AccountType(value="client", label="SLG"), AccountType(value="gold", label="Gold"))
SHOWN = {"status": "Active", "data_retention": 45, "rollup_retention": 90}
ADMIN = {"email": "", "given_name": "", "family_name": ""}
MORE = {"organization": "Acme Inc.", "type": "customer", "fps": 100}


def live(*accounts: Account, types: tuple[AccountType, ...] = ()) -> Live:
    return Live(PARENT, {each.shortname: each for each in accounts}, types)


def text(*entries: str) -> str:
    lines = (f"  {entry}\n" for entry in entries)
    return f"version: 1\ndefaults: {{status: Active, rollup_retention: 90}}\ncustomers:\n{''.join(lines)}"


def test_what_the_service_does_not_show_is_blank() -> None:
    documented = live(account())
    blank = {"organization": "", "type": "", "contractual_flows_per_second": ""}
    assert documented.fields(account()) == {**SHOWN, **ADMIN, **blank}
    assert live(account(**MORE)).fields(account(**MORE)) == {
        **SHOWN,
        **ADMIN,
        "organization": "Acme Inc.",
        "type": "SLG",
        "contractual_flows_per_second": 100,
    }


def test_flows_are_only_blank_if_the_service_shows_no_undocumented_field() -> None:
    assert "contractual_flows_per_second" not in live(account(organization="Acme")).fields(account(organization="Acme"))


@pytest.mark.parametrize(
    ("api", "types", "declared"),
    [
        ("customer", (), "SLG"),
        ("reseller", (), "MSSP"),
        ("staff", (), "staff"),
        ("client", (), "client"),
        ("client", LISTED, "SLG"),
        ("gold", LISTED, "gold"),
        ("customer", LISTED, "customer"),
    ],
)
def test_a_type_is_that_of_the_form_where_the_mapping_has_it(
    api: str, types: tuple[AccountType, ...], declared: str
) -> None:
    assert live(account(type=api), types=types).fields(account(type=api))["type"] == declared


@given(
    st.sampled_from(["customer", "reseller", "staff"]),
    st.sampled_from([None, "SLG", "MSSP", "customer", "reseller", "staff"]),
    st.sampled_from([None, True, False]),
    st.sampled_from([None, True, False]),
)
def test_the_fields_of_a_type_mean_it_whatever_an_entry_inherits(
    api: str, declared: str | None, multi_account: bool | None, internal: bool | None
) -> None:
    inherited = {"type": declared, "multi_account": multi_account, "internal": internal}
    known = {name: value for name, value in inherited.items() if value is not None}
    needed = type_fields(account(type=api), known)
    assert known_type(State.model_validate({**known, **needed})) == api
    # What a new entry has in addition to the defaults.
    defaults = ", ".join(
        f"{name}: {str(value).lower() if value in (True, False) else value}" for name, value in known.items()
    )
    catalog, _ = loaded(f"version: 1\ndefaults: {{{defaults}}}\ncustomers: {{}}\n")
    added = changes(catalog, live(account(type=api)), adopt=False).added["acme-corp"]
    assert known_type(State.model_validate({**known, **added})) == api


def test_only_fields_that_the_catalog_manages_and_the_service_shows_are_compared() -> None:
    declared: dict[str, Any] = {
        "status": "Active",
        "data_retention": 90,
        "rollup_retention": 90,
        "organization": "Acme",
    }
    assert live().differences(declared, account(fps=5)) == [Difference("data_retention", 90, 45)]
    assert live().differences(
        {**declared, "contractual_flows_per_second": 1}, account(fps=5, organization="\uff21cme ")
    ) == [
        Difference("data_retention", 90, 45),
        Difference("contractual_flows_per_second", 1, 5),
    ]
    # The catalog must have a required field.
    assert live().differences({}, account(organization="Acme"))[0] == Difference("organization", None, "Acme")


@pytest.mark.parametrize(
    ("declared", "api", "found"),
    [
        ({"type": "SLG"}, "customer", []),
        ({"type": "MSSP"}, None, []),
        ({"type": "SLG", "multi_account": True}, "reseller", []),
        ({"type": "SLG", "multi_account": True}, "customer", [("MSSP", "SLG")]),
        ({"type": "SLG", "internal": True}, "reseller", [("staff", "MSSP")]),
        ({"type": "slg"}, "customer", [("slg", "SLG")]),
        ({}, "customer", [(None, "SLG")]),
    ],
)
def test_a_type_is_compared_with_its_toggles(declared: dict[str, Any], api: str | None, found: list[Any]) -> None:
    declared = {**SHOWN, **declared}
    assert [(each.declared, each.live) for each in live().differences(declared, account(type=api))] == found


def test_an_export_of_any_account_is_read_back() -> None:
    hostile = account(
        organization="NO: #\n\x1b[2J", type="0123", data_retention=0, rollup_retention=-1, trial=True, id=None
    )
    entries = new_entries(live(hostile), adopt=True)
    assert values(catalog_text(entries)) == entries
    assert entries["acme-corp"] == {
        **ADMIN,
        "organization": "NO: #\n\x1b[2J",
        "type": "0123",
        "data_retention": 0,
        "rollup_retention": -1,
        "status": "Trial Active",
    }


def test_a_catalog_gets_new_customers_and_the_values_of_the_service() -> None:
    catalog, findings = loaded(
        text(
            "acme-corp: {organization: Old, type: SLG, data_retention: 45}",
            "other-corp: {organization: Other, type: SLG, data_retention: 45, contractual_flows_per_second: 5}",
            "gone-corp: {data_retention: 45}",
        )
    )
    assert findings == []
    accounts = (
        account(**MORE),
        account(
            **{**MORE, "shortname": "other-corp", "organization": "Other", "trial": True, "type": "staff", "id": "5"}
        ),
        account(**{**MORE, "shortname": "new-corp", "rollup_retention": 180, "fps": None}),
    )
    found = changes(catalog, live(*accounts), adopt=False)
    assert found.changed == {
        "acme-corp": {"organization": "Acme Inc."},
        "other-corp": {"type": "staff", "status": "Trial Active", "contractual_flows_per_second": 100},
    }
    assert found.added == {
        "new-corp": {**ADMIN, "organization": "Acme Inc.", "type": "SLG", "data_retention": 45, "rollup_retention": 180}
    }
    assert found.absent == ["gone-corp"]
    assert changes(catalog, live(*accounts), adopt=True).changed["acme-corp"] == {
        "organization": "Acme Inc.",
        "adopt": "id-1",
    }


def test_fields_that_the_program_sets_are_not_written() -> None:
    given = Live(PARENT, {"acme-corp": account(**MORE)}, without={"email", "given_name", "family_name", "organization"})
    assert new_entries(given, adopt=False)["acme-corp"].keys() == {*SHOWN, "type", "contractual_flows_per_second"}
    assert given.differences({**SHOWN, "type": "SLG"}, account(**MORE)) == []
    assert given.differences({**SHOWN, "type": "SLG", "organization": "Other"}, account(**MORE)) != []


def test_a_default_replaces_what_the_service_does_not_show() -> None:
    catalog, _ = loaded("version: 1\ndefaults: {email: a@b.example, type: SLG, data_retention: 45}\ncustomers: {}\n")
    assert changes(catalog, live(account()), adopt=False).added["acme-corp"] == {
        "given_name": "",
        "family_name": "",
        "organization": "",
        "contractual_flows_per_second": "",
        "status": "Active",
        "rollup_retention": 90,
    }


def test_a_default_that_is_to_be_filled_in_gets_what_most_customers_have() -> None:
    catalog, _ = loaded(
        'version: 1\ndefaults: {type: "", data_retention: "", email: "", status: Active}\n'
        "customers:\n  acme-corp: {}\n  other-corp: {data_retention: 45}\n  third-corp: {}\n"
    )
    accounts = [
        account(shortname=name, data_retention=days, type="reseller", rollup_retention=365)
        for name, days in (("acme-corp", 7), ("other-corp", 90), ("third-corp", 90))
    ]
    found = changes(catalog, live(*accounts), adopt=False)
    assert found.defaults == {"type": "MSSP", "data_retention": 90}
    assert found.changed == {
        "acme-corp": {"data_retention": 7, "rollup_retention": 365},
        "other-corp": {"data_retention": 90, "rollup_retention": 365},
        "third-corp": {"rollup_retention": 365},
    }


def test_a_default_that_some_customers_lack_is_not_filled_in() -> None:
    catalog, _ = loaded(
        'version: 1\ndefaults: {contractual_flows_per_second: ""}\ncustomers: {acme-corp: {}, other-corp: {}}\n'
    )
    found = changes(catalog, live(account(fps=5), account(shortname="other-corp")), adopt=False)
    assert found.defaults == {}
    assert found.changed["acme-corp"]["contractual_flows_per_second"] == 5
    assert changes(catalog, live(), adopt=False).defaults == {}


def test_a_customer_without_flows_does_not_get_those_of_the_defaults() -> None:
    before = (
        "version: 1\ndefaults:\n  contractual_flows_per_second: 1000\ncustomers:\n  acme-corp: {data_retention: 45}\n"
    )
    catalog, _ = loaded(before)
    accounts = [account(fps=1000), account(shortname="harbor-co"), account(shortname="zero-corp", fps=0)]
    found = changes(catalog, live(*accounts), adopt=False)
    assert found.added["harbor-co"]["contractual_flows_per_second"] == ""
    assert found.added["zero-corp"]["contractual_flows_per_second"] == 0
    after = edited(before, found.changed, found.added)
    assert "  harbor-co:\n" in after
    assert 'contractual_flows_per_second: ""  # fill in\n' in after
    # Where the service shows no flows at all, nothing is known.
    none = changes(catalog, live(account(shortname="harbor-co")), adopt=False)
    assert "contractual_flows_per_second" not in none.added["harbor-co"]


_NAMES = st.sampled_from(["acme-corp", "harbor", "lakeside", "orchard"])
_ACCOUNTS = st.fixed_dictionaries(
    {"trial": st.booleans(), "data_retention": st.sampled_from([7, 45]), "rollup_retention": st.sampled_from([7, 90])},
    optional={
        "organization": st.sampled_from(["", "Acme", "NO: #", "a\nb"]),
        "type": st.sampled_from(["customer", "reseller", "staff", "client", "gold", "other", ""]),
        "fps": st.sampled_from([1, 2]),
    },
)
_DECLARED = st.fixed_dictionaries(
    {},
    optional={
        "type": st.sampled_from(["SLG", "MSSP", "customer", "reseller", "staff", "client", "", "other"]),
        "multi_account": st.booleans(),
        "internal": st.booleans(),
        "status": st.sampled_from(["", "Active", "Trial Active"]),
        "data_retention": st.sampled_from(["", 7, 45]),
        "organization": st.sampled_from(["", "Acme"]),
        "contractual_flows_per_second": st.sampled_from(["", 1]),
    },
)


@given(_DECLARED, st.dictionaries(_NAMES, _DECLARED), st.dictionaries(_NAMES, _ACCOUNTS), st.booleans())
def test_after_an_export_into_any_catalog_nothing_is_unmanaged_or_different(
    defaults: dict[str, Any], customers: dict[str, Any], accounts: dict[str, Any], with_types: bool
) -> None:
    lines = ["defaults:", *(f"  {pair(*each)}" for each in defaults.items())] if defaults else []
    entries = [line for name, fields in customers.items() for line in block(name, fields, indent="  ", step="  ")]
    before = "\n".join(["version: 1", *lines, "customers:" if customers else "customers: {}", *entries])
    shown = live(
        *(account(shortname=name, **fields) for name, fields in accounts.items()), types=LISTED if with_types else ()
    )
    found = changes(loaded(before)[0], shown, adopt=False)
    catalog, findings = loaded(edited(before, found.changed, found.added, found.defaults))
    assert findings == []
    compared = compare(catalog, shown)
    assert compared.unmanaged == []
    # What the service lacks stays, unless the entry is new.
    assert all(each.live is None for _, different in compared.different for each in different)
    assert {entry.shortname for entry, _ in compared.different} <= customers.keys()
    assert [each.shortname for each in compared.missing] == found.absent
    again = changes(catalog, shown, adopt=False)
    assert (again.added, again.changed, again.defaults) == ({}, {}, {})


def test_a_comparison_has_each_customer_once() -> None:
    catalog, _ = loaded(
        text(
            "acme-corp: {organization: Acme, data_retention: 45}",
            "Twin-corp: {data_retention: 45}",
            "Other-corp: {email: a@b.example, data_retention: 7}",
            "other-corp: {email: a@b.example, data_retention: 45}",
            "gone-corp: {data_retention: 45, adopt: a, deletion_protection: true}",
        )
    )
    names = ("acme-corp", "twin-corp", "Other-corp", "other-corp", "new-corp")
    found = compare(catalog, live(*(account(shortname=name) for name in names)))
    assert [each.shortname for each in found.missing] == ["gone-corp"]
    assert [each.shortname for each in found.unmanaged] == ["new-corp"]
    assert [(entry.shortname, each.shortname) for entry, each in found.case_twins] == [("Twin-corp", "twin-corp")]
    assert [(entry.shortname, each) for entry, each in found.different] == [
        ("Other-corp", [Difference("data_retention", 7, 45)])
    ]
    assert (found.equal, list(found.not_compared)) == (2, ["email", "organization"])
    assert found.has_differences
    assert not compare(loaded("version: 1\ncustomers: {}\n")[0], live()).has_differences


class _Service:
    """A client of a service that writes the name of the account in another case."""

    account = PARENT

    def list_customers(self) -> list[Account]:
        return [account(parent=PARENT.upper()), account(shortname="below-co", parent="acme-corp")]


def test_the_case_of_the_account_does_not_matter() -> None:
    found = read_live(cast("FusionClient", _Service()))
    assert (list(found.customers), found.deeper) == (["acme-corp"], 1)
