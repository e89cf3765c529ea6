"""The ids of accounts, users and API keys: 24 hex digits for the number of each, counted from 0."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from secrets import token_hex
from typing import TypeAlias

__all__ = ["Mint", "random_id", "seeded"]

Mint: TypeAlias = Callable[[int], str]
"""Returns the id of that number."""


def random_id(number: int) -> str:
    """Return another id each time."""
    return token_hex(12)


def seeded(seed: int) -> Mint:
    """Return what makes the same ids for the same seed, a whole number from 0, or raise ValueError."""
    if type(seed) is not int or seed < 0:
        raise ValueError(f"seed: expected a whole number from 0, not {seed!r}")
    return lambda number: hashlib.sha256(f"{seed}:{number}".encode()).hexdigest()[:24]
