"""A request and a response of the API, as data."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, Literal, TypeVar

__all__ = ["Method", "Request", "Response"]

Method = Literal["GET", "POST", "PUT", "DELETE"]

T = TypeVar("T")


@dataclass(frozen=True)
class Response:
    """One HTTP response.

    Args:
        status: The status code.
        headers: By their names in lower case.
        body: The content, decoded.
        received: When it arrived, in seconds since the epoch by the clock of this machine.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)
    received: float = field(default_factory=time.time)


@dataclass(frozen=True)
class Request(Generic[T]):
    """One request, and how its response is read.

    Args:
        method: The HTTP method.
        path: The path, percent-encoded.
        operation: An infinitive for error texts, such as "read the customer".
        reader: Turns a successful response into a value, or raises RequestFailed.
        shortname: The customer that the request is about.
        json: The body.
        authenticated: The request needs an access token.
        repeatable: Sending it twice has the same effect as sending it once, and the second response is as good.
    """

    method: Method
    path: str
    operation: str
    reader: Callable[[Request[Any], Response], T] = field(repr=False)
    shortname: str | None = None
    json: Any = field(default=None, repr=False)
    authenticated: bool = True
    repeatable: bool = False
