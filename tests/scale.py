"""The number of random examples: small in every run, large at night (``HYPOTHESIS_PROFILE=nightly``)."""

from __future__ import annotations

import os
from typing import Final

__all__ = ["NIGHTLY", "PROFILE", "scaled"]

PROFILE: Final = os.environ.get("HYPOTHESIS_PROFILE") or "default"
NIGHTLY: Final = PROFILE == "nightly"


def scaled(default: int, *, nightly: int) -> int:
    """Return the number for the Hypothesis profile of this run."""
    return nightly if NIGHTLY else default
