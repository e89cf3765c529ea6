"""The kinds of faults and the syntax of each."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

from fusion_emulator.answers import Answer
from fusion_emulator.faults import effects
from fusion_emulator.faults.delivery import Delivery
from fusion_emulator.faults.numbers import COUNT, DATE, SECONDS, SKEW, STATUS, Number

if TYPE_CHECKING:
    from fusion_emulator.faults.lines import Fault

__all__ = ["COLOURS", "DECISIVE", "NO_BODY", "Colour", "Decisive", "Side", "Value", "family", "status_of"]

Side: TypeAlias = Literal["before", "after", "colours"]
Value: TypeAlias = Literal["none", "optional", "required"]

BYTES: Final = Number(1, 100_000_000, whole=True)
NO_BODY: Final = (204, 205, 304)
"""Statuses of responses without a body (RFC 9110 sections 15.3.5, 15.3.6 and 15.4.5)."""


@dataclass(frozen=True)
class Decisive:
    """A kind that decides the answer.

    ``default`` is its side; ``only`` is set if it has no other side. ``number`` is the range of its value, None for a
    text, and ``options`` those of its options. ``receives`` is what the sender receives, and ``example`` the value in
    the documents.
    """

    effect: Callable[[Fault, Answer | None, float], Delivery]
    receives: str
    default: Side = "before"
    only: Side | None = None
    value: Value = "none"
    number: Number | None = None
    options: Mapping[str, Number] = field(default_factory=dict)
    example: str = ""


@dataclass(frozen=True)
class Colour:
    """A kind that modifies how the request is served, as ``receives`` describes. Its value is a number, if any."""

    value: Value
    receives: str
    number: Number = SECONDS
    options: Mapping[str, Number] = field(default_factory=dict)
    example: str = "SECONDS"


DECISIVE: Final[Mapping[str, Decisive]] = {
    "reset": Decisive(effects.reset, "a TCP reset"),
    "hang": Decisive(
        effects.hang,
        "nothing, or after SECONDS a reset; with `-after` the answer instead",
        value="optional",
        number=SECONDS,
        example="SECONDS",
    ),
    "cut-body": Decisive(
        effects.cut_body, "the headers, half of the body, then the end of the connection", default="after", only="after"
    ),
    "NNN": Decisive(
        effects.status,
        "that status with the service's error body; a success such as `202` has no body",
        options={"retry-after": DATE, "retry-after-date": DATE},
    ),
    "html-NNN": Decisive(effects.page, "that status with an HTML page, as from a proxy or a login portal"),
    "exists-400": Decisive(effects.exists, "400 with the service's error for a taken shortname"),
    "exists-409": Decisive(effects.exists, "409 with the service's error for a taken shortname"),
    "revoked": Decisive(effects.revoked, "401, whatever the token", only="before"),
    "redirect": Decisive(
        effects.redirect,
        "307 (or `status`) with this location",
        value="required",
        options={"status": Number(300, 399, whole=True)},
        example="URL",
    ),
    "empty": Decisive(effects.empty, "the genuine status without a body", default="after"),
    "not-json": Decisive(effects.not_json, "the genuine status with JSON that ends early", default="after"),
    "huge": Decisive(
        effects.huge,
        "the genuine answer with a field of that size, 20 MB by default",
        default="after",
        only="after",
        value="optional",
        number=BYTES,
        example="BYTES",
    ),
    "unknown-fields": Decisive(
        effects.unknown_fields, "the genuine answer with undocumented fields", default="after", only="after"
    ),
    "missing-fields": Decisive(
        effects.missing_fields,
        "the genuine records without these fields, by default `reseller`, `ingest_ip` and `ingest_port`",
        default="after",
        only="after",
        value="optional",
        example="NAME,NAME",
    ),
    "other-account": Decisive(
        effects.other_account, "the genuine answer, with another name and id", default="after", only="after"
    ),
    "wrong-types": Decisive(
        effects.wrong_types,
        "the genuine records with texts for numbers and flags, and numbers for texts, in all fields or in these",
        default="after",
        only="after",
        value="optional",
        example="NAME,NAME",
    ),
}
COLOURS: Final[Mapping[str, Colour]] = {
    "delay": Colour("required", "the answer, late; `jitter` adds at most so many seconds", options={"jitter": SECONDS}),
    "slice": Colour("optional", "the answer in pieces of `size` bytes, SECONDS apart", options={"size": BYTES}),
    "early-hints": Colour("optional", "a 103 response, then the answer"),
    "clock-skew": Colour("required", "an answer from a service whose clock is so far ahead", number=SKEW),
    "token-expired": Colour("none", "an answer to a token that has just expired; a new token works"),
    "stale": Colour(
        "required",
        "after a write, the state before it in the next K reads of the account; a read: once; a list: before the last "
        "write",
        number=COUNT,
        example="K",
    ),
}


def family(kind: str) -> str:
    """Return the name under which a kind is listed: that of a status for every number."""
    return re.sub(r"^(html-)?[0-9]+$", lambda found: f"{found[1] or ''}NNN", kind)


def status_of(kind: str) -> int | None:
    """Return the status of a kind with one; None for other kinds. Raises RangeError."""
    if family(kind) not in ("NNN", "html-NNN"):
        return None
    return int(STATUS.parse("the status", kind.removeprefix("html-")))
