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
            "version: 1\r\ncustomers:\r\n  acme-corp:\r\n    type: SLG\r\n  other: {}",
        ),
        (
            "version: 1\ncustomers:\n  00one: {}",
            "version: 1\ncustomers:\n  00one: {}\n  acme-corp:\n    type: SLG\n",
        ),
    ],
)
def test_a_customer_is_added_to_a_catalog_of_any_form(before: str, after: str) -> None:
    assert edited(before, {}, {"acme-corp": {"type": "SLG"}}) == after
    assert values(after)["acme-corp"] == {"type": "SLG"}


def test_a_default_is_filled_in() -> None:
    shared: dict[str, Scalar] = {"type": "", "email": ""}
    before = catalog_text({"acme-corp": shared, "other-corp": shared})
    after = edited(before, {}, {}, {"type": "SLG"})
    assert after == before.replace('type: ""  # fill in', "type: SLG")


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


_COMMENT = st.sampled_from(["", "  # note", "\t# tab", "   # fill in"])
_BETWEEN = st.lists(st.sampled_from(["\n", "   \n", "  # about\n", "# at the left\n"]), max_size=2).map("".join)
_TEXT = st.sampled_from(
    ["Acme Inc.", "Acme\n        continued", "'it''s: #'", '"a\\n"', '"a \\\n        b"', '""', "'a\n\n        b'"]
)
_BLOCK = st.sampled_from(["|\n        a\n        # text\n", ">-\n        a\n\n        b\n", "|+\n        a\n\n"])
_NAMES = st.lists(st.sampled_from(["organization", "email", "type"]), unique=True, max_size=3)


@st.composite
def entries(draw: st.DrawFn, shortname: str) -> str:
    """Return the lines of an entry in any layout that a person may choose."""
    key = draw(st.sampled_from([shortname, f'"{shortname}"', f"'{shortname}'"]))
    names = draw(_NAMES)
    if not names or draw(st.booleans()):
        values = ", ".join(f"{name}: {draw(_TEXT)}" for name in names)
        comma = draw(st.sampled_from(["", ",", "\n      ,"])) if names else ""
        return f"  {key}: {{{values}{comma} # inside\n    }}{draw(_COMMENT)}\n"
    lines = [f"  {key}:{draw(_COMMENT)}\n"]
    for name in names:
        lines += [draw(_BETWEEN), f"      {name}: ", draw(_BLOCK) if draw(st.booleans()) else f"{draw(_TEXT)}\n"]
    return "".join(lines)


@given(st.data())
def test_a_catalog_of_any_layout_keeps_what_does_not_change(data: st.DataObject) -> None:
    names = data.draw(st.lists(st.sampled_from(["aaaaa", "ccccc", "eeeee"]), unique=True, min_size=1))
    customers = "".join(data.draw(_BETWEEN) + data.draw(entries(name)) for name in names)
    parts = data.draw(
        st.permutations(["version: 1  # one\n", "defaults: {internal: false}\n", f"customers:\n{customers}"])
    )
    text = (
        data.draw(st.sampled_from(["", "# top\n---\n"])) + "".join(parts) + data.draw(st.sampled_from(["", "# end\n"]))
    )
    text = text.replace("\n", data.draw(st.sampled_from(["\n", "\r\n"])))
    changed: dict[str, dict[str, Scalar]] = {names[0]: {"type": "NO", "email": "a@b.example"}}
    added: dict[str, dict[str, Scalar]] = {"bbbbb": {"type": "a, b"}, "fffff": {}}
    before, after = values(text), edited(text, changed, added)
    assert values(after) == {
        **before,
        names[0]: {**before[names[0]], **changed[names[0]]},
        **{name: {"internal": False, **fields} for name, fields in added.items()},
    }
    for comment in ("# top", "# end", "# about", "# at the left", "# note", "# tab", "# inside"):
        assert after.count(comment) == text.count(comment)
