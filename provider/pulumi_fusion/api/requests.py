"""The requests of the API. Pure: nothing here opens a connection.

Paths and bodies: https://docs.netography.com/api-reference/netography-apis/resellers
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from pulumi_fusion.api.messages import Method, Request
from pulumi_fusion.api.records import (
    Grant,
    read_account,
    read_accounts,
    read_deleted,
    read_grant,
    read_types,
    read_users,
)
from pulumi_fusion.api.responses import read_value
from pulumi_fusion.api.routes import is_plain
from pulumi_fusion.customer.model import Account, AccountType, User
from pulumi_fusion.errors import InvalidInput, capped
from pulumi_fusion.redaction import Secret

__all__ = [
    "create_customer",
    "delete_customer",
    "get_customer",
    "issue_token",
    "list_customer_types",
    "list_customers",
    "list_users",
    "update_customer",
    "value_of",
]


def issue_token(request_token: Secret) -> Request[Grant]:
    """Return the request that exchanges a signed request token for an access token."""
    return Request(
        "POST",
        "/api/v1/auth/token",
        "get an access token",
        read_grant,
        json={"jwt": request_token.reveal()},
        authenticated=False,
        repeatable=True,
    )


def list_customer_types() -> Request[list[AccountType]]:
    """Return the request for the account types."""
    return Request("GET", "/api/v1/customers/types", "list the customer types", read_types, repeatable=True)


def list_customers() -> Request[list[Account]]:
    """Return the request for all customers of the account that the client acts in."""
    return Request("GET", "/api/v1/customers", "list the customers", read_accounts, repeatable=True)


def list_users() -> Request[list[User]]:
    """Return the request for all users of the account that the client acts in."""
    return Request("GET", "/api/v1/users", "list the users", read_users, repeatable=True)


def get_customer(shortname: str) -> Request[Account]:
    """Return the request for one customer. Raises InvalidInput for a shortname that would address something else."""
    operation = "read the customer"
    return Request("GET", _customer_path(shortname, operation), operation, read_account, shortname, repeatable=True)


def create_customer(body: Mapping[str, Any]) -> Request[Account]:
    """Return the request that creates a customer from the API's fields. Raises InvalidInput without a ``shortname``."""
    operation = "create the customer"
    shortname = body.get("shortname")
    if not isinstance(shortname, str):
        raise InvalidInput(operation, "the body has no shortname", next_step="Nothing was sent. Add it.")
    _require_addressable(shortname, operation)
    _require_json(body, operation)
    return Request("POST", "/api/v1/customer", operation, read_account, shortname, json=dict(body))


def update_customer(shortname: str, body: Mapping[str, Any]) -> Request[Account]:
    """Return the request that replaces a customer's settings. The service may reset a field that the body lacks.

    Raises:
        InvalidInput: The shortname would address something else.
    """
    operation = "update the customer"
    _require_json(body, operation)
    return Request("PUT", _customer_path(shortname, operation), operation, read_account, shortname, json=dict(body))


def delete_customer(shortname: str) -> Request[None]:
    """Return the request that deletes a customer. Raises InvalidInput as :func:`update_customer` does."""
    operation = "delete the customer"
    return Request("DELETE", _customer_path(shortname, operation), operation, read_deleted, shortname)


def value_of(method: Method, path: str, body: Any = None) -> Request[Any]:
    """Return a request to any route; ``path`` is as the vendor's reference writes it: ``/api/v1/...``.

    Raises:
        InvalidInput: The path leaves the API.
    """
    operation = f"{method} {capped(path)}"
    if not is_plain(path):
        raise InvalidInput(
            operation,
            "this isn't a path of the API",
            next_step="Nothing was sent. Paths begin with /api/, have no dot segments, and percent-encode the rest.",
        )
    _require_json(body, operation)
    return Request(method, path, operation, read_value, json=body, repeatable=method == "GET")


def _customer_path(shortname: str, operation: str) -> str:
    _require_addressable(shortname, operation)
    return f"/api/v1/customer/{quote(shortname, safe='')}"


def _require_addressable(shortname: str, operation: str) -> None:
    # HTTP libraries resolve dot segments (RFC 3986, 5.2.4), and PUT /customer/access-allowed-ips replaces the
    # allow list of the account: https://docs.fusion.vectra.ai/api-reference/netography-apis/settings-security
    if shortname in ("", ".", "..", "access-allowed-ips") or not shortname.isascii():
        raise InvalidInput(
            operation,
            "this can't be the shortname of a customer",
            shortname=capped(shortname),
            next_step="Nothing was sent. Use the shortname that Fusion shows.",
        )


def _require_json(body: Any, operation: str) -> None:
    try:
        json.dumps(dict(body) if isinstance(body, Mapping) else body)
    except (TypeError, ValueError, RecursionError):
        raise InvalidInput(
            operation,
            "the body has a value that can't be written as JSON",
            next_step="Nothing was sent. Use strings, numbers, booleans, None, lists and dictionaries.",
        ) from None
