"""What is reported when a session ends: how, what was asked in it, and what outlives it. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta, timezone
from typing import Any, Final

from pulumi_fusion.sessions.counts import UNKNOWN
from pulumi_fusion.sessions.terms import RAW, WRITE, Terms, spoken

__all__ = ["access_is_over", "farewell", "last_words", "left_of", "outliving", "raw_token_works"]

_PATHS: Final = 5
_MAY_STAY: Final = "what it changed inside the customer, if anything, stays"


def farewell(customer: str, how: str, counts: Mapping[str, Any]) -> str:
    """Return the line about the end of a session that ended ``how`` and counted ``counts``."""
    begin = f"MASQUERADE ENDED {customer} after {spoken(counts['seconds'])}: {how}; "
    if counts["requests"] == UNKNOWN:
        return f"{begin}what the raw token was used for is unknown"
    sent = ", ".join(f"{count} {method}" for method, count in sorted(counts["requests"].items())) or "no requests"
    kinds = ", ".join(f"{kind}: {count}" for kind, count in sorted(counts["refused"].items()))
    refused = f", {sum(counts['refused'].values())} refused ({kinds})" if kinds else ""
    return f"{begin}{sent}{refused}"


def outliving(customer: str, counts: Mapping[str, Any], expires: float | None = None) -> list[str]:
    """Return a sentence on each thing that a session leaves behind. ``expires`` is when its token does."""
    if counts["changes"] == UNKNOWN:
        return [
            f"RAW TOKEN: it {raw_token_works(expires)}, and what is done with it inside {customer} is neither limited "
            "nor counted. Ask the service's support to end it, if it got into other hands."
        ]
    changes, sentences = counts["changes"], []
    if changes["made"]:
        sentences.append(
            f"{_requests(changes['made'])} changed something inside {customer}: "
            f"{_listed(changes['made_paths'], changes['made'])}. What they made there (API keys, users) stays."
        )
    if changes["unknown"]:
        sentences.append(
            f"{_requests(changes['unknown'])} may have changed something inside {customer}, for the outcome is "
            f"unknown: {_listed(changes['unknown_paths'], changes['unknown'])}. Check it there; what was made stays."
        )
    return sentences


def access_is_over(terms: Terms, expires: float | None) -> str:
    """Return a clause on what is over: only what goes through the endpoint can be ended."""
    return f"but the raw token {raw_token_works(expires)}" if terms.raw_token else "and its access is gone"


def last_words(terms: Terms, expires: float | None) -> str:
    """Return the same for a session whose helper died, so that nothing can say what it changed."""
    stays = f"; {_MAY_STAY}" if terms.mode == WRITE else ""
    return f"{access_is_over(terms, expires)}{stays}"


def left_of(start: Mapping[str, Any]) -> str:
    """Return the same for a session of which the audit has the start alone: ``start`` is that record."""
    mode = start.get("mode")
    if mode == RAW:
        try:
            works = raw_token_works(datetime.fromisoformat(str(start.get("token_ends"))).timestamp())
        except (ValueError, OverflowError):
            works = "may still work"
        return f"it is over, but the raw token that it handed out {works}"
    return "it is over, and so is its access" + (f"; {_MAY_STAY}" if mode == WRITE else "")


def raw_token_works(expires: float | None) -> str:
    """Return until when, in local time; ``expires`` in seconds since the epoch, None where that is unknown."""
    if expires is None:
        return "may still work, and the service did not say until when"
    now = datetime.now(timezone.utc)
    end = datetime.fromtimestamp(expires, timezone.utc).astimezone()
    if end <= now:
        return f"was to end at {_moment(end)}"
    return f"may still work until {_moment(end)} (in {_spoken(end - now)})"


def _moment(when: datetime) -> str:
    return f"{when:%Y-%m-%d %H:%M} {when:%Z}".rstrip()


def _spoken(left: timedelta) -> str:
    minutes = max(1, round(left.total_seconds() / 60))
    hours, rest = divmod(minutes, 60)
    return " ".join([f"{hours} h"] * bool(hours) + [f"{rest} min"] * bool(rest or not hours))


def _requests(count: int) -> str:
    return f"{count} request{'s' if count != 1 else ''}"


def _listed(paths: Mapping[str, int], count: int) -> str:
    """Return the first paths, and how many requests had others."""
    shown = [*paths.items()][:_PATHS]
    more = count - sum(times for _, times in shown)
    names = [f"{name} ({times} times)" if times > 1 else name for name, times in shown]
    return ", ".join(names) + (f" and {more} more" if more else "")
