"""What someone may have meant by a wrong word."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches
from typing import Final

__all__ = ["meant"]

_LONGEST: Final = 100
"""Characters of a word that is compared."""


def meant(wrong: str, known: Iterable[str]) -> str:
    """Return `` (did you mean WORD?)`` with the nearest of the known words; an empty text if none is near."""
    near = get_close_matches(wrong, known, n=1) if len(wrong) <= _LONGEST else []
    return f" (did you mean {near[0]}?)" if near else ""
