"""The numbers of JSON that the emulator reads: finite, and each can be converted to a float."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Final, NoReturn, TypedDict

__all__ = ["LARGEST", "NUMBERS"]

LARGEST: Final = (1 << 63) - 1
"""The largest number of 64 bits with a sign."""

_MAX_DIGITS: Final = 300


class _Parsers(TypedDict):
    parse_constant: Callable[[str], Any]
    parse_float: Callable[[str], float]
    parse_int: Callable[[str], int]


def _refuse_constant(name: str) -> NoReturn:
    # RFC 8259 section 6: NaN and Infinity are not JSON, whatever Python accepts.
    raise ValueError(f"{name} is not a number")


def _finite(digits: str) -> float:
    number = float(digits)
    if math.isinf(number):
        raise ValueError("a number is too large")
    return number


def _whole(digits: str) -> int:
    if len(digits) > _MAX_DIGITS:
        raise ValueError("a number is too large")
    return int(digits)


NUMBERS: Final[_Parsers] = {"parse_constant": _refuse_constant, "parse_float": _finite, "parse_int": _whole}
"""Arguments of ``json.loads``; a number that is not read is a ValueError."""
