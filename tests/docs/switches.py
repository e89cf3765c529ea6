"""The table of the emulator's switches, from its code."""

from __future__ import annotations

import dataclasses

from fusion_emulator import Switches
from fusion_emulator.switch_texts import choices, described, expected, text_of
from tests.docs.tables import table

__all__ = ["switches"]


def switches() -> str:
    """Return the table of the switches with their default, their values and what they decide."""
    return table(
        ("Switch", "Default", "Values", "What it decides"),
        (
            (f"`{field.name}`", f"`{text_of(field.default)}`", _values(field.name), described()[field.name])
            for field in dataclasses.fields(Switches)
        ),
    )


def _values(name: str) -> str:
    return ", ".join(f"`{choice}`" for choice in choices(name)) or expected(name)
