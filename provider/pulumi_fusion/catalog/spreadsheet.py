"""Read customers of a CSV file: a header of field names, then one customer per row."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from pulumi_fusion.catalog.entries import Catalog, Entry, Value
from pulumi_fusion.catalog.findings import Finding, Place, Rule
from pulumi_fusion.customer.model import FIELDS, value_type
from pulumi_fusion.customer.names import label, state_key
from pulumi_fusion.customer.rules import nearest, quoted

__all__ = ["read_rows"]

_SEPARATORS: Final = ",;\t"
_WORDS: Final[Mapping[str, bool]] = {"true": True, "false": False}


def read_rows(path: str, text: str) -> tuple[Catalog, list[Finding]]:
    """Return the customers of the text of a file, and what is wrong with its structure.

    The cells are separated by commas, semicolons or tabs, which the header decides. An empty cell is a field that isn't
    set. The column of a place is the number of the cell.
    """
    findings: list[Finding] = []
    rows = _rows(path, text, findings)
    line, header = next(rows, (1, []))
    columns = _columns(path, line, header, findings)
    if "shortname" not in columns.values():
        why = "the first row must have the names of the fields, with shortname among them"
        findings.append(Finding(path, Place(1, 1), why, Rule.STRUCTURE))
        return Catalog(path), findings
    entries: dict[str, Entry] = {}
    for line, row in rows:
        if any(cell.strip() for cell in row[len(header) :]):
            why = "the row has more cells than the first row: put a text with a separator in double quotes"
            findings.append(Finding(path, Place(line, len(header) + 1), why, Rule.STRUCTURE))
        own = _cells(line, row, columns)
        name = own.pop("shortname", None)
        if name is None:
            if any(cell.strip() for cell in row):
                findings.append(Finding(path, Place(line, 1), "the row has no shortname", Rule.STRUCTURE))
            continue
        shortname = str(name.value)
        if shortname in entries:
            why = f"it is there twice, first in line {entries[shortname].place.line}: remove one of the rows"
            findings.append(Finding(path, name.place, why, Rule.DUPLICATE_KEY, shortname))
            continue
        entries[shortname] = Entry(shortname, name.place, own)
    return Catalog(path, {}, tuple(entries.values())), findings


def _rows(path: str, text: str, findings: list[Finding]) -> Iterator[tuple[int, list[str]]]:
    """Yield the line in which each row begins, and its cells."""
    first, _, rest = text.partition("\n")
    skipped = 0
    if first.startswith("sep="):  # by this line Excel names the separator
        separator, text, skipped = first[4:5] or ",", rest, 1
    else:
        separator = max(_SEPARATORS, key=first.count)
    line = skipped + 1
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    try:
        for row in reader:
            yield line, row
            line = skipped + reader.line_num + 1
    except csv.Error as wrong:
        findings.append(Finding(path, Place(line, 1), f"this isn't CSV: {wrong}", Rule.UNREADABLE))


def _columns(path: str, line: int, header: Sequence[str], findings: list[Finding]) -> dict[int, str]:
    """Return the field of each column, by the number of the cell from 1."""
    in_other_spellings = {
        spelling: name for name in FIELDS for spelling in (state_key(name), label(name), name.title(), name.upper())
    }
    columns: dict[int, str] = {}
    for number, cell in enumerate(header, start=1):
        name, place = cell.strip(), Place(line, number)
        if name in columns.values():
            findings.append(Finding(path, place, f"{name} is there twice: remove a column", Rule.DUPLICATE_KEY))
        elif name in FIELDS:
            columns[number] = name
        elif name in in_other_spellings:
            columns[number] = in_other_spellings[name]
            findings.append(Finding(path, place, f"{name} is spelled {columns[number]} here", Rule.UNKNOWN_KEY))
        else:
            near = nearest(name, FIELDS)
            why = f"{quoted(name)} isn't a field{near or '; the fields are ' + ', '.join(FIELDS)}"
            findings.append(Finding(path, place, why, Rule.UNKNOWN_KEY))
    return columns


def _cells(line: int, row: Sequence[str], columns: Mapping[int, str]) -> dict[str, Value]:
    return {
        name: Value(_value(name, row[number - 1].strip()), Place(line, number))
        for number, name in columns.items()
        if number <= len(row) and row[number - 1].strip()
    }


def _value(name: str, cell: str) -> str | int | bool:
    """Return the value of a cell by the type of its field; a text that has another type is refused by the rule."""
    kind = value_type(name)
    if kind is bool:
        return _WORDS.get(cell.lower(), cell)
    return int(cell) if kind is int and cell.isascii() and cell.isdigit() and len(cell) < 20 else cell
