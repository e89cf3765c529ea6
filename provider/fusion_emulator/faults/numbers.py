"""The numbers of the grammar of faults, and the range of each."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

__all__ = ["COUNT", "DATE", "SECONDS", "SKEW", "SKIP", "STATUS", "Number", "RangeError"]

_DIGITS: Final = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?")
_LONGEST: Final = 20


class RangeError(ValueError):
    """A text is not a number of the range; the text of the error names both."""


@dataclass(frozen=True)
class Number:
    """A number from ``least`` to ``most``: decimal digits, with a fraction unless it is ``whole``."""

    least: int
    most: int
    whole: bool = False

    def parse(self, name: str, text: str) -> float:
        """Return the number, or raise RangeError with the name of what it is a value of."""
        found = _DIGITS.fullmatch(text) if len(text) <= _LONGEST else None
        if found is None or (self.whole and found[2]) or not self.least <= float(text) <= self.most:
            raise RangeError(f"{name}: {text!r} is not a {self}")
        return float(text)

    def __str__(self) -> str:
        """Return the range as the errors and documents show it."""
        return f"{'whole ' if self.whole else ''}number from {self.least} to {self.most}"


SECONDS: Final = Number(0, 86_400)
"""At most a day."""

SKEW: Final = Number(-315_360_000, 315_360_000)
"""Seconds: ten years."""

DATE: Final = Number(0, 315_360_000, whole=True)
"""Seconds until a date: ten years. RFC 9110 section 10.2.3: whole ones."""

COUNT: Final = Number(1, 1_000_000, whole=True)

SKIP: Final = Number(0, 1_000_000, whole=True)

STATUS: Final = Number(200, 599, whole=True)
"""A 1xx status isn't a final answer (RFC 9110 section 15.2)."""
