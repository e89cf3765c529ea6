"""Read a YAML file as a tree of maps and values with their places, and refuse what a catalog doesn't need.

The parser's events are used instead of the loader: they have the place of everything, keys that are there twice, and
aliases before they are expanded (https://pyyaml.org/wiki/PyYAMLDocumentation#events).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final

import yaml

from pulumi_fusion.catalog.findings import Place, Rule

__all__ = ["LOADER", "Alias", "List", "Map", "Node", "Scalar", "read_tree"]

Report = Callable[[Place, str, Rule], None]

LOADER: Final[Any] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""The loader with the parser of libyaml, which is ten times as fast. Some builds of PyYAML lack it."""

DEEPEST: Final = 10
"""Levels of maps and lists. A catalog has three."""

_CONFLICT: Final = re.compile(r"^(<{7}|={7}|>{7})( |$)", re.MULTILINE)
# https://yaml.org/spec/1.2.2/#69-separation-lines: only after white space # begins a comment.
_COMMENT_IN_TEXT: Final = re.compile(r"[ \t]+#\S")

_HINTS: Final = {
    "mapping values are not allowed": "A text with a colon and a space must be in quotes",
    "cannot start any token": "Indent by spaces, and put a text that begins with a special character in quotes",
    "did not find expected key": "Align the keys, and write a quote in a text as in 'Bob''s' or \"Bob's\"",
    "could not find expected ':'": "Write a colon and a space after a key",
    "did not find expected alphabetic or numeric character": "Put a text that begins with & or * in quotes",
}
"""What to do, by a part of the parser's message."""


@dataclass(frozen=True)
class Scalar:
    """A value.

    Args:
        text: The text.
        plain: Whether it is without quotes.
        place: Where it begins.
        cut: Whether a comment follows that may be meant as a part of the text, as in ``Acme #1``.
    """

    text: str
    plain: bool
    place: Place
    cut: bool = False


@dataclass(frozen=True)
class List:
    """A list, whose items aren't used."""

    place: Place


@dataclass(frozen=True)
class Alias:
    """An alias, which was reported."""

    place: Place


@dataclass(frozen=True)
class Map:
    """A map, with each key once."""

    items: tuple[tuple[Scalar, Node], ...]
    place: Place


Node = Scalar | List | Alias | Map


class _TooDeepError(Exception):
    pass


def read_tree(text: str, report: Report) -> Node | None:
    """Return the tree of the file, or None if it is empty or isn't YAML. Each problem is reported."""
    if conflict := _CONFLICT.search(text):
        report(_at(text, conflict.start()), "a merge conflict is left here: resolve it", Rule.UNREADABLE)
        return None
    try:
        return _Reader(text, yaml.parse(text, Loader=LOADER), report).document()
    except yaml.MarkedYAMLError as wrong:
        mark = wrong.problem_mark or wrong.context_mark
        place = Place(mark.line + 1, mark.column + 1) if mark else Place(1, 1)
        problem = wrong.problem or "unreadable"
        context = f" {wrong.context}" if wrong.context else ""
        hint = next((f". {advice}" for part, advice in _HINTS.items() if part in problem), "")
        report(place, f"this isn't YAML: {problem}{context}{hint}", Rule.UNREADABLE)
    except yaml.reader.ReaderError as wrong:
        report(_at(text, wrong.position), f"this isn't YAML: {wrong.reason}", Rule.UNREADABLE)
    except _TooDeepError:
        pass
    return None


def _at(text: str, position: int) -> Place:
    before = text[:position]
    return Place(before.count("\n") + 1, position - before.rfind("\n"))


def _place(event: Any) -> Place:
    return Place(event.start_mark.line + 1, event.start_mark.column + 1)


def _end(event: Any) -> int:
    """Return the position after the last character of a value."""
    end: int = event.end_mark.index
    return end


class _Reader:
    def __init__(self, text: str, events: Iterator[Any], report: Report) -> None:
        self._text = text
        self._events = events
        self._report = report

    def document(self) -> Node | None:
        """Return the tree of the first document."""
        root: Node | None = None
        documents = 0
        for event in self._events:
            if isinstance(event, yaml.DocumentStartEvent):
                documents += 1
                if documents == 2:
                    self._refuse(_place(event), "a catalog is one document: remove the line ---")
                    break
            elif isinstance(event, yaml.NodeEvent):
                root = self._node(event, 1)
        return root

    def _refuse(self, place: Place, why: str) -> None:
        self._report(place, why, Rule.UNSUPPORTED_YAML)

    def _node(self, event: Any, depth: int) -> Node:
        place = _place(event)
        if isinstance(event, yaml.AliasEvent):
            self._refuse(place, f"the alias *{event.anchor} isn't supported: put a text in quotes, or use defaults")
            return Alias(place)
        if event.anchor:
            self._refuse(place, f"the anchor &{event.anchor} isn't supported: put a text in quotes, or use defaults")
        if event.tag and event.tag != "!":
            self._refuse(place, f"the tag {event.tag} isn't supported: put a text in quotes, or remove it")
        if isinstance(event, yaml.ScalarEvent):
            plain = not event.style and event.implicit[0]
            cut = plain and _COMMENT_IN_TEXT.match(self._text, _end(event)) is not None
            return Scalar(event.value, plain, place, cut)
        if depth > DEEPEST:
            self._refuse(place, f"more than {DEEPEST} levels aren't supported")
            raise _TooDeepError
        return self._map(place, depth) if isinstance(event, yaml.MappingStartEvent) else self._list(place, depth)

    def _list(self, place: Place, depth: int) -> List:
        for event in self._events:
            if isinstance(event, yaml.SequenceEndEvent):
                break
            self._node(event, depth + 1)
        return List(place)

    def _map(self, place: Place, depth: int) -> Map:
        items: dict[str, tuple[Scalar, Node]] = {}
        for event in self._events:
            if isinstance(event, yaml.MappingEndEvent):
                break
            key = self._node(event, depth + 1)
            value = self._node(next(self._events), depth + 1)
            if not isinstance(key, Scalar):
                self._refuse(key.place, "a key must be a text")
            elif key.text in items:
                first = items[key.text][0].place.line
                self._report(
                    key.place,
                    f"{key.text} is there twice, first in line {first}: remove one of them",
                    Rule.DUPLICATE_KEY,
                )
            else:
                items[key.text] = (key, value)
        return Map(tuple(items.values()), place)
