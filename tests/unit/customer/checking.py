"""What the tests of the check share."""

from __future__ import annotations

from typing import Any

from pulumi_fusion.customer.check import check
from pulumi_fusion.customer.model import FIELDS
from pulumi_fusion.customer.names import state_key

__all__ = ["KEYS", "REQUIRED", "failures"]

KEYS = [state_key(name) for name in FIELDS]
REQUIRED = [state_key(name) for name, spec in FIELDS.items() if spec.required]


def failures(raw: Any, old: Any = None, listed: Any = ()) -> list[tuple[str, str]]:
    """Return the failures of a check as pairs of property and reason."""
    return [(failure.property, failure.reason) for failure in check(raw, old, listed).failures]
