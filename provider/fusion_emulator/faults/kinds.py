"""The kinds of faults and the syntax of each."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

from fusion_emulator.answers import Answer
from fusion_emulator.faults import effects
from fusion_emulator.faults.delivery import Delivery

if TYPE_CHECKING:
    from fusion_emulator.faults.lines import Fault

__all__ = ["COLOURS", "DECISIVE", "Colour", "Decisive", "Side", "Value", "family"]

Side: TypeAlias = Literal["before", "after", "colours"]
Value: TypeAlias = Literal["none", "optional", "required"]


@dataclass(frozen=True)
class Decisive:
    """A kind that decides the answer.

    ``default`` is its side; ``only`` is set if it has no other side. ``number``: its value is a number.
    """

    effect: Callable[[Fault, Answer | None, float], Delivery]
    default: Side = "before"
    only: Side | None = None
    value: Value = "none"
    number: bool = False
    options: tuple[str, ...] = ()


@dataclass(frozen=True)
class Colour:
    """A kind that modifies how the request is served. Its value is a number."""

    value: Value
    options: tuple[str, ...] = ()


DECISIVE: Final[Mapping[str, Decisive]] = {
    "reset": Decisive(effects.reset),
    "hang": Decisive(effects.hang, value="optional", number=True),
    "cut-body": Decisive(effects.cut_body, default="after", only="after"),
    "NNN": Decisive(effects.status, options=("retry-after", "retry-after-date")),
    "html-NNN": Decisive(effects.page),
    "exists-400": Decisive(effects.exists),
    "exists-409": Decisive(effects.exists),
    "revoked": Decisive(effects.revoked, only="before"),
    "redirect": Decisive(effects.redirect, value="required", options=("status",)),
    "empty": Decisive(effects.empty, default="after"),
    "not-json": Decisive(effects.not_json, default="after"),
    "huge": Decisive(effects.huge, default="after", only="after", value="optional", number=True),
    "unknown-fields": Decisive(effects.unknown_fields, default="after", only="after"),
    "missing-fields": Decisive(effects.missing_fields, default="after", only="after", value="optional"),
    "other-account": Decisive(effects.other_account, default="after", only="after"),
    "wrong-types": Decisive(effects.wrong_types, default="after", only="after", value="optional"),
}
COLOURS: Final[Mapping[str, Colour]] = {
    "delay": Colour("required", options=("jitter",)),
    "slice": Colour("optional", options=("size",)),
    "early-hints": Colour("optional"),
    "clock-skew": Colour("required"),
    "token-expired": Colour("none"),
    "stale": Colour("required"),
}


def family(kind: str) -> str:
    """Return the name under which a kind is listed: that of a status for every status."""
    if re.fullmatch(r"[2-5][0-9][0-9]", kind):
        return "NNN"
    if re.fullmatch(r"html-[2-5][0-9][0-9]", kind):
        return "html-NNN"
    return kind
