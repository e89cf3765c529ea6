"""What an answer is taken for, whoever gave it."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable
from email.utils import formatdate
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pulumi_fusion.api import wire
from pulumi_fusion.customer.model import Account
from pulumi_fusion.errors import (
    BadRequest,
    Conflict,
    Forbidden,
    FusionError,
    InDoubt,
    InvalidInput,
    NotFound,
    RateLimited,
    RequestFailed,
    Unauthorized,
    Unrecognised,
)
from pulumi_fusion.redaction import Secret

RECORD = {
    "id": "7239b7f5",
    "shortname": "acmecorp",
    "ingest_ip": "203.0.113.19",
    "ingest_port": 2001,
    "billing": {"data_retention": 7, "rollup_retention": 90, "trial": False},
    "reseller": {"parent": "msp01", "node": "msp01/acmecorp", "children": 0, "is_parent": False},
}
ACCOUNT = Account.model_validate(RECORD)
GET = wire.get_customer("acmecorp")


def answer(status: int, body: Any = b"", **headers: str) -> wire.Answer:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return wire.Answer(status, {name.replace("_", "-"): value for name, value in headers.items()}, content)


def fusion_error(status: int, /, **changes: Any) -> wire.Answer:
    return answer(status, {"status": status, "name": "Some name", "message": "Some message"} | changes)


@pytest.mark.parametrize(
    ("request_", "method", "path"),
    [
        (wire.list_customer_types(), "GET", "/api/v1/customers/types"),
        (wire.list_customers(), "GET", "/api/v1/customers"),
        (wire.list_users(), "GET", "/api/v1/users"),
        (GET, "GET", "/api/v1/customer/acmecorp"),
        (wire.get_customer("a-b.c_d~9"), "GET", "/api/v1/customer/a-b.c_d~9"),
        (wire.get_customer("a/b!$&'()*,;=:@%"), "GET", "/api/v1/customer/a%2Fb%21%24%26%27%28%29%2A%2C%3B%3D%3A%40%25"),
        (wire.update_customer("acme?x#y", {}), "PUT", "/api/v1/customer/acme%3Fx%23y"),
        (wire.delete_customer("acmecorp"), "DELETE", "/api/v1/customer/acmecorp"),
        (wire.create_customer({"shortname": "acmecorp"}), "POST", "/api/v1/customer"),
        (wire.issue_token(Secret("header.claims.signature")), "POST", "/api/v1/auth/token"),
    ],
)
def test_a_request_addresses_what_it_names(request_: wire.Request[Any], method: str, path: str) -> None:
    assert (request_.method, request_.path) == (method, path)


def test_only_what_reads_or_asks_for_a_token_may_be_sent_twice() -> None:
    every: list[wire.Request[Any]] = [
        wire.list_customers(),
        GET,
        wire.issue_token(Secret("header.claims.signature")),
        wire.create_customer({"shortname": "acmecorp"}),
        wire.update_customer("acmecorp", {}),
        wire.delete_customer("acmecorp"),
    ]
    assert [request.repeatable for request in every] == [True, True, True, False, False, False]


@pytest.mark.parametrize("shortname", ["", ".", "..", "access-allowed-ips", "käse1", "\ud800abcd"])
@pytest.mark.parametrize("build", [wire.get_customer, wire.delete_customer])
def test_a_shortname_that_would_address_something_else_is_never_sent(
    build: Callable[[str], wire.Request[Any]], shortname: str
) -> None:
    with pytest.raises(InvalidInput):
        build(shortname)


@pytest.mark.parametrize("body", [{}, {"shortname": None}, {"shortname": 7}, {"shortname": ""}])
def test_a_customer_without_a_shortname_is_never_sent(body: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput):
        wire.create_customer(body)


def test_a_request_shows_nothing_of_its_body() -> None:
    request = wire.issue_token(Secret("header.claims.signature"))
    assert request.json == {"jwt": "header.claims.signature"}
    assert "claims" not in repr(request)
    assert "someone" not in repr(wire.create_customer({"shortname": "acmecorp", "username": "someone@acme.example"}))


@pytest.mark.parametrize(
    "body",
    [
        {"meta": {"code": 200, "count": 1}, "data": RECORD},
        {"data": RECORD},
        RECORD,
        [RECORD],
        {"meta": None, "data": [RECORD]},
        {**RECORD, "unheard": {"of": [1]}, "status": "active", "message": None},
    ],
)
def test_one_account_is_read_in_each_shape(body: Any) -> None:
    assert GET.read(answer(200, body)) == ACCOUNT


def test_everything_but_what_names_the_account_may_be_missing() -> None:
    shown: dict[str, Any] = {"shortname": "acmecorp", "billing": None, "reseller": {}}
    assert GET.read(answer(200, shown)) == Account(shortname="acmecorp")


def test_an_id_that_is_a_number_is_read_as_its_text() -> None:
    assert GET.read(answer(200, {**RECORD, "id": 7239})).id == "7239"


@pytest.mark.parametrize(
    "body",
    [
        {},
        [],
        None,
        "acmecorp",
        7,
        [RECORD, RECORD],
        {"data": None},
        {"data": {}},
        {"status": "ok"},
        {"meta": {"code": 400}, "data": RECORD},
        {"meta": {"code": 500}},
        {"id": "request-7", "message": "ok"},
        {name: value for name, value in RECORD.items() if name != "shortname"},
        {**RECORD, "shortname": None},
        {**RECORD, "shortname": "other1"},
        {**RECORD, "shortname": 7},
        {**RECORD, "id": 7.5},
        {**RECORD, "id": True},
        {**RECORD, "ingest_port": "2001"},
        {**RECORD, "ingest_port": True},
        {**RECORD, "billing": "free"},
        {**RECORD, "billing": [7]},
        {**RECORD, "billing": {"trial": "false"}},
        {**RECORD, "billing": {"data_retention": 7.5}},
        {**RECORD, "reseller": 1},
        {**RECORD, "reseller": {"children": "0"}},
    ],
)
def test_what_is_no_account_is_not_read_as_one(body: Any) -> None:
    with pytest.raises(Unrecognised) as caught:
        GET.read(answer(200, body))
    assert caught.value.status == 200


def test_a_shortname_in_another_case_tells_how_to_get_at_its_account() -> None:
    with pytest.raises(Unrecognised) as caught:
        wire.get_customer("AcmeCorp").read(answer(200, RECORD))
    assert "the service writes this shortname 'acmecorp' (id 7239b7f5)" in str(caught.value)
    assert "Declare it as 'acmecorp'" in str(caught.value)
    assert "adopt='7239b7f5'" in str(caught.value)


def test_a_wrong_value_is_named_by_its_place_and_never_quoted() -> None:
    with pytest.raises(Unrecognised, match=r"billing\.trial") as caught:
        GET.read(answer(200, {**RECORD, "billing": {"trial": "hunter2hunter2"}}))
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("body", [b"", b"  \r\n", b'{"meta": {"code"', b"[{"])
def test_an_empty_or_cut_body_leaves_it_open_whether_the_service_acted(body: bytes) -> None:
    with pytest.raises(InDoubt) as caught:
        wire.create_customer({"shortname": "acmecorp"}).read(answer(201, body))
    assert type(caught.value) is InDoubt


@pytest.mark.parametrize("body", [b"<!DOCTYPE html><h1>Log in</h1>", b"OK", b"\xff\xfe\x00"])
def test_a_success_that_is_not_json_is_not_the_service(body: bytes) -> None:
    with pytest.raises(Unrecognised, match="text/html"):
        GET.read(answer(200, body, content_type="text/html"))


def test_lists_are_read_with_and_without_their_envelope() -> None:
    second = {**RECORD, "shortname": "bravo1"}
    read = wire.list_customers().read
    assert [account.shortname for account in read(answer(200, {"data": [RECORD, second]}))] == ["acmecorp", "bravo1"]
    assert read(answer(200, [RECORD])) == [ACCOUNT]
    assert read(answer(200, {"meta": {}, "data": RECORD})) == [ACCOUNT]
    assert read(answer(200, {"meta": {}, "data": []})) == []


@pytest.mark.parametrize("body", [{}, None, "x", [None], [RECORD, {"id": "1"}], {"data": None}, {"data": "x"}])
def test_a_list_with_something_else_in_it_is_not_believed(body: Any) -> None:
    with pytest.raises(Unrecognised):
        wire.list_customers().read(answer(200, body))


def test_types_and_users_are_read() -> None:
    types = wire.list_customer_types().read(answer(200, {"data": [{"value": "customer", "label": "SLG", "x": 1}]}))
    assert [(entry.value, entry.label, entry.description) for entry in types] == [("customer", "SLG", None)]
    users = wire.list_users().read(answer(200, {"data": {"email": "ada@msp.example", "roles": ["admin"]}}))
    assert [(user.email, user.roles) for user in users] == [("ada@msp.example", ["admin"])]


@pytest.mark.parametrize("given_", [answer(204), answer(200, []), answer(200, {"data": []}), answer(204, b"[]")])
def test_a_delete_is_done_when_the_service_says_so(given_: wire.Answer) -> None:
    wire.delete_customer("acmecorp").read(given_)


@pytest.mark.parametrize(
    "given_",
    [
        answer(200),
        answer(200, b"<html>"),
        answer(202),
        answer(202, {}),
        answer(206, {}),
        answer(200, {"meta": {"code": 500, "count": 0}}),
        answer(200, {"status": 500, "name": "Some name", "message": "Some message"}),
    ],
)
def test_a_delete_is_in_doubt_when_anybody_could_have_said_so(given_: wire.Answer) -> None:
    with pytest.raises(InDoubt):
        wire.delete_customer("acmecorp").read(given_)


@pytest.mark.parametrize(
    ("given_", "kind"),
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
        (answer(401, b"<html>"), Unauthorized),
        (answer(401), Unauthorized),
        (answer(429, b"slow down"), RateLimited),
        (answer(400, b"<html>"), Unrecognised),
        (answer(403, b"<html>"), Unrecognised),
        (answer(404, b"<html>"), Unrecognised),
        (answer(404), Unrecognised),
        (answer(409, []), Unrecognised),
        (answer(422, {"message": "Unprocessable"}), Unrecognised),
        (answer(407, b""), Unrecognised),
        (answer(404, {"message": "no Route matched with those values"}), Unrecognised),
        (
            answer(404, {"status": 404, "error": "Not Found", "message": "No message", "path": "/", "timestamp": 1}),
            Unrecognised,
        ),
        (fusion_error(404, status=500), Unrecognised),
        (fusion_error(404, status="404"), Unrecognised),
        (fusion_error(404, message=None), Unrecognised),
        (fusion_error(404, name=7), Unrecognised),
        (answer(404, {"status": 404, "message": "gone"}), Unrecognised),
        (answer(404, {"status": 404, "name": "", "message": "gone"}), Unrecognised),
        (answer(409, {"status": 409, "message": "taken"}), Conflict),
        (fusion_error(404, more="x"), NotFound),
        (answer(103), Unrecognised),
        (answer(202, {"data": RECORD}), Unrecognised),
        (answer(203, {"data": RECORD}), Unrecognised),
        (answer(206, {"data": RECORD}), Unrecognised),
        (answer(301), Unrecognised),
        (fusion_error(304), Unrecognised),
        (fusion_error(500), InDoubt),
        (answer(502, b"<html>"), InDoubt),
        (answer(503), InDoubt),
        (answer(599), InDoubt),
        (answer(999), InDoubt),
    ],
)
def test_the_phase_of_each_answer(given_: wire.Answer, kind: type[RequestFailed]) -> None:
    with pytest.raises(RequestFailed) as caught:
        GET.read(given_)
    assert type(caught.value) is kind
    assert (caught.value.status, caught.value.shortname) == (given_.status, "acmecorp")


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409])
def test_no_refusal_of_a_token_can_be_taken_for_a_missing_customer(status: int) -> None:
    with pytest.raises(RequestFailed) as caught:
        wire.issue_token(Secret("header.claims.signature")).read(fusion_error(status))
    assert type(caught.value) is Unauthorized
    assert caught.value.status == status


def test_an_error_tells_the_services_own_words_on_one_short_line() -> None:
    with pytest.raises(Conflict) as caught:
        GET.read(fusion_error(409, name="Taken", message="first\nsecond " + "x" * 1000))
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
        ("https://[hunter2", "another place"),
        ("", "another path"),
    ],
)
def test_a_redirect_is_told_by_its_host_alone(location: str, shown: str) -> None:
    with pytest.raises(Unrecognised, match="not followed") as caught:
        GET.read(answer(302, b"", location=location))
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
def test_the_wait_that_the_service_asks_for(headers: dict[str, str], seconds: float | None) -> None:
    given_ = answer(429, b"", **headers)
    assert wire.retry_after(wire.Answer(429, given_.headers, b"", received=1000000.0)) == seconds


def test_the_services_clock_is_read_from_its_date() -> None:
    ahead = wire.Answer(401, {"date": formatdate(1000600, usegmt=True)}, b"", received=1000000.0)
    assert wire.clock_offset(ahead) == 600.0
    assert wire.clock_offset(answer(401)) == 0.0


def test_a_token_is_read_and_all_that_comes_with_it_is_masked() -> None:
    grant = wire.issue_token(Secret("header.claims.signature")).read(
        answer(200, {"access_token": "the-access-token", "expires_in": 60, "refresh_token": "the-refresh-token"})
    )
    assert (grant.token.reveal(), grant.lifetime) == ("the-access-token", 60.0)
    told = str(FusionError("read it", "got the-access-token and the-refresh-token"))
    assert "got *** and ***" in told


@pytest.mark.parametrize("lifetime", [0, -1, 10**400, float("inf"), float("nan"), None])
def test_a_lifetime_that_nobody_can_live_is_not_believed(lifetime: Any) -> None:
    body = {"access_token": "the-access-token", "expires_in": lifetime}
    assert wire.issue_token(Secret("header.claims.signature")).read(answer(200, body)).lifetime is None


@pytest.mark.parametrize(
    "body",
    [
        {},
        [],
        {"access_token": None},
        {"access_token": ""},
        {"access_token": "a b"},
        {"access_token": "a\r\nX-Other: b"},
        {"access_token": "töken"},
        {"access_token": "abcdefg", "expires_in": "60"},
        {"access_token": "abcdefg", "expires_in": True},
        {"access_token": "abcdefg", "refresh_token": 7},
    ],
)
def test_what_cannot_be_a_token_is_not_sent_back(body: Any) -> None:
    with pytest.raises(Unrecognised):
        wire.issue_token(Secret("header.claims.signature")).read(answer(200, body))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
MUTATED = st.fixed_dictionaries(
    {},
    optional={
        **{name: st.just(value) | JSON for name, value in RECORD.items()},
        "data": JSON,
        "meta": JSON,
        "status": JSON,
        "message": JSON,
    },
)
BODIES = st.one_of(
    st.binary(max_size=64),
    JSON.map(lambda value: json.dumps(value).encode()),
    MUTATED.map(lambda value: json.dumps(value).encode()),
    st.just(b"[" * 100_000),
    st.integers(0, 200).map(lambda size: json.dumps({"data": RECORD}).encode()[:size]),
)


@given(
    status=st.integers(200, 599),
    body=BODIES,
    headers=st.dictionaries(st.sampled_from(["retry-after", "date", "location", "content-type"]), st.text(max_size=40)),
)
def test_whatever_comes_back_is_an_account_or_an_error_of_ours(
    status: int, body: bytes, headers: dict[str, str]
) -> None:
    given_ = wire.Answer(status, headers, body)
    with contextlib.suppress(RequestFailed):
        account = GET.read(given_)
        assert isinstance(account, Account)
        assert account.shortname == "acmecorp"
    for request in (
        wire.list_customers(),
        wire.list_users(),
        wire.list_customer_types(),
        wire.delete_customer("acmecorp"),
        wire.issue_token(Secret("header.claims.signature")),
    ):
        with contextlib.suppress(RequestFailed):
            request.read(given_)


@given(body=BODIES)
def test_no_404_but_the_services_own_proves_absence(body: bytes) -> None:
    try:
        GET.read(wire.Answer(404, {}, body))
    except NotFound:
        said = json.loads(body)
        assert said["status"] == 404
        assert isinstance(said["message"], str)
        assert said["name"]
    except Unrecognised:
        pass
