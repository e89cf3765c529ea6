"""The changes of an export in the text of a catalog that exists."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pulumi_fusion.catalog.editing import edited
from pulumi_fusion.catalog.writing import Scalar, block, catalog_text, scalar
from tests.unit.catalog.catalogs import CUSTOMERS, FIELDS_OF_A_CUSTOMER, values

TEXT = """\
# A comment before the document
---
version: 1

# About the defaults
defaults:   # after a key
    type: SLG
    status:   Active   # most of them

customers:
    # ---- east ----
    zeta-corp:   # the first customer
        organization: 'Zeta: Inc'
        email: "a@b.example"   # a mailbox
    # about acme
    acme-corp: {organization: "Acme # Corp", data_retention: 45}  # on one line

    # ---- west ----
    mid-corp:
        # about the organization
        organization: >-
            A name
            on two lines
        data_retention: 45

# the end
"""


def changed_lines(before: str, after: str) -> list[str]:
    """Return the lines that only ``after`` has, and fail if the others aren't those of ``before`` in its order."""
    old = before.splitlines(keepends=True)
    new = []
    for line in after.splitlines(keepends=True):
        if old and line == old[0]:
            old.pop(0)
        else:
            new.append(line)
    assert old == []
    return new


def test_everything_but_the_changed_values_stays_as_it_was() -> None:
    after = edited(TEXT, {"mid-corp": {"data_retention": 90}, "acme-corp": {"organization": "NO"}}, {})
    expected = TEXT.replace('"Acme # Corp"', '"NO"').replace("  data_retention: 45\n", "  data_retention: 90\n")
    assert after == expected


def test_new_fields_and_customers_are_inserted_before_the_comments_of_the_next_entry() -> None:
    after = edited(
        TEXT,
        {"zeta-corp": {"type": "MSSP"}, "acme-corp": {"type": "MSSP"}, "mid-corp": {"adopt": "a"}},
        {"new-corp": {"organization": "New"}, "plain": {}},
    )
    assert after == (
        TEXT.replace("# a mailbox\n", "# a mailbox\n        type: MSSP\n")
        .replace("data_retention: 45}", "data_retention: 45, type: MSSP}")
        .replace(
            "  data_retention: 45\n",
            "  data_retention: 45\n        adopt: a\n    new-corp:\n        organization: New\n    plain: {}\n",
        )
    )
    assert values(after)["mid-corp"]["organization"] == "A name on two lines"


def test_a_text_of_several_lines_is_replaced() -> None:
    after = edited(TEXT, {"mid-corp": {"organization": "Short"}}, {})
    assert changed_lines(TEXT.replace(">-\n            A name\n            on two lines\n", "Short\n"), after) == []


def test_customers_that_are_sorted_stay_sorted() -> None:
    text = "version: 1\ncustomers:\n  # about b\n  bbbbb: {type: SLG}  # b\n  # about d\n  ddddd:\n    type: SLG\n"
    added: dict[str, dict[str, Scalar]] = {name: {"type": "MSSP"} for name in ("eeeee", "aaaaa", "ccccc", "ccccd")}
    assert edited(text, {}, added) == (
        "version: 1\n"
        "customers:\n"
        "  aaaaa:\n    type: MSSP\n"
        "  # about b\n"
        "  bbbbb: {type: SLG}  # b\n"
        "  ccccc:\n    type: MSSP\n"
        "  ccccd:\n    type: MSSP\n"
        "  # about d\n"
        "  ddddd:\n    type: SLG\n"
        "  eeeee:\n    type: MSSP\n"
    )


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("version: 1\ncustomers: {}  # none\n", "version: 1\ncustomers:  # none\n  acme-corp:\n    type: SLG\n"),
        ("version: 1\ncustomers: {\n}", "version: 1\ncustomers:\n  acme-corp:\n    type: SLG\n"),
        ("customers: {}\nversion: 1\n", "customers:\n  acme-corp:\n    type: SLG\nversion: 1\n"),
        ("{version: 1, customers: {}}\n", "{version: 1, customers: {acme-corp: {type: SLG}}}\n"),
        (
            "version: 1\ncustomers: {'other': {type: SLG}}\n",
            "version: 1\ncustomers: {'other': {type: SLG}, acme-corp: {type: SLG}}\n",
        ),
        (
            "version: 1\r\ncustomers:\r\n  other: {}",
            "version: 1\r\ncustomers:\r\n  acme-corp:\r\n    type: SLG\r\n  other: {}\r\n",
        ),
    ],
)
def test_a_customer_is_added_to_a_catalog_of_any_form(before: str, after: str) -> None:
    assert edited(before, {}, {"acme-corp": {"type": "SLG"}}) == after
    assert values(after)["acme-corp"] == {"type": "SLG"}


def test_the_mark_of_a_value_to_fill_in_goes_with_it() -> None:
    before = catalog_text({"acme-corp": {"organization": "", "contractual_flows_per_second": ""}})
    after = edited(before, {"acme-corp": {"organization": "Acme", "contractual_flows_per_second": 5}}, {})
    assert after == catalog_text({"acme-corp": {"organization": "Acme", "contractual_flows_per_second": 5}})


@given(CUSTOMERS, st.dictionaries(st.integers(0, 5), FIELDS_OF_A_CUSTOMER), CUSTOMERS, st.sampled_from(["\n", "\r\n"]))
def test_any_changes_of_a_catalog_are_read_back(
    customers: dict[str, dict[str, Scalar]],
    fields: dict[int, dict[str, Scalar]],
    more: dict[str, dict[str, Scalar]],
    newline: str,
) -> None:
    changed = {name: fields.get(place, {}) for place, name in enumerate(customers)}
    added = {name: each for name, each in more.items() if name not in customers}
    expected = {**{name: {**each, **changed[name]} for name, each in customers.items()}, **added}
    lines = [line for name, each in customers.items() for line in block(name, each, indent="    ", step=" ")]
    text = newline.join(["version: 1", "customers:" if customers else "customers: {}", *lines])
    assert values(edited(text, changed, added)) == expected
    assert values(edited(in_braces(customers), changed, added)) == expected


def in_braces(customers: dict[str, dict[str, Scalar]]) -> str:
    entries = (
        f"{scalar(name)}: {{{', '.join(f'{key}: {scalar(value)}' for key, value in fields.items())}}}"
        for name, fields in customers.items()
    )
    return f"{{version: 1, customers: {{{', '.join(entries)}}}}}"


@given(CUSTOMERS, CUSTOMERS)
def test_lines_that_do_not_change_stay(
    customers: dict[str, dict[str, Scalar]], more: dict[str, dict[str, Scalar]]
) -> None:
    text = catalog_text(customers).replace("\n", "\n  # a comment\n")
    added = {name: each for name, each in more.items() if name not in customers}
    after = edited(text, {}, added)
    if customers:
        changed_lines(text, after)
    assert after.count("# a comment") == text.count("# a comment")
