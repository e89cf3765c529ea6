"""What is wrong with a catalog, and where."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple

from pulumi_fusion.characters import printable

__all__ = ["Finding", "Place", "Rule"]


class Rule(str, Enum):
    """The rule that a catalog breaks. The values are part of the public interface and don't change."""

    UNREADABLE = "unreadable"
    """The file isn't UTF-8, YAML or CSV."""
    UNSUPPORTED_YAML = "unsupported-yaml"
    """Anchors, aliases, merge keys, tags, several documents."""
    AMBIGUOUS_VALUE = "ambiguous-value"
    """An unquoted text that YAML readers take for something else, such as NO."""
    STRUCTURE = "structure"
    """A part is missing, or is a map where a value is expected, or the other way round."""
    DUPLICATE_KEY = "duplicate-key"
    """A key is there twice."""
    UNKNOWN_KEY = "unknown-key"
    """A key that isn't a field, or not at this place."""
    SHORTNAME = "shortname"
    """The key of a customer breaks the rule of the shortname."""
    CASE_TWINS = "case-twins"
    """Two shortnames differ only in upper and lower case."""
    MISSING_FIELD = "missing-field"
    """A required field is neither in the entry nor in the defaults."""
    INVALID_FIELD = "invalid-field"
    """A value breaks the rule of its field."""
    SAME_ADOPT = "same-adopt"
    """Two customers adopt the same account."""


class Place(NamedTuple):
    """A place in a file: line and column, both from 1. In a CSV file, the column is the number of the cell."""

    line: int
    column: int


@dataclass(frozen=True)
class Finding:
    """One problem of a catalog.

    Args:
        file: The path as it was given.
        place: Where it is.
        message: What is wrong and what to do, without the shortname.
        rule: The rule that is broken.
        shortname: The customer, if it concerns one.
        field: The Python name of the field, if it concerns one.
    """

    file: str
    place: Place
    message: str
    rule: Rule
    shortname: str | None = None
    field: str | None = None

    @property
    def text(self) -> str:
        """The message with the shortname, on one line, without control characters."""
        subject = f"{self.shortname}: " if self.shortname is not None else ""
        return printable(f"{subject}{self.message}")

    def __str__(self) -> str:
        return f"{printable(self.file)}:{self.place.line}:{self.place.column}: {self.text}"
