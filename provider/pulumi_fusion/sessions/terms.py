"""The terms of a session, and what is refused before anything is sent. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from pulumi_fusion.binding import KEY_PREFIX, SESSION, SESSION_ID
from pulumi_fusion.errors import SessionRefused, capped

__all__ = [
    "ATTEMPTED",
    "DEFAULT_DURATION",
    "KEY_PREFIX",
    "LONGEST",
    "MARKER",
    "MARKER_ID",
    "RAW",
    "WRITE",
    "Terms",
    "duration_of",
    "spoken",
]

ATTEMPTED: Final = "masquerade as"

DEFAULT_DURATION: Final = timedelta(minutes=15)
LONGEST: Final = timedelta(minutes=60)
SHORTEST: Final = timedelta(seconds=1)
SHORTEST_REASON: Final = 10
LONGEST_TEXT: Final = 500

# How a session is known from inside it; the names are shared with the settings, which refuse other credentials there.
MARKER: Final = SESSION
MARKER_ID: Final = SESSION_ID

RAW: Final = "raw token"
"""The mode of a session that hands out the token itself."""

WRITE: Final = "read and write"
"""The mode of a session that may change things."""


@dataclass(frozen=True)
class Terms:
    """What is asked for: whom to be, why, for how long, and how much.

    ``customer`` is a shortname, ``reason`` 10 to 500 characters, ``duration`` 1 second to 60 minutes, ``ticket``
    whatever the own company calls the matter. ``raw_token`` hands out the token itself, which nothing here can limit.
    """

    customer: str
    reason: str
    duration: timedelta = DEFAULT_DURATION
    write: bool = False
    ticket: str | None = None
    raw_token: bool = False

    @property
    def mode(self) -> str:
        """How much the session may do, in words."""
        if self.raw_token:
            return RAW
        return WRITE if self.write else "read-only"

    def hold(self, environ: Mapping[str, str]) -> None:
        """Raise SessionRefused that names everything that is wrong with the terms, or with opening a session here."""
        inside = environ.get(MARKER)
        if inside:
            raise _refused(
                self.customer,
                f"this is a session inside {capped(inside)!r} already, and one inside another would hide who acts",
                "Leave it first (`exit`); open the other session from your own account. If no session runs here, the "
                f"variables were left behind: `unset {MARKER} {MARKER_ID}`.",
            )
        if broken := [*self._broken()]:
            raise _refused(self.customer, "; ".join(broken), "Nothing was sent. Correct that and run it again.")

    def _broken(self) -> list[str]:
        found = []
        for name, text, shortest in (("reason", self.reason, SHORTEST_REASON), ("ticket", self.ticket, 1)):
            if text is None:
                continue
            length = len(" ".join(text.split()))
            if not shortest <= length or len(text) > LONGEST_TEXT:
                found.append(f"the {name} must have {shortest} to {LONGEST_TEXT} characters, and this one has {length}")
            if not text.isprintable():
                found.append(f"the {name} must be one line of printable characters")
        if not SHORTEST <= self.duration <= LONGEST:
            found.append(
                f"the duration must be {spoken(SHORTEST.total_seconds())} to {spoken(LONGEST.total_seconds())}, "
                f"not {spoken(self.duration.total_seconds())}"
            )
        return found


def _refused(customer: str, came_back: str, next_step: str) -> SessionRefused:
    return SessionRefused(ATTEMPTED, came_back, shortname=capped(customer), next_step=next_step)


_UNITS: Final = {"s": "seconds", "m": "minutes", "h": "hours"}


def duration_of(text: str) -> timedelta:
    """The duration that ``90s``, ``15m`` or ``1h`` is. Raises ValueError with the rule."""
    found = re.fullmatch(r"([0-9]{1,6})([smh])", text.strip())
    if not found:
        raise ValueError("must be a whole number with its unit: 90s, 15m or 1h")
    return timedelta(**{_UNITS[found[2]]: int(found[1])})


def spoken(seconds: float) -> str:
    """A duration for people: ``15 min``, ``2 min 5 s``, ``40 s``."""
    whole = round(seconds)
    minutes, rest = divmod(abs(whole), 60)
    words = " ".join([f"{minutes} min"] * bool(minutes) + [f"{rest} s"] * bool(rest or not minutes))
    return f"-{words}" if whole < 0 else words
