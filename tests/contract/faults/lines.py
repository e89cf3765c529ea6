"""Faults of a POST that was carried out, and the changing requests that an emulator received."""

from __future__ import annotations

import itertools

from fusion_emulator import Emulator

COMMIT_THEN_FAIL = ("reset-after", "hang-after", "cut-body", "500-after", "502-after", "504-after")
"""F5 F6 F7 F15 F16 F17."""


def writes(emulator: Emulator) -> list[str]:
    """Return the requests that were sent to change customers."""
    paths = ("/customer", "/customer/*")
    entries = itertools.chain.from_iterable(
        emulator.requests.of(method, path) for method in ("POST", "PUT", "DELETE") for path in paths
    )
    return [entry.line() for entry in entries]
