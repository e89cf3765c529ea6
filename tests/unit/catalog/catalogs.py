"""Catalogs of the tests: the fields of customers, their texts, and how they are read back."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import strategies as st

from pulumi_fusion.catalog.entries import Catalog
from pulumi_fusion.catalog.findings import Finding
from pulumi_fusion.catalog.loading import load
from pulumi_fusion.catalog.writing import Scalar
from pulumi_fusion.customer.model import FIELDS, value_type

__all__ = ["CUSTOMERS", "FIELDS_OF_A_CUSTOMER", "SHORTNAMES", "loaded", "values"]

HOSTILE = (
    "NO",
    "y",
    "null",
    "~",
    "0123",
    "0o17",
    "1_000",
    "1e3",
    "2026-01-01",
    "12:30:45",
    "a: b",
    "a #b",
    "#a",
    "- a",
    "*a",
    "&a",
    "!a",
    "<<",
    "{a}",
    "[a]",
    "'a'",
    '"a"',
    "a\nb",
    "a\r\nb\tc",
    "\x00\x1b[2J",
    "\x85\u2028\u2029",
    "\ufeff",
    "\u202e\u200d",
    "a\\b",
    " a ",
    "",
    "\U0001f600",
    "\uffff\U0010ffff",
    "---",
    "...",
    "%TAG",
    "@a",
    "`a`",
    "a, b",
    "x" * 2000,
)

_TEXTS = st.sampled_from(HOSTILE) | st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
_VALUES: Mapping[type, st.SearchStrategy[Scalar]] = {
    str: _TEXTS,
    int: st.integers(-(10**18), 10**18),
    bool: st.booleans(),
}

SHORTNAMES = st.sampled_from(
    ["00123", "12345", "false", "1e100", "*star", "!bang", "a:b:c", "~tilde", "=eq==", "&and&"]
) | (st.text(st.sampled_from("abcXYZ019-._~!$&'()*,;=:@"), min_size=5, max_size=16))

FIELDS_OF_A_CUSTOMER: st.SearchStrategy[dict[str, Scalar]] = st.fixed_dictionaries(
    {}, optional={name: _VALUES[value_type(name)] for name in FIELDS if name != "shortname"}
)

CUSTOMERS = st.dictionaries(SHORTNAMES, FIELDS_OF_A_CUSTOMER, max_size=6)


def loaded(text: str) -> tuple[Catalog, list[Finding]]:
    """Return the catalog of a text, and its findings."""
    with TemporaryDirectory() as folder:
        file = Path(folder) / "customers.yaml"
        file.write_bytes(text.encode())
        return load(str(file), FIELDS)


def values(text: str) -> Mapping[str, Mapping[str, Scalar]]:
    """Return the fields of the customers of a text without findings, by shortname."""
    catalog, findings = loaded(text)
    assert findings == []
    fields = {entry.shortname: catalog.fields(entry) for entry in catalog.entries}
    for name, each in fields.items():
        assert each.pop("shortname") == name
    return fields
