"""Write customers as the text of a catalog, with the values that most of them share as defaults."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Final, TypeAlias

from pulumi_fusion.catalog.entries import VERSION
from pulumi_fusion.catalog.schema import MODELINE
from pulumi_fusion.customer.model import FIELDS, Kind

__all__ = ["BLANK", "Scalar", "block", "catalog_text", "in_order", "pair", "scalar"]

Scalar: TypeAlias = "str | int | float | bool"

BLANK: Final = ""
"""The value of a field that a person has to fill in. The rule of each field refuses it."""

# Texts that no version of YAML reads as something else, also between braces: they begin with a letter.
_PLAIN: Final = re.compile(r"[^\W\d_](?:[\w ./()&'@+-]*[\w.)])?")
_WORDS: Final = frozenset({"y", "n", "yes", "no", "on", "off", "true", "false", "null"})
_ESCAPES: Final = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t"}

# The first admin is the least interesting part of an entry, and `adopt` is temporary.
_LAST: Final = (Kind.CREATE_ONLY, Kind.CREATE_OPTION)
_ORDER: Final = sorted(FIELDS, key=lambda name: _LAST.index(FIELDS[name].kind) + 1 if FIELDS[name].kind in _LAST else 0)


def catalog_text(customers: Mapping[str, Mapping[str, Scalar]], *, own: Collection[str] = ()) -> str:
    """Return the text of a catalog.

    Args:
        customers: The fields of each customer by Python name, by shortname; in the order in which they are written.
        own: The Python names of fields that don't become defaults.
    """
    found = _defaults(customers.values())
    defaults = {name: value for name, value in found.items() if name not in own}
    lines = [MODELINE.format(path="./customers.schema.json"), f"version: {VERSION}"]
    if defaults:
        lines += ["", "defaults:", *(f"  {pair(name, value)}" for name, value in in_order(defaults))]
    lines += ["", "customers:" if customers else "customers: {}"]
    for shortname, fields in customers.items():
        own = {name: value for name, value in fields.items() if name not in defaults or value != defaults[name]}
        lines += block(shortname, own, indent="  ", step="  ")
    return "\n".join(lines) + "\n"


def block(
    shortname: str, fields: Mapping[str, Scalar], *, indent: str, step: str, defaults: Collection[str] = ()
) -> Iterator[str]:
    """Yield the lines of an entry, without line ends.

    Args:
        shortname: The customer.
        fields: Its fields by Python name.
        indent: The indentation of the entry.
        step: The further indentation of its fields.
        defaults: The Python names of the defaults of the catalog.
    """
    if not fields:
        yield f"{indent}{scalar(shortname)}: {{}}"
        return
    yield f"{indent}{scalar(shortname)}:"
    for name, value in in_order(fields):
        yield f"{indent}{step}{pair(name, value, defaults)}"


def in_order(fields: Mapping[str, Scalar]) -> Iterator[tuple[str, Scalar]]:
    """Yield fields in the order in which entries have them."""
    return ((name, fields[name]) for name in _ORDER if name in fields)


def pair(name: str, value: Scalar, defaults: Collection[str] = ()) -> str:
    """Return a field with its value as a line of a catalog, with a comment if a person has to fill it in.

    Without the line, a field that is among the defaults would have another value.
    """
    if value != BLANK:
        return f"{name}: {scalar(value)}"
    is_optional = not FIELDS[name].required and name not in defaults
    return f"{name}: {scalar(value)}  # fill in{'; remove only if the contract has none' if is_optional else ''}"


def scalar(value: Scalar) -> str:
    """Return a value as YAML 1.1 and 1.2 and JSON's superset read it back, in quotes unless it is a number or a word.

    Characters that aren't printable are escaped, so that none can hide in a review.
    """
    if isinstance(value, bool):
        return "true" if value else "false"
    if not isinstance(value, str):
        return repr(value)
    if _PLAIN.fullmatch(value) and value.isprintable() and value.lower() not in _WORDS:
        return value
    return f'"{"".join(map(_escaped, value))}"'


def _escaped(char: str) -> str:
    if char in _ESCAPES:
        return _ESCAPES[char]
    if char.isprintable():
        return char
    return f"\\u{ord(char):04x}" if ord(char) < 0x10000 else f"\\U{ord(char):08x}"


def _defaults(customers: Iterable[Mapping[str, Scalar]]) -> dict[str, Scalar]:
    """Return the value of each field that all customers have and most of them with this value."""
    entries = list(customers)
    found: dict[str, Scalar] = {}
    for name in FIELDS:
        values = [fields[name] for fields in entries if name in fields]
        if name in ("shortname", "adopt") or len(values) < max(2, len(entries)):
            continue
        value, count = Counter(values).most_common(1)[0]
        # An organization that is to be filled in is another one for each customer.
        if count * 2 > len(entries) and (name, value) != ("organization", BLANK):
            found[name] = value
    return found
