"""The records in the responses of the API, and how they are read. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, Final, TypeVar

from pydantic import BaseModel, ConfigDict, StringConstraints, ValidationError

from pulumi_fusion.api.messages import Request, Response
from pulumi_fusion.api.responses import json_value, status_line, unrecognised
from pulumi_fusion.customer.model import Account, AccountType, User
from pulumi_fusion.errors import Unrecognised, capped
from pulumi_fusion.redaction import Secret

__all__ = ["Grant", "read_account", "read_accounts", "read_deleted", "read_grant", "read_types", "read_users"]

Record = TypeVar("Record", bound=BaseModel)

# Seconds. A longer lifetime is as good as none: nothing can be planned by it.
_LONGEST_LIFETIME: Final = 1e9


@dataclass(frozen=True)
class Grant:
    """An access token that the service issued.

    Args:
        token: The access token.
        lifetime: Seconds, where the service states them.
        unused: The other tokens of the response. They are kept only to be masked.
    """

    token: Secret
    lifetime: float | None
    unused: tuple[Secret, ...] = ()


class _GrantRecord(BaseModel):
    model_config = ConfigDict(strict=True, extra="ignore", hide_input_in_errors=True)

    access_token: Annotated[str, StringConstraints(pattern=r"^[!-~]+$")]  # it is sent in a header
    expires_in: int | float | None = None
    refresh_token: str | None = None
    id_token: str | None = None


def read_grant(request: Request[Any], response: Response) -> Grant:
    """Return the access token of a response. Raises InDoubt, Unrecognised."""
    grant = _parsed(_GrantRecord, "token", json_value(request, response), request, response)
    unused = tuple(Secret(token) for token in (grant.refresh_token, grant.id_token) if token)
    lifetime = grant.expires_in
    known = lifetime is not None and 0 < lifetime < _LONGEST_LIFETIME
    return Grant(Secret(grant.access_token), lifetime if known else None, unused)


def read_account(request: Request[Any], response: Response) -> Account:
    """Return the account that the request names. Raises InDoubt, Unrecognised."""
    value = json_value(request, response)
    if isinstance(value, list) and len(value) == 1:
        # Other routes of the API return a list of one: https://docs.netography.com/api-reference
        value = value[0]
    # Whatever else is missing, an account has its shortname: {"id": ..., "message": ...} is sent by gateways, too.
    if not isinstance(value, dict) or value.get("shortname") is None:
        raise unrecognised(request, response, f"the answer {status_line(response.status)} contains no account")
    account = _account(value, request, response)
    if account.shortname != request.shortname:
        raise _other_account(account, request, response)
    return account


def _other_account(account: Account, request: Request[Any], response: Response) -> Unrecognised:
    name, customer_id = repr(capped(account.shortname)), capped(account.id or "")
    same = request.shortname is not None and account.shortname.casefold() == request.shortname.casefold()
    if not same or not customer_id:
        return unrecognised(request, response, f"the answer is about another account, {name}")
    # Whether case matters is not published. Where it doesn't, this leads to a customer that was created.
    return unrecognised(
        request,
        response,
        f"the service writes this shortname {name} (id {customer_id})",
        next_step=f"Declare it as {name}; if that customer is yours to manage, with adopt={customer_id!r}.",
    )


def _account(value: Any, request: Request[Any], response: Response) -> Account:
    account = _parsed(Account, "account", value, request, response)
    for group in ("billing", "reseller"):
        if not isinstance(value.get(group), (dict, type(None))):
            raise unrecognised(request, response, f"the answer contains no account as documented ({group})")
    return account


def read_accounts(request: Request[Any], response: Response) -> list[Account]:
    """Return all accounts of a list. Raises InDoubt, Unrecognised."""
    return [_account(item, request, response) for item in _items(request, response)]


def read_types(request: Request[Any], response: Response) -> list[AccountType]:
    """Return the account types. Raises InDoubt, Unrecognised."""
    return [_parsed(AccountType, "account type", item, request, response) for item in _items(request, response)]


def read_users(request: Request[Any], response: Response) -> list[User]:
    """Return the users. Raises InDoubt, Unrecognised."""
    return [_parsed(User, "user", item, request, response) for item in _items(request, response)]


def _items(request: Request[Any], response: Response) -> list[Any]:
    value = json_value(request, response)
    if isinstance(value, dict):
        value = [value]
    if not isinstance(value, list):
        raise unrecognised(request, response, f"the answer {status_line(response.status)} contains no list")
    return value


def read_deleted(request: Request[Any], response: Response) -> None:
    """Accept the response to a deletion. Raises InDoubt, Unrecognised.

    204 is what the API documents. Any other success must at least be JSON: a login page answers 200 as well.
    """
    if response.status != 204:
        json_value(request, response)


def _parsed(model: type[Record], name: str, value: Any, request: Request[Any], response: Response) -> Record:
    try:
        return model.model_validate(value)
    except ValidationError as invalid:
        # Only the place and the rule: pydantic's own text quotes the value.
        first = invalid.errors(include_url=False, include_context=False, include_input=False)[0]
        place = ".".join(map(str, first["loc"])) or "record"
        raise unrecognised(
            request, response, f"the answer contains no {name} as documented ({place}: {first['type']})"
        ) from None
