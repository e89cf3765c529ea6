"""The failures that a request can have, each by what caused it."""

from __future__ import annotations

from pulumi_fusion.errors import (
    BadRequest,
    Conflict,
    Forbidden,
    InDoubt,
    NotFound,
    NotSent,
    RateLimited,
    Unauthorized,
    Unrecognised,
)


def not_found() -> NotFound:
    return NotFound("read the customer", "the service answered 404", status=404)


def connection_lost() -> InDoubt:
    return InDoubt("create the customer", "the connection was reset")


def html_page() -> Unrecognised:
    return Unrecognised("read the customer", "the service answered 200 with a page", status=200)


def html_not_found() -> Unrecognised:
    return Unrecognised("read the customer", "the service answered 404 with a page", status=404)


def accepted() -> InDoubt:
    return InDoubt("look up a customer", "it answered 204", status=204)


def bad_request() -> BadRequest:
    return BadRequest("create the customer", "the service answered 400", status=400)


def conflict() -> Conflict:
    return Conflict("create the customer", "the service answered 409", status=409)


def unauthorized() -> Unauthorized:
    return Unauthorized("list the account types", "the service answered 401", status=401)


def forbidden() -> Forbidden:
    return Forbidden("list the account types", "the service answered 403", status=403)


def rate_limited() -> RateLimited:
    return RateLimited("create the customer", "the service answered 429", status=429)


def not_sent() -> NotSent:
    return NotSent("reach the service", "the connection was refused")
