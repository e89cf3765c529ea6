"""One customer: what a program declares, what is sent, what the service shows, and what the state keeps."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pulumi_fusion.customer.model import Account, Inputs, State

PARENT = "parent-msp"
"""The account that the customers are created below."""

DECLARED: Mapping[str, Any] = {
    "email": "admin@acme.example",
    "givenName": "Ada",
    "familyName": "Lovelace",
    "organization": "Acme Inc.",
    "shortname": "acme-corp",
    "type": "SLG",
    "status": "Active",
    "dataRetention": 45,
    "rollupRetention": 90,
}

POSTED: Mapping[str, Any] = {
    "shortname": "acme-corp",
    "username": "admin@acme.example",
    "given_name": "Ada",
    "family_name": "Lovelace",
    "organization": "Acme Inc.",
    "type": "customer",
    "trial": False,
    "retention": 45,
    "rollupRetention": 90,
}

PUT_BODY: Mapping[str, Any] = {
    key: value for key, value in POSTED.items() if key not in ("shortname", "username", "given_name", "family_name")
}


def declared(**changed: Any) -> Inputs:
    """Return the inputs of the customer; ``changed`` by Python names."""
    return Inputs.model_validate(DECLARED).model_copy(update=changed)


def account(**changed: Any) -> Account:
    """Return the account that the service shows for it, with the documented fields."""
    shown: dict[str, Any] = {
        "shortname": "acme-corp",
        "id": "id-1",
        "ingest_ip": "192.0.2.1",
        "ingest_port": 2055,
        "data_retention": 45,
        "rollup_retention": 90,
        "trial": False,
        "parent": PARENT,
        "node": f"{PARENT}/acme-corp",
        "children": 0,
        "is_parent": False,
    }
    return Account.model_construct(**{**shown, **changed})


def state(**changed: Any) -> State:
    """Return the state after a create."""
    service = {
        "customer_id": "id-1",
        "ingest_ip": "192.0.2.1",
        "ingest_port": 2055,
        "parent": PARENT,
        "node": f"{PARENT}/acme-corp",
        "deletion_protection": False,
    }
    return State.recall(DECLARED).model_copy(update={**service, **changed})
