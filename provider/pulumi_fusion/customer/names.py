"""Names and values that programs use too. Nothing here imports pydantic, which programs don't need."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from functools import cache
from typing import Final

__all__ = ["MEANINGS", "UNKNOWN", "CustomerStatus", "CustomerType", "Unknown", "label", "state_key"]


class CustomerType(str, Enum):
    """The type of a customer: one of the two in the form, or one of the API's three."""

    SLG = "SLG"
    MSSP = "MSSP"
    CUSTOMER = "customer"
    RESELLER = "reseller"
    STAFF = "staff"


class CustomerStatus(str, Enum):
    """Whether the customer has a contract or a trial."""

    ACTIVE = "Active"
    TRIAL_ACTIVE = "Trial Active"


MEANINGS: Final[Mapping[str, str]] = {
    "Active": "It has a contract; deletion protection is on unless the program sets it.",
    "Trial Active": "It has a trial; deletion protection is off unless the program sets it.",
    "SLG": "A customer without customers of its own.",
    "MSSP": "A customer that has customers of its own.",
    "customer": "The API's name for a customer without customers of its own.",
    "reseller": "The API's name for a customer that has customers of its own.",
    "staff": "The API's name for an internal account.",
}
"""What each type and status means."""


class Unknown(Enum):
    """The type of ``UNKNOWN``."""

    UNKNOWN = "unknown"


UNKNOWN: Final = Unknown.UNKNOWN
"""The value of a property that is unknown until another resource is created."""


@cache  # called for every field of every customer in every call
def state_key(name: str) -> str:
    """Return the name of a field in the state, the schema and every language except Python: ``dataRetention``."""
    first, *others = name.split("_")
    return first + "".join(word.title() for word in others)


def label(name: str) -> str:
    """Return the name of a field in the vendor's form: ``Data Retention``."""
    return name.replace("_", " ").title().replace(" Per ", " per ")
