"""Faults, read from lines of the grammar that the package documents."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from fusion_emulator.answers import Answer
from fusion_emulator.faults.delivery import Delivery
from fusion_emulator.faults.kinds import COLOURS, DECISIVE, NO_BODY, Colour, Decisive, Side, family, status_of
from fusion_emulator.faults.nearest import meant
from fusion_emulator.faults.numbers import COUNT, SKIP, RangeError

__all__ = ["Fault", "MalformedFault"]

_METHODS: Final = ("*", "GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS")
_GRAMMAR: Final = "METHOD PATH KIND[=VALUE] [OPTION=VALUE] [skip=N] [xN]"
_LONGEST: Final = 1000
_SHOWN: Final = 100
"""Characters of a line, and of a line in an error."""


class MalformedFault(ValueError):
    """A line is not a fault; the text states the reason."""


@dataclass
class Fault:
    """One fault; ``left`` and ``skip`` count down, None is without end. ``used``: the requests that it affected."""

    text: str
    method: str
    path: str
    kind: str
    value: str | None
    side: Side
    options: Mapping[str, str] = field(default_factory=dict)
    skip: int = 0
    left: int | None = None
    used: int = 0

    @classmethod
    def parse(cls, text: str) -> Fault:
        """Return the fault that a line describes, or raise MalformedFault."""
        try:
            return _parse(text.split())
        except (_WrongError, RangeError) as wrong:
            shown = f"{text[:_SHOWN]}..." if len(text) > _SHOWN else text
            raise MalformedFault(f"fault {shown!r}: {wrong}; expected {_GRAMMAR}") from None

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
    if len(" ".join(words)) > _LONGEST:
        raise _WrongError(f"longer than {_LONGEST} characters")
    if not all(word.isprintable() for word in words):
        raise _WrongError("a character that cannot be printed")
    method, path, head, *rest = words
    if method.upper() not in _METHODS:
        raise _WrongError(f"no method {method!r}; there are: {', '.join(_METHODS)}")
    if not path.startswith(("/", "*")):
        raise _WrongError("the path begins with neither / nor *")
    name, equals, value = head.partition("=")
    kind, side = _sided(name)
    rule = _rule(kind)
    _require_value(kind, rule, value if equals else None)
    counts, options = _options(kind, rule, rest)
    return Fault(
        text=" ".join(words),
        method=method.upper(),
        path=path,
        kind=kind,
        value=value or None,
        side=_side(kind, rule, side),
        options=options,
        skip=counts.get("skip", 0),
        left=counts.get("x"),
    )


def _rule(kind: str) -> Decisive | Colour:
    """Return the syntax of a kind."""
    rule: Decisive | Colour | None = DECISIVE.get(family(kind)) or COLOURS.get(kind)
    if rule is None or kind in ("NNN", "html-NNN"):
        kinds = (*DECISIVE, *COLOURS)
        raise _WrongError(f"no kind {kind!r}{meant(kind, kinds)}; there are: {', '.join(kinds)}")
    if status_of(kind) in NO_BODY and kind.startswith("html-"):
        raise _WrongError(f"{kind}: a response with this status has no body, and no page")
    return rule


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
    if value is not None and rule.value == "none":
        raise _WrongError(f"{kind} takes no value")
    if value == "" or (value is None and rule.value == "required"):
        raise _WrongError(f"{kind} takes a value, such as {kind}={rule.example if rule.number is None else 2}")
    if value is None:
        return
    if rule.number is not None:
        rule.number.parse(kind, value)
    elif not value.isascii():
        raise _WrongError(f"the value of {kind} has a character outside ASCII")


def _side(kind: str, rule: Decisive | Colour, given: Side | None) -> Side:
    if isinstance(rule, Colour):
        if given is not None:
            raise _WrongError(f"{kind} is neither before nor after")
        return "colours"
    side = given or rule.default
    if rule.only is not None and side != rule.only:
        raise _WrongError(f"{kind} is always {rule.only}")
    return side


def _options(kind: str, rule: Decisive | Colour, words: Sequence[str]) -> tuple[dict[str, int], dict[str, str]]:
    """Return the numbers of ``x`` and ``skip``, and the options of the kind."""
    counts: dict[str, int] = {}
    options: dict[str, str] = {}
    for word in words:
        name, equals, setting = word.partition("=")
        if not equals and word.startswith("x"):
            name, setting = "x", word[1:]
        if name in counts or name in options:
            raise _WrongError(f"{name} is given twice")
        if name == "skip" or (name == "x" and not equals):
            counts[name] = int((COUNT if name == "x" else SKIP).parse(name, setting))
        elif name in rule.options:
            rule.options[name].parse(name, setting)
            options[name] = setting
        else:
            known = ", ".join((*(f"{each}=N" for each in rule.options), "skip=N", "xN"))
            raise _WrongError(f"{word!r} is not an option of {kind}; there are: {known}")
    if {"retry-after", "retry-after-date"} <= options.keys():
        raise _WrongError("retry-after and retry-after-date are both given")
    return counts, options
