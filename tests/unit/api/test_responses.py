"""The error class of each response, and what its headers mean."""

from __future__ import annotations

from email.utils import formatdate

import pytest

from pulumi_fusion.api import requests
from pulumi_fusion.api.messages import Response
from pulumi_fusion.api.responses import clock_offset, read, retry_after
from pulumi_fusion.errors import (
    BadRequest,
    Conflict,
    Forbidden,
    InDoubt,
    NotFound,
    RateLimited,
    RequestFailed,
    Unauthorized,
    Unrecognised,
)
from pulumi_fusion.redaction import Secret
from tests.unit.api.samples import GET, RECORD, fusion_error, response_of


@pytest.mark.parametrize(
    ("response", "kind"),
    [
        (fusion_error(400), BadRequest),
        (fusion_error(401), Unauthorized),
        (fusion_error(403), Forbidden),
        (fusion_error(404), NotFound),
        (fusion_error(409), Conflict),
        (fusion_error(408), InDoubt),
        (fusion_error(418), InDoubt),
        (fusion_error(422), BadRequest),
        (fusion_error(429), RateLimited),
        (response_of(401, b"<html>"), Unauthorized),
        (response_of(401), Unauthorized),
        (response_of(429, b"slow down"), RateLimited),
        (response_of(400, b"<html>"), Unrecognised),
        (response_of(403, b"<html>"), Unrecognised),
        (response_of(404, b"<html>"), Unrecognised),
        (response_of(404), Unrecognised),
        (response_of(409, []), Unrecognised),
        (response_of(422, {"message": "Unprocessable"}), Unrecognised),
        (response_of(407, b""), Unrecognised),
        (response_of(404, {"message": "no Route matched with those values"}), Unrecognised),
        (
            response_of(
                404, {"status": 404, "error": "Not Found", "message": "No message", "path": "/", "timestamp": 1}
            ),
            Unrecognised,
        ),
        (fusion_error(404, status=500), Unrecognised),
        (fusion_error(404, status="404"), Unrecognised),
        (fusion_error(404, message=None), Unrecognised),
        (fusion_error(404, name=7), Unrecognised),
        (response_of(404, {"status": 404, "message": "gone"}), Unrecognised),
        (response_of(404, {"status": 404, "name": "", "message": "gone"}), Unrecognised),
        (response_of(409, {"status": 409, "message": "taken"}), Conflict),
        (fusion_error(404, more="x"), NotFound),
        (response_of(103), Unrecognised),
        (response_of(202, {"data": RECORD}), Unrecognised),
        (response_of(203, {"data": RECORD}), Unrecognised),
        (response_of(206, {"data": RECORD}), Unrecognised),
        (response_of(301), Unrecognised),
        (fusion_error(304), Unrecognised),
        (fusion_error(500), InDoubt),
        (response_of(502, b"<html>"), InDoubt),
        (response_of(503), InDoubt),
        (response_of(599), InDoubt),
        (response_of(999), InDoubt),
    ],
)
def test_the_error_class_of_each_response(response: Response, kind: type[RequestFailed]) -> None:
    with pytest.raises(RequestFailed) as caught:
        read(GET, response)
    assert type(caught.value) is kind
    assert (caught.value.status, caught.value.shortname) == (response.status, "acmecorp")


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409])
def test_a_refused_token_is_always_unauthorized(status: int) -> None:
    with pytest.raises(RequestFailed) as caught:
        read(requests.issue_token(Secret("header.claims.signature")), fusion_error(status))
    assert type(caught.value) is Unauthorized
    assert caught.value.status == status


def test_an_error_quotes_the_service_on_one_line_of_limited_length() -> None:
    with pytest.raises(Conflict) as caught:
        read(GET, fusion_error(409, name="Taken", message="first\nsecond " + "x" * 1000))
    failed = caught.value
    assert failed.came_back.startswith("the service answered 409 Conflict (Taken: first second xxx")
    assert failed.name == "Taken"
    assert failed.message is not None
    assert len(failed.message) == 300
    assert "\n" not in str(failed)


@pytest.mark.parametrize(
    ("location", "shown"),
    [
        ("https://user:hunter2@login.example/x?token=hunter2", "https://login.example,"),
        ("/login?next=hunter2", "another path"),
        ("https://[hunter2", "another address"),
        ("", "another path"),
    ],
)
def test_a_redirect_is_reported_by_its_host_only(location: str, shown: str) -> None:
    with pytest.raises(Unrecognised, match="not followed") as caught:
        read(GET, response_of(302, b"", location=location))
    assert shown in str(caught.value)
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"retry_after": "0"}, 0.0),
        ({"retry_after": " 120 "}, 120.0),
        ({"retry_after": "9" * 5000}, float("inf")),
        ({"retry_after": "-1"}, None),
        ({"retry_after": "1.5"}, None),
        ({"retry_after": "soon"}, None),
        ({"retry_after": "²"}, None),
        ({"retry_after": formatdate(1000030, usegmt=True)}, 30.0),
        ({"retry_after": formatdate(999000, usegmt=True)}, 0.0),
        ({"retry_after": formatdate(1000630, usegmt=True), "date": formatdate(1000600, usegmt=True)}, 30.0),
        ({"retry_after": "Fri, 99 Foo 2026 00:00:00 GMT"}, None),
    ],
)
def test_retry_after_in_seconds_and_as_a_date(headers: dict[str, str], seconds: float | None) -> None:
    response = response_of(429, b"", **headers)
    assert retry_after(Response(429, response.headers, b"", received=1000000.0)) == seconds


def test_the_clock_offset_is_computed_from_the_date_header() -> None:
    ahead = Response(401, {"date": formatdate(1000600, usegmt=True)}, b"", received=1000000.0)
    assert clock_offset(ahead) == 600.0
    assert clock_offset(response_of(401)) == 0.0
