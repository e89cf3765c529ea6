"""The customers of the programs, and the outputs of an empty provider: the same number of properties for all."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

__all__ = ["OUTPUTS", "declared"]

OUTPUTS: Final[Mapping[str, Any]] = {
    "customerId": "f0014a8bc27e09693ad11005",
    "ingestIp": "192.0.2.10",
    "ingestPort": 20001,
    "parent": "benchmark",
    "node": "/benchmark/customer",
}
"""The outputs of an empty provider, in addition to the inputs, in place of those of the service."""


def declared(count: int) -> dict[str, dict[str, Any]]:
    """Return the customers of a program by their names, with the keys of the schema."""
    return {f"customer-{number:04}": _customer(f"cust-{number:04}") for number in range(count)}


def _customer(shortname: str) -> dict[str, Any]:
    return {
        "email": f"admin@{shortname}.example.com",
        "givenName": "Skippy",
        "familyName": "Longbottom",
        "organization": f"{shortname} Inc.",
        "shortname": shortname,
        "type": "SLG",
        "status": "Trial Active",
        "contractualFlowsPerSecond": 10000,
        "dataRetention": 90,
        "rollupRetention": 180,
        "deletionProtection": False,
    }
