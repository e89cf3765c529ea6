"""What is said to the service and what its answers mean. Pure: nothing here opens a connection.

Paths and bodies: https://docs.netography.com/api-reference/netography-apis/resellers. No page states
which statuses the customer routes answer with beyond 400, 401 and 403, so one ladder (:func:`failure`)
judges them all, and it believes only an answer that looks like the service's own.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timezone
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from types import NoneType
from typing import TYPE_CHECKING, Any, Final, Generic, Literal, TypeVar
from urllib.parse import quote, urlsplit

from pulumi_fusion.api.routes import is_plain
from pulumi_fusion.errors import (
    BY_STATUS,
    InDoubt,
    InvalidInput,
    RateLimited,
    Rejected,
    RequestFailed,
    Unauthorized,
    Unrecognised,
    capped,
)
from pulumi_fusion.redaction import Secret

if TYPE_CHECKING:
    # Building the models takes as long as the service takes to grant the token, so they are imported where a record
    # is read: by then the request for the token is on its way.
    from pydantic import BaseModel

    from pulumi_fusion.customer.model import Account, AccountType, User

__all__ = [
    "Answer",
    "Grant",
    "Method",
    "Request",
    "clock_offset",
    "create_customer",
    "delete_customer",
    "failure",
    "get_customer",
    "issue_token",
    "list_customer_types",
    "list_customers",
    "list_users",
    "update_customer",
    "value_of",
]

Method = Literal["GET", "POST", "PUT", "DELETE"]

T = TypeVar("T")
Record = TypeVar("Record", bound="BaseModel")


@dataclass(frozen=True)
class Answer:
    """One HTTP answer: ``headers`` under lower-case names, ``received`` in seconds since the epoch, our clock."""

    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)
    received: float = field(default_factory=time.time)


@dataclass(frozen=True)
class Request(Generic[T]):
    """One request, and ``reader``, which turns its answer into a value or raises RequestFailed.

    ``operation`` is an infinitive for error texts ("read the customer"), ``repeatable`` says that sending it
    twice has the effect of sending it once and that its answer is then still the one that was asked for.
    """

    method: Method
    path: str
    operation: str
    reader: Callable[[Request[Any], Answer], T] = field(repr=False)
    shortname: str | None = None
    json: Any = field(default=None, repr=False)
    authenticated: bool = True
    repeatable: bool = False

    def read(self, answer: Answer) -> T:
        """What the answer says. Raises RequestFailed when it says no, or nothing that can be understood."""
        wrong = failure(self, answer)
        if wrong is not None:
            raise wrong
        return self.reader(self, answer)


@dataclass(frozen=True)
class Grant:
    """An access token, how many seconds it lives where the service says so, and the other tokens, which are ``unused``.

    Those are never used; they are secrets, so that they are masked wherever they turn up.
    """

    token: Secret
    lifetime: float | None
    unused: tuple[Secret, ...] = ()


def issue_token(request_token: Secret) -> Request[Grant]:
    """Exchange a signed request token for an access token."""
    return Request(
        "POST",
        "/api/v1/auth/token",
        "get an access token",
        _read_grant,
        json={"jwt": request_token.reveal()},
        authenticated=False,
        repeatable=True,
    )


def list_customer_types() -> Request[list[AccountType]]:
    """Ask which account types there are."""
    return Request(
        "GET",
        "/api/v1/customers/types",
        "list the customer types",
        _list_of(_account_type),
        repeatable=True,
    )


def list_customers() -> Request[list[Account]]:
    """Ask for all customers of the account that we act in."""
    return Request("GET", "/api/v1/customers", "list the customers", _list_of(_account), repeatable=True)


def list_users() -> Request[list[User]]:
    """Ask for all users of the account that we act in."""
    return Request("GET", "/api/v1/users", "list the users", _list_of(_user), repeatable=True)


def get_customer(shortname: str) -> Request[Account]:
    """Ask for one customer. Raises InvalidInput for a shortname that would address something else."""
    operation = "read the customer"
    path = _customer_path(shortname, operation)
    return Request("GET", path, operation, _read_account, shortname, repeatable=True)


def create_customer(body: Mapping[str, Any]) -> Request[Account]:
    """Make a customer from the API's own fields. Raises InvalidInput without a ``shortname``."""
    operation = "create the customer"
    shortname = body.get("shortname")
    if not isinstance(shortname, str):
        raise InvalidInput(operation, "the body has no shortname", next_step="Nothing was sent. Add it.")
    named = _addressable(shortname, operation)
    return Request("POST", "/api/v1/customer", operation, _read_account, named, json=dict(body))


def update_customer(shortname: str, body: Mapping[str, Any]) -> Request[Account]:
    """Replace a customer's settings: a field that the body leaves out may be reset. Raises InvalidInput."""
    operation = "update the customer"
    path = _customer_path(shortname, operation)
    return Request("PUT", path, operation, _read_account, shortname, json=dict(body))


def delete_customer(shortname: str) -> Request[None]:
    """Delete a customer. Raises InvalidInput for a shortname that would address something else."""
    operation = "delete the customer"
    return Request("DELETE", _customer_path(shortname, operation), operation, _read_deleted, shortname)


def value_of(method: Method, path: str, body: Any = None) -> Request[Any]:
    """Ask any other route, for whatever it answers. ``path`` is as the vendor's reference writes it: ``/api/v1/...``.

    Raises InvalidInput for a path that leaves the API.
    """
    operation = f"{method} {capped(path)}"
    if not is_plain(path):
        raise InvalidInput(
            operation,
            "this is no path of the API",
            next_step="Nothing was sent. Paths begin with /api/, without dot segments, and percent-encode the rest.",
        )
    return Request(method, path, operation, _read_value, json=body, repeatable=method == "GET")


def _read_value(request: Request[Any], answer: Answer) -> Any:
    return None if answer.status == 204 or not answer.body.strip() else _json(request, answer)


def _customer_path(shortname: str, operation: str) -> str:
    return f"/api/v1/customer/{quote(_addressable(shortname, operation), safe='')}"


def _addressable(shortname: str, operation: str) -> str:
    # HTTP libraries resolve dot segments (RFC 3986, 5.2.4), and PUT /customer/access-allowed-ips replaces the
    # allow list of the account: https://docs.fusion.vectra.ai/api-reference/netography-apis/settings-security
    if shortname in ("", ".", "..", "access-allowed-ips") or not shortname.isascii():
        raise InvalidInput(
            operation,
            "this cannot be the shortname of a customer",
            shortname=capped(shortname),
            next_step="Nothing was sent. Use the shortname that Fusion shows.",
        )
    return shortname


# What the API documents. 202 and 203 to 207 are said by queues and proxies, and leave open what became of the request.
_DONE: Final = (200, 201, 204)


def failure(request: Request[Any], answer: Answer) -> RequestFailed | None:
    """The error that an answer stands for, or None when its status says that the request was done.

    401 and 429 are believed from anybody, since neither can be taken for an effect; every other refusal
    must carry the service's own error body, because a proxy's 404 proves nothing about a customer. A status
    that neither says "done" nor "not done" leaves it open: a 202 or a 408 may stand for either.
    """
    status = answer.status
    if status in _DONE:
        return None
    said = _spoken(answer)
    asked = retry_after(answer)
    where = f" ({said.words})" if said else ""
    came_back = f"the service answered {_status_line(status)}{where}"
    kind: type[RequestFailed]
    if 300 <= status < 400:
        kind, came_back = Unrecognised, f"{came_back}, {_redirect(answer)}"
    elif status >= 500:
        kind = InDoubt
    elif status in (401, 429) or (said and (said.name or status != 404)):
        kind = BY_STATUS.get(status, InDoubt)
    elif 200 <= status < 300:
        kind, came_back = Unrecognised, f"{came_back}, which does not say that it is done"
    else:
        kind, came_back = Unrecognised, f"{came_back} without the error body that Fusion sends"
    if asked is not None:
        came_back += f" and asked for {asked:.0f} s of patience"
    # A token that is not granted says nothing about a customer, whatever its status.
    if not request.authenticated and issubclass(kind, Rejected) and kind is not RateLimited:
        kind = Unauthorized
    return kind(
        request.operation,
        came_back,
        shortname=request.shortname,
        status=status,
        name=said.name if said else None,
        message=said.message if said else None,
        retry_after=asked,
    )


def retry_after(answer: Answer) -> float | None:
    """How many seconds the service asks us to wait: https://www.rfc-editor.org/rfc/rfc9110#name-retry-after.

    A date is measured against the service's own Date, so that a wrong clock here does not matter.
    """
    text = answer.headers.get("retry-after", "").strip()
    if text.isascii() and text.isdecimal():
        return float(text)
    until = _instant(text)
    if until is None:
        return None
    now = _instant(answer.headers.get("date", ""))
    return max(0.0, until - (answer.received if now is None else now))


def clock_offset(answer: Answer) -> float:
    """Seconds by which the service's clock is ahead of ours; 0 when it does not say."""
    theirs = _instant(answer.headers.get("date", ""))
    return 0.0 if theirs is None else theirs - answer.received


def _instant(http_date: str) -> float | None:
    try:
        moment = parsedate_to_datetime(http_date)
        return (moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)).timestamp()
    except (TypeError, ValueError, OverflowError, IndexError):
        return None


@dataclass(frozen=True)
class _Spoken:
    """The service's own error body, https://docs.netography.com/api-reference/netography-apis."""

    name: str | None
    message: str

    @property
    def words(self) -> str:
        return f"{self.name}: {self.message}" if self.name else self.message


def _spoken(answer: Answer) -> _Spoken | None:
    try:
        body = json.loads(answer.body)
    except (ValueError, RecursionError):
        return None
    if not isinstance(body, dict):
        return None
    status, name, message = body.get("status"), body.get("name"), body.get("message")
    if isinstance(status, bool) or status != answer.status or not isinstance(message, str):
        return None
    # Without a name it is the shape of many frameworks' errors, unless there is nothing else in it.
    if not isinstance(name, str) and (name is not None or body.keys() - {"status", "name", "message"}):
        return None
    return _Spoken(capped(name) if name else None, capped(message))


def _status_line(status: int) -> str:
    try:
        return f"{status} {HTTPStatus(status).phrase}"
    except ValueError:
        return str(status)


def _redirect(answer: Answer) -> str:
    try:
        target = urlsplit(answer.headers.get("location", ""))
        host = f"{target.scheme}://{target.hostname}" if target.scheme and target.hostname else "another path"
    except ValueError:
        host = "another place"
    return f"a redirect to {capped(host)}, which is not followed"


def _json(request: Request[Any], answer: Answer) -> Any:
    """The value of the body, out of its envelope where it has one."""
    line = _status_line(answer.status)
    text = answer.body.strip()
    if not text:
        raise InDoubt(
            request.operation,
            f"the service answered {line} with an empty body",
            shortname=request.shortname,
            status=answer.status,
        )
    try:
        body = json.loads(text)
    except (ValueError, RecursionError):
        if text[:1] in (b"{", b"["):
            raise InDoubt(
                request.operation,
                f"the answer {line} was cut short or is not valid JSON",
                shortname=request.shortname,
                status=answer.status,
            ) from None
        media = capped(answer.headers.get("content-type", "")) or "no content type"
        raise _unrecognised(request, answer, f"the answer {line} is not JSON ({media})") from None
    if not isinstance(body, dict):
        return body
    meta = body.get("meta")
    # "200 ok, 400 you did something wrong. 500 we did something wrong", and the status of an error's own body: neither
    # may contradict the status line.
    for code in (meta.get("code") if isinstance(meta, dict) else None, body.get("status")):
        if isinstance(code, int) and code >= 400:
            raise _unrecognised(request, answer, f"the answer {line} says {code} inside")
    return body.get("data", body)


def _unrecognised(
    request: Request[Any], answer: Answer, came_back: str, *, next_step: str | None = None
) -> Unrecognised:
    return Unrecognised(
        request.operation, came_back, shortname=request.shortname, status=answer.status, next_step=next_step
    )


def _parsed(model: type[Record], value: Any, request: Request[Any], answer: Answer) -> Record:
    from pydantic import ValidationError

    try:
        return model.model_validate(value)
    except ValidationError as wrong:
        # Only where and which rule: pydantic's own text quotes the value.
        first = wrong.errors(include_url=False, include_context=False, include_input=False)[0]
        place = ".".join(map(str, first["loc"])) or "record"
        raise _unrecognised(
            request,
            answer,
            f"the answer holds no {model.__name__.lower()} as documented ({place}: {first['type']})",
        ) from None


def _account_type(value: Any, request: Request[Any], answer: Answer) -> AccountType:
    from pulumi_fusion.customer.model import AccountType

    return _parsed(AccountType, value, request, answer)


def _user(value: Any, request: Request[Any], answer: Answer) -> User:
    from pulumi_fusion.customer.model import User

    return _parsed(User, value, request, answer)


def _account(value: Any, request: Request[Any], answer: Answer) -> Account:
    from pulumi_fusion.customer.model import Account

    account = _parsed(Account, value, request, answer)
    for group in ("billing", "reseller"):
        if not isinstance(value.get(group), (dict, type(None))):
            raise _unrecognised(request, answer, f"the answer holds no account as documented ({group})")
    return account


def _read_account(request: Request[Any], answer: Answer) -> Account:
    value = _json(request, answer)
    if isinstance(value, list) and len(value) == 1:
        # Other routes of the API answer with a list of one: https://docs.netography.com/api-reference
        value = value[0]
    # Whatever else is missing, an account names itself: {"id": ..., "message": ...} is what gateways say, too.
    if not isinstance(value, dict) or value.get("shortname") is None:
        raise _unrecognised(request, answer, f"the answer {_status_line(answer.status)} holds no account")
    account = _account(value, request, answer)
    if account.shortname != request.shortname:
        named, identity = repr(capped(account.shortname)), capped(account.id or "")
        same = request.shortname is not None and account.shortname.casefold() == request.shortname.casefold()
        if not same or not identity:
            raise _unrecognised(request, answer, f"the answer is about another account, {named}")
        # Whether case matters is not published. Where it does not, this is the way to a customer that was made.
        raise _unrecognised(
            request,
            answer,
            f"the service writes this shortname {named} (id {identity})",
            next_step=f"Declare it as {named}; if that customer is yours to manage, with adopt={identity!r}.",
        )
    return account


def _list_of(
    read_one: Callable[[Any, Request[Any], Answer], Record],
) -> Callable[[Request[Any], Answer], list[Record]]:
    def read(request: Request[Any], answer: Answer) -> list[Record]:
        value = _json(request, answer)
        if isinstance(value, dict):
            value = [value]
        if not isinstance(value, list):
            raise _unrecognised(request, answer, f"the answer {_status_line(answer.status)} holds no list")
        return [read_one(item, request, answer) for item in value]

    return read


def _read_deleted(request: Request[Any], answer: Answer) -> None:
    # 204 is what the API documents. Any other success must at least be JSON: a login page answers 200 as well.
    if answer.status != 204:
        _json(request, answer)


# Seconds. What says more says nothing that could be waited for.
_LONGEST_LIFE: Final = 1e9

# Looked at field by field and not by a model, see the imports.
_GRANT: Final[Mapping[str, tuple[type, ...]]] = {
    "access_token": (str,),
    "expires_in": (int, float, NoneType),
    "refresh_token": (str, NoneType),
    "id_token": (str, NoneType),
}


def _read_grant(request: Request[Any], answer: Answer) -> Grant:
    issued = _json(request, answer)
    if not isinstance(issued, dict):
        raise _unrecognised(request, answer, "the answer holds no token as documented")
    for name, kinds in _GRANT.items():
        if not isinstance(issued.get(name), kinds) or isinstance(issued.get(name), bool):
            raise _unrecognised(request, answer, f"the answer holds no token as documented ({name})")
    token = issued["access_token"]
    if not token.isascii() or not token.isprintable() or not token or " " in token:
        raise _unrecognised(request, answer, "the access token cannot be sent in a header")
    unused = tuple(Secret(issued[name]) for name in ("refresh_token", "id_token") if issued.get(name))
    lifetime = issued.get("expires_in")
    return Grant(Secret(token), lifetime if lifetime is not None and 0 < lifetime < _LONGEST_LIFE else None, unused)
