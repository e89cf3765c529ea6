"""What a response means: a value, or an error whose class is the phase in which the request failed. Pure.

No page of the vendor documents which statuses the customer routes return beyond 400, 401 and 403. So :func:`failure`
classifies all of them, and accepts a refusal only in the shape of the service's own errors.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import timezone
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Any, Final, TypeVar
from urllib.parse import urlsplit

from pulumi_fusion.api.messages import Request, Response
from pulumi_fusion.errors import (
    BadRequest,
    Conflict,
    Forbidden,
    InDoubt,
    NotFound,
    RateLimited,
    Rejected,
    RequestFailed,
    Unauthorized,
    Unrecognised,
    capped,
)

__all__ = [
    "BY_STATUS",
    "clock_offset",
    "failure",
    "json_value",
    "read",
    "read_value",
    "retry_after",
    "status_line",
    "unrecognised",
]

T = TypeVar("T")

# What the API documents. 202 and 203 to 207 come from queues and proxies, and the request may not have been processed.
_DONE: Final = (200, 201, 204)

BY_STATUS: Final[dict[int, type[Rejected]]] = {
    400: BadRequest,
    401: Unauthorized,
    403: Forbidden,
    404: NotFound,
    409: Conflict,
    422: BadRequest,
    429: RateLimited,
}
"""Statuses with which the service reports that it did not act."""


def read(request: Request[T], response: Response) -> T:
    """Return the value in a response. Raises RequestFailed for a refusal and for what can't be understood."""
    error = failure(request, response)
    if error is not None:
        raise error
    return request.reader(request, response)


def failure(request: Request[Any], response: Response) -> RequestFailed | None:
    """Return the error that a response means, or None if its status reports success.

    A 401 or 429 from anything in between is accepted, since neither can be mistaken for an effect. Every other refusal
    must have the service's own error body, because a proxy's 404 proves nothing about a customer. Where the status
    reports neither success nor refusal, as 202 and 408 do, the outcome is unknown.
    """
    status = response.status
    if status in _DONE:
        return None
    body = _error_body(response)
    kind, came_back = _classify(response, body)
    seconds = retry_after(response)
    if seconds is not None:
        came_back += f" (Retry-After: {seconds:.0f} s)"
    # The refusal of a token proves nothing about a customer, whatever its status.
    if not request.authenticated and issubclass(kind, Rejected) and kind is not RateLimited:
        kind = Unauthorized
    return kind(
        request.operation,
        came_back,
        shortname=request.shortname,
        status=status,
        name=body.name if body else None,
        message=body.message if body else None,
        retry_after=seconds,
    )


def _classify(response: Response, body: _ErrorBody | None) -> tuple[type[RequestFailed], str]:
    status = response.status
    came_back = f"the service answered {status_line(status)}{f' ({body})' if body else ''}"
    if 300 <= status < 400:
        return Unrecognised, f"{came_back}, {_redirect(response)}"
    if status >= 500:
        return InDoubt, came_back
    if status in (401, 429) or (body and (body.name or status != 404)):
        return BY_STATUS.get(status, InDoubt), came_back
    if 200 <= status < 300:
        return Unrecognised, f"{came_back}, which doesn't confirm that the request was processed"
    return Unrecognised, f"{came_back} without the error body that Fusion sends"


def retry_after(response: Response) -> float | None:
    """Return the seconds of Retry-After: https://www.rfc-editor.org/rfc/rfc9110#name-retry-after.

    A date is compared with the service's own Date, so that a wrong clock of this machine doesn't matter.
    """
    text = response.headers.get("retry-after", "").strip()
    if text.isascii() and text.isdecimal():
        return float(text)
    until = _instant(text)
    if until is None:
        return None
    now = _instant(response.headers.get("date", ""))
    return max(0.0, until - (response.received if now is None else now))


def clock_offset(response: Response) -> float:
    """Return how many seconds the service's clock is ahead of this machine's; 0 without a Date."""
    theirs = _instant(response.headers.get("date", ""))
    return 0.0 if theirs is None else theirs - response.received


def _instant(http_date: str) -> float | None:
    try:
        moment = parsedate_to_datetime(http_date)
        return (moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)).timestamp()
    except (TypeError, ValueError, OverflowError, IndexError):
        return None


@dataclass(frozen=True)
class _ErrorBody:
    """The service's own error body, https://docs.netography.com/api-reference/netography-apis."""

    name: str | None
    message: str

    def __str__(self) -> str:
        return f"{self.name}: {self.message}" if self.name else self.message


def _error_body(response: Response) -> _ErrorBody | None:
    try:
        body = json.loads(response.body)
    except (ValueError, RecursionError):
        return None
    if not isinstance(body, dict):
        return None
    status, name, message = body.get("status"), body.get("name"), body.get("message")
    if isinstance(status, bool) or status != response.status or not isinstance(message, str):
        return None
    # Without a name it has the shape of many frameworks' errors, unless it contains nothing else.
    if not isinstance(name, str) and (name is not None or body.keys() - {"status", "name", "message"}):
        return None
    return _ErrorBody(capped(name) if name else None, capped(message))


def status_line(status: int) -> str:
    """Return a status with its phrase, such as "404 Not Found"."""
    try:
        return f"{status} {HTTPStatus(status).phrase}"
    except ValueError:
        return str(status)


def _redirect(response: Response) -> str:
    try:
        target = urlsplit(response.headers.get("location", ""))
        host = f"{target.scheme}://{target.hostname}" if target.scheme and target.hostname else "another path"
    except ValueError:
        host = "another address"
    return f"a redirect to {capped(host)}, which is not followed"


def read_value(request: Request[Any], response: Response) -> Any:
    """Return the value of a response of any route; None where it has no body. Raises as :func:`json_value` does."""
    return None if response.status == 204 or not response.body.strip() else json_value(request, response)


def json_value(request: Request[Any], response: Response) -> Any:
    """Return the value of the JSON body, without its envelope where it has one.

    Raises:
        InDoubt: The body is empty or was cut short.
        Unrecognised: It is not JSON, or contains the status of an error.
    """
    line = status_line(response.status)
    text = response.body.strip()
    if not text:
        raise _unreadable(request, response, f"the service answered {line} with an empty body")
    try:
        body = json.loads(text)
    except (ValueError, RecursionError):
        if text[:1] in (b"{", b"["):
            raise _unreadable(request, response, f"the answer {line} was cut short or is not valid JSON") from None
        media = capped(response.headers.get("content-type", "")) or "no content type"
        raise unrecognised(request, response, f"the answer {line} is not JSON ({media})") from None
    if not isinstance(body, dict):
        return body
    meta = body.get("meta")
    # "200 ok, 400 you did something wrong. 500 we did something wrong", and the status of an error's own body: neither
    # may contradict the status line.
    for code in (meta.get("code") if isinstance(meta, dict) else None, body.get("status")):
        if isinstance(code, int) and code >= 400:
            raise unrecognised(request, response, f"the answer {line} contains the status {code}")
    return body.get("data", body)


def _unreadable(request: Request[Any], response: Response, came_back: str) -> InDoubt:
    return InDoubt(request.operation, came_back, shortname=request.shortname, status=response.status)


def unrecognised(
    request: Request[Any], response: Response, came_back: str, *, next_step: str | None = None
) -> Unrecognised:
    """Return the error for a response that isn't what the service documents."""
    return Unrecognised(
        request.operation, came_back, shortname=request.shortname, status=response.status, next_step=next_step
    )
