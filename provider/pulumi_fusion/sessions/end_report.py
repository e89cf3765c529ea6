"""Texts on the end of a session: how it ended, its requests, and the effects that remain. Pure functions."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta, timezone
from typing import Any, Final

from pulumi_fusion.sessions.counts import UNKNOWN
from pulumi_fusion.sessions.request import RAW, WRITE, SessionRequest, format_duration

__all__ = ["access_end", "end_line", "helper_died_text", "lasting_effects", "raw_token_validity", "remaining_access"]

_PATHS: Final = 5
_MAY_REMAIN: Final = "what it changed inside the customer, if anything, remains"


def end_line(customer: str, how: str, counts: Mapping[str, Any]) -> str:
    """Return the line about the end of a session that ended ``how`` and counted ``counts``."""
    begin = f"MASQUERADE ENDED {customer} after {format_duration(counts['seconds'])}: {how}; "
    if counts["requests"] == UNKNOWN:
        return f"{begin}what the raw token was used for is unknown"
    sent = ", ".join(f"{count} {method}" for method, count in sorted(counts["requests"].items())) or "no requests"
    kinds = ", ".join(f"{kind}: {count}" for kind, count in sorted(counts["refused"].items()))
    refused = f", {sum(counts['refused'].values())} refused ({kinds})" if kinds else ""
    return f"{begin}{sent}{refused}"


def lasting_effects(customer: str, counts: Mapping[str, Any], expires: float | None = None) -> list[str]:
    """Return a sentence on each effect that remains after a session.

    Args:
        customer: The shortname of the customer.
        counts: The counted requests, see :meth:`pulumi_fusion.sessions.access.Access.counts`.
        expires: When its token expires, in seconds since the epoch; None if unknown.
    """
    if counts["changes"] == UNKNOWN:
        return [
            f"RAW TOKEN: it {raw_token_validity(expires)}, and its use inside {customer} is neither limited nor "
            "counted. If it was disclosed, ask the service's support to revoke it."
        ]
    changes, sentences = counts["changes"], []
    if changes["made"]:
        sentences.append(
            f"{_requests(changes['made'])} changed something inside {customer}: "
            f"{_listed(changes['made_paths'], changes['made'])}. What they created there (API keys, users) remains."
        )
    if changes["unknown"]:
        sentences.append(
            f"{_requests(changes['unknown'])} may have changed something inside {customer}, since the outcome is "
            f"unknown: {_listed(changes['unknown_paths'], changes['unknown'])}. Check there; what was created remains."
        )
    return sentences


def access_end(request: SessionRequest, expires: float | None) -> str:
    """Return a clause on the access that ended: only requests through the endpoint can be stopped."""
    return f"but the raw token {raw_token_validity(expires)}" if request.raw_token else "and its access is gone"


def helper_died_text(request: SessionRequest, expires: float | None) -> str:
    """Return the same for a session whose helper died, so that its changes aren't known."""
    effects = f"; {_MAY_REMAIN}" if request.mode == WRITE else ""
    return f"{access_end(request, expires)}{effects}"


def remaining_access(start: Mapping[str, Any]) -> str:
    """Return the same for a session whose end the audit lacks; ``start`` is the record of its start."""
    mode = start.get("mode")
    if mode == RAW:
        try:
            works = raw_token_validity(datetime.fromisoformat(str(start.get("token_ends"))).timestamp())
        except (ValueError, OverflowError):
            works = "may still work"
        return f"it is over, but the raw token that it handed out {works}"
    return "it is over, and so is its access" + (f"; {_MAY_REMAIN}" if mode == WRITE else "")


def raw_token_validity(expires: float | None) -> str:
    """Return a clause on how long a raw token works, in local time.

    Args:
        expires: Seconds since the epoch, or None if unknown.
    """
    if expires is None:
        return "may still work, and its expiry is unknown"
    now = datetime.now(timezone.utc)
    end = datetime.fromtimestamp(expires, timezone.utc).astimezone()
    if end <= now:
        return f"was to end at {_moment(end)}"
    return f"may still work until {_moment(end)} (in {_hours_and_minutes(end - now)})"


def _moment(when: datetime) -> str:
    return f"{when:%Y-%m-%d %H:%M} {when:%Z}".rstrip()


def _hours_and_minutes(left: timedelta) -> str:
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
