"""What is asked of a session (customer, reason, duration, mode), and its validation before anything is sent. Pure."""

from __future__ import annotations

import math
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
    "SessionRequest",
    "format_duration",
    "format_time_left",
    "parse_duration",
]

ATTEMPTED: Final = "masquerade as"

DEFAULT_DURATION: Final = timedelta(minutes=15)
LONGEST: Final = timedelta(minutes=60)
SHORTEST: Final = timedelta(seconds=1)
SHORTEST_REASON: Final = 10
LONGEST_TEXT: Final = 500

# The environment variables that mark a session; the settings refuse other credentials where they are set.
MARKER: Final = SESSION
MARKER_ID: Final = SESSION_ID

RAW: Final = "raw token"
"""The mode of a session that hands out the token itself."""

WRITE: Final = "read and write"
"""The mode of a session that may change things."""


@dataclass(frozen=True)
class SessionRequest:
    """A request to open a session.

    Args:
        customer: The shortname of the customer.
        reason: Why, in 10 to 500 characters; recorded in the audit.
        duration: 1 second to 60 minutes.
        write: Allow requests that change something.
        ticket: The identifier of a ticket, up to 500 characters; recorded in the audit.
        raw_token: Give the command the access token itself, whose use can't be limited.
    """

    customer: str
    reason: str
    duration: timedelta = DEFAULT_DURATION
    write: bool = False
    ticket: str | None = None
    raw_token: bool = False

    @property
    def mode(self) -> str:
        """What the session may do, as the audit records it."""
        if self.raw_token:
            return RAW
        return WRITE if self.write else "read-only"

    def validate(self, environ: Mapping[str, str]) -> None:
        """Raise SessionRefused inside another session, or with every rule that the request breaks."""
        inside = environ.get(MARKER)
        if inside:
            raise _refused(
                self.customer,
                f"this is a session inside {capped(inside)!r} already, and one inside another would hide who acts",
                "Exit it first (`exit`), then open the other session from your own account. If no session runs here, "
                f"remove the leftover variables: `unset {MARKER} {MARKER_ID}`.",
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
            low, high, given = (format_duration(each.total_seconds()) for each in (SHORTEST, LONGEST, self.duration))
            found.append(f"the duration must be {low} to {high}, not {given}")
        return found


def _refused(customer: str, came_back: str, next_step: str) -> SessionRefused:
    return SessionRefused(ATTEMPTED, came_back, shortname=capped(customer), next_step=next_step)


_UNITS: Final = {"s": "seconds", "m": "minutes", "h": "hours"}


def parse_duration(text: str) -> timedelta:
    """Return the duration that a text such as ``90s``, ``15m`` or ``1h`` means. Raises ValueError with the rule."""
    found = re.fullmatch(r"([0-9]{1,6})([smh])", text.strip())
    if not found:
        raise ValueError("must be a whole number with its unit: 90s, 15m or 1h")
    return timedelta(**{_UNITS[found[2]]: int(found[1])})


def format_time_left(seconds: float) -> str:
    """Return a remaining time for people, rounded up to ``15 min``, or below a minute to ``40 s``.

    The shells' start files compute the same above each prompt.
    """
    whole = max(0, math.ceil(seconds))
    return f"{whole} s" if whole < 60 else f"{math.ceil(whole / 60)} min"


def format_duration(seconds: float) -> str:
    """Return a duration for people: ``15 min``, ``2 min 5 s``, ``40 s``."""
    whole = round(seconds)
    minutes, rest = divmod(abs(whole), 60)
    text = " ".join([f"{minutes} min"] * bool(minutes) + [f"{rest} s"] * bool(rest or not minutes))
    return f"-{text}" if whole < 0 else text
