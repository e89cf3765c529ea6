"""Faults, read from lines of the grammar that the package documents."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from fusion_emulator.answers import Answer
from fusion_emulator.faults.delivery import Delivery
from fusion_emulator.faults.kinds import COLOURS, DECISIVE, Colour, Decisive, Side, family

__all__ = ["Fault", "MalformedFault"]

_METHODS: Final = ("*", "GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS")


class MalformedFault(ValueError):
    """A line is not a fault; the text states the reason."""


@dataclass
class Fault:
    """One fault; ``left`` counts down, None is without end."""

    text: str
    method: str
    path: str
    kind: str
    value: str | None
    side: Side
    options: Mapping[str, str] = field(default_factory=dict)
    skip: int = 0
    left: int | None = None

    @classmethod
    def parse(cls, text: str) -> Fault:
        """Return the fault that a line describes, or raise MalformedFault."""
        try:
            return _parse(text.split())
        except _WrongError as wrong:
            raise MalformedFault(f"fault {text!r}: {wrong}; expected METHOD PATH KIND[=VALUE] [skip=N] [xN]") from None

    def number(self, name: str, default: float) -> float:
        """Return an option as a number."""
        return float(self.options.get(name, default))

    def strike(self, genuine: Answer | None, *, now: float) -> Delivery:
        """Return what is sent in place of the genuine answer.

        Args:
            genuine: The service's own answer; None if it did not act.
            now: The service's clock, in Unix seconds.
        """
        return DECISIVE[family(self.kind)].effect(self, genuine, now)


class _WrongError(Exception):
    """The reason why a line is not a fault."""


def _parse(words: Sequence[str]) -> Fault:
    if len(words) < 3:
        raise _WrongError("too short")
    method, path, head, *rest = words
    if method.upper() not in _METHODS:
        raise _WrongError(f"no method {method!r}")
    if path != "*" and not path.startswith(("/", "*")):
        raise _WrongError("the path begins with neither / nor *")
    name, equals, value = head.partition("=")
    kind, side = _sided(name)
    rule: Decisive | Colour | None = DECISIVE.get(family(kind)) or COLOURS.get(kind)
    if rule is None:
        raise _WrongError(f"no kind {kind!r}; there are: {', '.join((*DECISIVE, *COLOURS))}")
    _require_value(kind, rule, value if equals else None)
    side = _side(kind, rule, side)
    options, left = _options(kind, rule, rest)
    skip = options.pop("skip", "0")
    if not skip.isdecimal():
        raise _WrongError("skip takes a whole number")
    return Fault(
        text=" ".join(words),
        method=method.upper(),
        path=path,
        kind=kind,
        value=value or None,
        side=side,
        options=options,
        skip=int(skip),
        left=left,
    )


def _sided(name: str) -> tuple[str, Side | None]:
    if name.startswith("commit-then-"):
        return name.removeprefix("commit-then-"), "after"
    if name.endswith("-before"):
        return name.removesuffix("-before"), "before"
    if name.endswith("-after"):
        return name.removesuffix("-after"), "after"
    return name, None


def _require_value(kind: str, rule: Decisive | Colour, value: str | None) -> None:
    """Check the value of a kind, None where the line gives none."""
    if value == "" or (value is not None and rule.value == "none") or (value is None and rule.value == "required"):
        raise _WrongError(f"{kind} takes {'no' if rule.value == 'none' else 'a'} value")
    numeric = isinstance(rule, Colour) or rule.number
    if value and numeric and not _is_number(value, signed=kind == "clock-skew"):
        raise _WrongError(f"{value!r} is not a number")


def _side(kind: str, rule: Decisive | Colour, given: Side | None) -> Side:
    if isinstance(rule, Colour):
        if given is not None:
            raise _WrongError(f"{kind} is neither before nor after")
        return "colours"
    side = given or rule.default
    if rule.only is not None and side != rule.only:
        raise _WrongError(f"{kind} is always {rule.only}")
    return side


def _options(kind: str, rule: Decisive | Colour, words: Sequence[str]) -> tuple[dict[str, str], int | None]:
    """Return the options of a line, and the number of requests that the fault affects."""
    left: int | None = None
    options: dict[str, str] = {}
    for word in words:
        if re.fullmatch(r"x[1-9][0-9]*", word):
            left = int(word[1:])
            continue
        option, _, setting = word.partition("=")
        if option not in (*rule.options, "skip") or not _is_number(setting):
            raise _WrongError(f"{word!r} is not an option of {kind}")
        options[option] = setting
    return options, left


def _is_number(text: str, *, signed: bool = False) -> bool:
    return re.fullmatch(r"-?\d+(\.\d+)?" if signed else r"\d+(\.\d+)?", text) is not None
