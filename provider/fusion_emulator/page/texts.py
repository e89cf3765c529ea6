"""Texts, numbers and times, as the page shows and reads them."""

from __future__ import annotations

import re
import unicodedata
from datetime import datetime, timezone
from typing import Final

from fusion_emulator.clock import seconds_of

__all__ = ["counted", "duration", "moment", "shown_of", "time_of_day", "unix_seconds", "visible"]

_LONGEST: Final = 500
_MOMENT: Final = re.compile(r"([0-9-]{10}) ([0-9]{2}:[0-9]{2})(:[0-9]{2})?")
_JOINERS: Final = "\u200c\u200d"  # part of words in Persian and Hindi, and of emoji
_HIDDEN: Final = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})


def visible(text: object, longest: int = _LONGEST) -> str:
    r"""Return a text with escapes such as ``\u202e`` for its control characters, cut off after ``longest`` of them."""
    shown = str(text)
    cut = "…" if len(shown) > longest else ""
    return "".join(_visible(char) for char in shown[:longest]) + cut


def _visible(char: str) -> str:
    if unicodedata.category(char) not in _HIDDEN or char in _JOINERS:
        return char
    return f"\\u{ord(char):04x}" if ord(char) < 0x10000 else f"\\U{ord(char):08x}"


def counted(number: int, noun: str, plural: str | None = None) -> str:
    """Return ``1 request``, ``2 requests`` or ``10 000 requests``."""
    words = noun if number == 1 else plural or f"{noun}s"
    return f"{number:,}".replace(",", "\u202f") + f" {words}"


def shown_of(shown: int, total: int, noun: str) -> str:
    """Return ``2 requests``, or ``the last 100 of 345 requests`` if not all are shown."""
    return counted(total, noun) if shown == total else f"the last {shown} of {counted(total, noun)}"


def duration(seconds: float) -> str:
    """Return ``2 d 3 h``, ``3 h 5 min``, ``14 min 32 s`` or ``9 s``, rounded up to whole seconds."""
    whole = int(-(-seconds // 1))
    units = [(whole // 86400, "d"), (whole // 3600 % 24, "h"), (whole // 60 % 60, "min"), (whole % 60, "s")]
    first = next((index for index, (count, _) in enumerate(units) if count), len(units) - 1)
    return " ".join(f"{count} {unit}" for count, unit in units[first : first + 2])


def moment(timestamp: float) -> str:
    """Return ``2026-11-28 04:35:10`` in UTC for Unix seconds."""
    return f"{_utc(timestamp):%Y-%m-%d %H:%M:%S}"


def time_of_day(timestamp: float) -> str:
    """Return ``04:35:10.123`` in UTC for Unix seconds."""
    return _utc(timestamp).isoformat(timespec="milliseconds")[11:23]


def unix_seconds(text: str) -> float:
    """Return the Unix seconds of a time, or raise ValueError.

    Args:
        text: A time such as ``2026-11-28 04:35:00`` or ``2026-11-28 04:35`` in UTC, as the page shows it, or one that
            ``clock.seconds_of`` reads.
    """
    shown = _MOMENT.fullmatch(text.strip())
    try:
        return seconds_of(f"{shown[1]}T{shown[2]}{shown[3] or ':00'}Z" if shown else text.strip())
    except ValueError:
        raise ValueError(f"{text!r} is not a time such as 2026-11-28 04:35:00") from None


def _utc(timestamp: float) -> datetime:
    try:
        return datetime.fromtimestamp(timestamp, tz=timezone.utc)
    except (OverflowError, ValueError, OSError):
        return datetime.max.replace(tzinfo=timezone.utc)
