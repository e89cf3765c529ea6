"""What the fields and values of a Customer are called: all that a program needs, which has no use for the models."""

from __future__ import annotations

from enum import Enum
from functools import cache
from typing import Final

__all__ = ["INPUTS", "OUTPUTS", "UNKNOWN", "CustomerStatus", "CustomerType", "Unknown", "label", "state_key"]

INPUTS: Final = (
    "email",
    "given_name",
    "family_name",
    "organization",
    "shortname",
    "type",
    "status",
    "data_retention",
    "rollup_retention",
    "contractual_flows_per_second",
    "multi_account",
    "internal",
    "deletion_protection",
    "adopt",
)
"""Fields that a program declares."""

OUTPUTS: Final = ("customer_id", "ingest_ip", "ingest_port", "parent", "node")
"""Fields that only the service assigns."""


class CustomerType(str, Enum):
    """What kind of customer it is: the two of the form, or one of the API's own three."""

    SLG = "SLG"
    MSSP = "MSSP"
    CUSTOMER = "customer"
    RESELLER = "reseller"
    STAFF = "staff"


class CustomerStatus(str, Enum):
    """Whether the customer pays or tries."""

    ACTIVE = "Active"
    TRIAL_ACTIVE = "Trial Active"


class Unknown(Enum):
    """The value of a property that is not known before another resource was created."""

    UNKNOWN = "unknown"


UNKNOWN: Final = Unknown.UNKNOWN


@cache  # asked for every field of every customer in every call
def state_key(name: str) -> str:
    """The spelling of a field in state, schema and every language but Python: ``dataRetention``."""
    first, *others = name.split("_")
    return first + "".join(word.title() for word in others)


_LABELS: Final = {"contractual_flows_per_second": "Contractual Flows per Second"}


def label(name: str) -> str:
    """What the form calls a field: ``Data Retention``."""
    return _LABELS.get(name, name.replace("_", " ").title())
