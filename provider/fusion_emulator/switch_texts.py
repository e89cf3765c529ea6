"""What the switches mean, as texts for people."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Mapping
from typing import Any, Final, Literal, get_args, get_origin, get_type_hints

from fusion_emulator.switches import Switches

__all__ = ["choices", "described", "expected", "text_of"]

_EXPECTED: Final = {int: "a whole number", float: "seconds"}


def described() -> Mapping[str, str]:
    """Return what each switch decides, by its name."""
    return {each.name: each.metadata["decides"] for each in dataclasses.fields(Switches)}


def choices(name: str) -> tuple[str, ...]:
    """Return the values that a switch may have, as texts; empty if they are too many to list."""
    hint = _hints()[name]
    if get_origin(hint) is Literal:
        return tuple(str(value) for value in get_args(hint))
    return ("true", "false") if hint is bool else ()


def expected(name: str) -> str:
    """Return what the value of a switch without choices looks like."""
    if name.endswith("_rate"):
        return "`off` or `COUNT/SECONDS`"
    return _EXPECTED.get(_hints()[name], "`value=label` pairs")


def text_of(value: object) -> str:
    """Return a value as the command line accepts it."""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value).lower() if isinstance(value, bool) else str(value)


@functools.cache
def _hints() -> Mapping[str, Any]:
    return get_type_hints(Switches)
