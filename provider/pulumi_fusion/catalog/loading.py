"""Load the file of a catalog and find what is wrong with its structure. No rule of a field is applied here."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Final

from pulumi_fusion.catalog.entries import VERSION, Catalog, Entry, Value, is_csv
from pulumi_fusion.catalog.findings import Finding, Place, Rule
from pulumi_fusion.catalog.scalars import AmbiguousError, plain_value
from pulumi_fusion.catalog.tree import Alias, List, Map, Node, Scalar, read_tree
from pulumi_fusion.customer.names import state_key
from pulumi_fusion.customer.rules import nearest, quoted
from pulumi_fusion.report.plan import ADMIN

__all__ = ["load"]

LARGEST: Final = 32 * 1024 * 1024
"""Bytes of a file. 10 000 customers have about 2 MB."""

_PARTS: Final = ("version", "defaults", "customers")


def load(path: str, known: Collection[str]) -> tuple[Catalog, list[Finding]]:
    """Return the customers of a YAML or CSV file, as far as it can be read, and what is wrong with its structure.

    Args:
        path: The file.
        known: The Python names of the fields of a customer.

    Raises OSError if the file can't be read.
    """
    findings: list[Finding] = []
    text = _read_text(path, findings)
    if text is None:
        return Catalog(path), findings
    if is_csv(path):
        # It needs the models, which a program doesn't.
        from pulumi_fusion.catalog.spreadsheet import read_rows

        return read_rows(path, text)
    catalog = _Loading(path, known, findings).read(text)
    return catalog, sorted(findings, key=lambda each: each.place)


def _read_text(path: str, findings: list[Finding]) -> str | None:
    """Return the text of a file, or None with a finding if it is too large or isn't UTF-8. Raises OSError."""
    with Path(path).open("rb") as file:
        raw = file.read(LARGEST + 1)
    if len(raw) > LARGEST:
        why = f"the file is larger than {LARGEST // 1024**2} MB"
        findings.append(Finding(path, Place(1, 1), why, Rule.UNREADABLE))
        return None
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as wrong:
        before = raw[: wrong.start]
        place = Place(before.count(b"\n") + 1, wrong.start - before.rfind(b"\n"))
        findings.append(Finding(path, place, "the file isn't UTF-8: save it in this encoding", Rule.UNREADABLE))
        return None


class _Loading:
    def __init__(self, path: str, known: Collection[str], findings: list[Finding]) -> None:
        self._path = path
        self._fields = [name for name in known if name != "shortname"]
        self._in_other_languages = {state_key(name): name for name in known}
        self._findings = findings

    def _report(
        self, place: Place, message: str, rule: Rule, shortname: str | None = None, field: str | None = None
    ) -> None:
        self._findings.append(Finding(self._path, place, message, rule, shortname, field))

    def read(self, text: str) -> Catalog:
        root = read_tree(text, self._report)
        if root is None and self._findings:
            return Catalog(self._path)
        parts = self._parts(root)
        self._check_version(parts.get("version"))
        defaults = self._map(parts.get("defaults"), "defaults")
        customers = self._map(parts.get("customers"), "customers")
        entries = []
        for key, node in customers.items if customers else ():
            fields = self._map(node, "a customer", key.text)
            self._report_unclear(key)
            if fields:
                entries.append(Entry(key.text, key.place, self._fields_of(fields, key.text)))
        return Catalog(self._path, self._fields_of(defaults, None) if defaults else {}, tuple(entries))

    def _report_unclear(self, key: Scalar) -> None:
        """Report the key of a customer that isn't a text for every reader of YAML."""
        with suppress(AmbiguousError):
            if isinstance(_value(key), str):
                return
        why = f"{key.text} isn't a text for every reader of YAML: put the shortname in quotes"
        self._report(key.place, why, Rule.AMBIGUOUS_VALUE, key.text)

    def _parts(self, root: Node | None) -> dict[str, Node]:
        if not isinstance(root, Map):
            place = root.place if root else Place(1, 1)
            why = "a catalog is a map with version, defaults and customers"
            self._report(place, why, Rule.STRUCTURE)
            return {}
        parts = {}
        for key, node in root.items:
            if key.text in _PARTS:
                parts[key.text] = node
            else:
                near = nearest(key.text, _PARTS)
                why = f"{quoted(key.text)} isn't a part of a catalog{near}; it has version, defaults and customers"
                if isinstance(node, Map) and not near:
                    why += ". If it is a customer, indent it below customers"
                self._report(key.place, why, Rule.UNKNOWN_KEY)
        if "customers" not in parts:
            self._report(root.place, "customers is missing", Rule.STRUCTURE)
        if "version" not in parts:
            self._report(root.place, f"version is missing: write version: {VERSION}", Rule.STRUCTURE)
        return parts

    def _check_version(self, node: Node | None) -> None:
        if node is not None and not (isinstance(node, Scalar) and node.plain and node.text == str(VERSION)):
            found = (node.text if node.plain else quoted(node.text)) if isinstance(node, Scalar) else "a map or a list"
            why = f"version must be {VERSION}, not {found}; another one needs another release"
            self._report(node.place, why, Rule.STRUCTURE)

    def _map(self, node: Node | None, what: str, shortname: str | None = None) -> Map | None:
        """Return the node if it is a map. Otherwise it is reported, unless it is missing or an alias."""
        if isinstance(node, Map):
            return node
        if node is not None and not isinstance(node, Alias):
            found = "a list" if isinstance(node, List) else quoted(node.text) if node.text else "nothing"
            self._report(node.place, f"{what} must be a map, not {found}", Rule.STRUCTURE, shortname)
        return None

    def _fields_of(self, fields: Map, shortname: str | None) -> Mapping[str, Value]:
        values = {}
        for key, node in fields.items:
            if why := self._why_refused(key.text, in_defaults=shortname is None):
                meant = self._in_other_languages.get(key.text)
                self._report(key.place, why, Rule.UNKNOWN_KEY, shortname, meant)
            elif isinstance(node, Alias):
                continue
            elif not isinstance(node, Scalar):
                why = f"{key.text} must be a value, not a map or a list"
                self._report(node.place, why, Rule.STRUCTURE, shortname, key.text)
            else:
                try:
                    values[key.text] = Value(_value(node, hidden=key.text in ADMIN), node.place)
                except AmbiguousError as unclear:
                    why = f"{key.text}: {unclear}"
                    self._report(node.place, why, Rule.AMBIGUOUS_VALUE, shortname, key.text)
        return values

    def _why_refused(self, key: str, *, in_defaults: bool) -> str | None:
        """Return why a key can't be here, or None if it is a field."""
        if key == "shortname":
            return "shortname isn't a field here: the key of a customer is its shortname"
        if key == "adopt" and in_defaults:
            return "adopt belongs to one customer: move it there"
        if key in self._fields:
            return None
        if key in self._in_other_languages:
            return f"{key} is spelled {self._in_other_languages[key]} here"
        if key == "<<":
            return "merge keys aren't supported: use defaults"
        near = nearest(key, self._fields)
        return f"{quoted(key)} isn't a field{near or '; the fields are ' + ', '.join(self._fields)}"


def _value(node: Scalar, *, hidden: bool = False) -> str | int | float | bool:
    """Return the value of a node. Raises AmbiguousError, whose message hasn't the value if it is hidden."""
    value = plain_value(node.text, hidden=hidden) if node.plain else node.text
    if node.cut and isinstance(value, str):
        raise AmbiguousError("what follows # is a comment: put the whole text in quotes, or write a space after #")
    return value
