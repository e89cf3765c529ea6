"""What is wrong with a catalog, and where."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Final, NamedTuple

from pulumi_fusion.characters import printable

__all__ = ["MEANINGS", "Finding", "Place", "Rule"]


class Rule(str, Enum):
    """The rule that a catalog breaks. The values are part of the public interface and don't change."""

    UNREADABLE = "unreadable"
    UNSUPPORTED_YAML = "unsupported-yaml"
    AMBIGUOUS_VALUE = "ambiguous-value"
    STRUCTURE = "structure"
    DUPLICATE_KEY = "duplicate-key"
    UNKNOWN_KEY = "unknown-key"
    SHORTNAME = "shortname"
    CASE_TWINS = "case-twins"
    MISSING_FIELD = "missing-field"
    INVALID_FIELD = "invalid-field"
    SAME_ADOPT = "same-adopt"


MEANINGS: Final[Mapping[Rule, str]] = {
    Rule.UNREADABLE: "The file isn't UTF-8, YAML or CSV.",
    Rule.UNSUPPORTED_YAML: "Anchors, aliases, merge keys, tags, several documents.",
    Rule.AMBIGUOUS_VALUE: "An unquoted text that YAML readers take for something else, such as NO.",
    Rule.STRUCTURE: "A part is missing, or is a map where a value is expected, or the other way round.",
    Rule.DUPLICATE_KEY: "A key is there twice.",
    Rule.UNKNOWN_KEY: "A key that isn't a field, or not at this place.",
    Rule.SHORTNAME: "The key of a customer breaks the rule of the shortname.",
    Rule.CASE_TWINS: "Two shortnames differ only in upper and lower case.",
    Rule.MISSING_FIELD: "A required field is neither in the entry nor in the defaults.",
    Rule.INVALID_FIELD: "A value breaks the rule of its field.",
    Rule.SAME_ADOPT: "Two customers adopt the same account.",
}
"""What each rule is about."""


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
        """The message with the shortname, as one line of a log."""
        subject = f"{self.shortname}: " if self.shortname is not None else ""
        return _loggable(f"{subject}{self.message}")

    def __str__(self) -> str:
        line = f"{_loggable(self.file)}:{self.place.line}:{self.place.column}: {self.text}"
        # A line that begins with two colons is a command for the runner, too.
        return f"./{line}" if line.lstrip().startswith("::") else line


def _loggable(text: str) -> str:
    """Return the text without control characters and without what GitHub's runner takes for a command in a log.

    https://github.com/actions/runner/blob/main/src/Runner.Common/ActionCommand.cs
    """
    return printable(text).replace("##[", "## [")
