"""Change values in the text of a catalog, and add customers to it. Every other character of the text stays."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

import yaml

from pulumi_fusion.catalog.tree import LOADER
from pulumi_fusion.catalog.writing import BLANK, Scalar, block, in_order, pair, scalar

__all__ = ["edited"]

NO_FIELDS: Final[Mapping[str, Scalar]] = {}

_FILL_IN: Final = re.compile(r" *# fill in(; remove only if the contract has none)?(?=\r?$)", re.MULTILINE)


def edited(
    text: str,
    changed: Mapping[str, Mapping[str, Scalar]],
    added: Mapping[str, Mapping[str, Scalar]],
    defaults: Mapping[str, Scalar] = NO_FIELDS,
) -> str:
    """Return the text of a catalog with these values.

    Args:
        text: A catalog without findings about its structure.
        changed: Fields to set in entries that the text has, by Python name, by shortname.
        added: The fields of customers to add, by Python name, by shortname. They are added at their places if the
            customers are sorted by shortname, else at the end.
        defaults: Other values of defaults that the text has.
    """
    editor = _Editor(text)
    editor.set_defaults(defaults)
    editor.change(changed)
    if added:
        editor.add(added)
    return editor.edited()


class _Editor:
    def __init__(self, text: str) -> None:
        self._newline = "\r\n" if "\r\n" in text else "\n"
        self._text = text
        self._last_line_has_end = text.endswith("\n")
        root: Any = yaml.compose(text, Loader=LOADER)
        self._root = root
        self._parts = {key.value: value for key, value in root.value}
        self._defaults = [key.value for key, _ in self._parts["defaults"].value] if "defaults" in self._parts else []
        # The first and the last position, and what replaces the text between them.
        self._edits: list[tuple[int, int, str]] = []

    def set_defaults(self, fields: Mapping[str, Scalar]) -> None:
        """Set defaults that the text has."""
        if fields:
            self._set(self._parts["defaults"], fields)

    def change(self, changed: Mapping[str, Mapping[str, Scalar]]) -> None:
        """Set fields of entries that the text has."""
        for key, entry in self._parts["customers"].value:
            self._set(entry, changed.get(key.value, {}))

    def edited(self) -> str:
        """Return the text with all changes."""
        parts, position = [], 0
        for start, end, replacement in sorted(self._edits, key=lambda each: each[0]):
            parts += [self._text[position:start], replacement]
            position = end
        return "".join([*parts, self._text[position:]])

    def _set(self, entry: Any, fields: Mapping[str, Scalar]) -> None:
        own = {key.value: value for key, value in entry.value}
        for name in own.keys() & fields.keys():
            self._replace(own[name], fields[name])
        new = [(name, value) for name, value in in_order(fields) if name not in own]
        if not new:
            return
        if entry.flow_style:
            self._insert_between_braces(entry, ", ".join(f"{name}: {scalar(value)}" for name, value in new))
        else:
            indent = " " * entry.value[0][0].start_mark.column
            self._insert_after(entry, *(f"{indent}{pair(name, value)}" for name, value in new))

    def _replace(self, node: Any, value: Scalar) -> None:
        start, end = node.start_mark.index, node.end_mark.index
        # A text of several lines ends after its last line.
        line_end = self._newline if self._text[start:end].endswith("\n") else ""
        if node.value == BLANK and (mark := _FILL_IN.match(self._text, end)):
            end = mark.end()
        self._edits.append((start, end, scalar(value) + line_end))

    def add(self, added: Mapping[str, Mapping[str, Scalar]]) -> None:
        """Add entries."""
        customers = self._parts["customers"]
        if customers.flow_style and (customers.value or self._root.flow_style):
            self._insert_between_braces(customers, ", ".join(_in_braces(*each) for each in added.items()))
            return
        if not customers.value:  # {}
            start = customers.start_mark.index
            self._edits.append((start - (self._text[start - 1] == " "), customers.end_mark.index, ""))
        indent, step = _indentation(customers)
        for shortname, fields in sorted(added.items()):
            lines = block(shortname, fields, indent=indent, step=step, defaults=self._defaults)
            self._insert_after(_before(shortname, self._root, customers), *lines)

    def _insert_after(self, node: Any, *lines: str) -> None:
        """Insert lines after the one in which the node ends, before comments on lines of their own."""
        while isinstance(node, yaml.MappingNode) and not node.flow_style:
            node = node.value[-1][1]
        end = node.end_mark.index
        # A text of several lines ends at the beginning of the next line.
        if self._text[end - 1] != "\n":
            end = self._text.find("\n", end) + 1 or len(self._text)
        inserted = "".join(f"{line}{self._newline}" for line in lines)
        if end == len(self._text) and not self._last_line_has_end:
            inserted = self._newline + inserted
            self._last_line_has_end = True
        self._edits.append((end, end, inserted))

    def _insert_between_braces(self, node: Any, text: str) -> None:
        if node.value:
            end = node.value[-1][1].end_mark.index
            self._edits.append((end, end, f", {text}"))
        else:
            end = node.start_mark.index + 1
            self._edits.append((end, end, text))


def _indentation(customers: Any) -> tuple[str, str]:
    """Return the indentation of the entries, and the further one of their fields."""
    if not customers.value:
        return "  ", "  "
    column = customers.value[0][0].start_mark.column
    steps = [entry.value[0][0].start_mark.column - column for _, entry in customers.value if not entry.flow_style]
    return " " * column, " " * steps[0] if steps else "  "


def _before(shortname: str, root: Any, customers: Any) -> Any:
    """Return the node after which a new customer is inserted."""
    names = [key.value for key, _ in customers.value]
    if not names or names != sorted(names):
        return customers
    before = [entry for key, entry in customers.value if key.value < shortname]
    return before[-1] if before else next(key for key, value in root.value if value is customers)


def _in_braces(shortname: str, fields: Mapping[str, Scalar]) -> str:
    values = ", ".join(f"{name}: {scalar(value)}" for name, value in in_order(fields))
    return f"{scalar(shortname)}: {{{values}}}"
