"""How accounts, types, users and tokens are read from responses."""

from __future__ import annotations

import contextlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pulumi_fusion.api import requests
from pulumi_fusion.api.messages import Request, Response
from pulumi_fusion.api.responses import read
from pulumi_fusion.customer.model import Account
from pulumi_fusion.errors import (
    FusionError,
    InDoubt,
    NotFound,
    RequestFailed,
    Unrecognised,
)
from pulumi_fusion.redaction import Secret
from tests.unit.api.samples import ACCOUNT, GET, RECORD, response_of


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
def test_an_account_is_read_with_and_without_an_envelope_or_list(body: Any) -> None:
    assert read(GET, response_of(200, body)) == ACCOUNT


def test_an_account_needs_only_its_shortname() -> None:
    shown: dict[str, Any] = {"shortname": "acmecorp", "billing": None, "reseller": {}}
    assert read(GET, response_of(200, shown)) == Account(shortname="acmecorp")


def test_a_numeric_id_is_converted_to_a_string() -> None:
    assert read(GET, response_of(200, {**RECORD, "id": 7239})).id == "7239"


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
def test_a_body_that_is_not_the_requested_account_is_unrecognised(body: Any) -> None:
    with pytest.raises(Unrecognised) as caught:
        read(GET, response_of(200, body))
    assert caught.value.status == 200


def test_a_shortname_in_another_case_names_the_account_and_the_next_step() -> None:
    with pytest.raises(Unrecognised) as caught:
        read(requests.get_customer("AcmeCorp"), response_of(200, RECORD))
    assert "the service writes this shortname 'acmecorp' (id 7239b7f5)" in str(caught.value)
    assert "Declare it as 'acmecorp'" in str(caught.value)
    assert "adopt='7239b7f5'" in str(caught.value)


def test_a_wrong_value_is_reported_by_its_path_and_not_quoted() -> None:
    with pytest.raises(Unrecognised, match=r"billing\.trial") as caught:
        read(GET, response_of(200, {**RECORD, "billing": {"trial": "hunter2hunter2"}}))
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("body", [b"", b"  \r\n", b'{"meta": {"code"', b"[{"])
def test_an_empty_or_cut_body_has_an_unknown_outcome(body: bytes) -> None:
    with pytest.raises(InDoubt) as caught:
        read(requests.create_customer({"shortname": "acmecorp"}), response_of(201, body))
    assert type(caught.value) is InDoubt


@pytest.mark.parametrize("body", [b"<!DOCTYPE html><h1>Log in</h1>", b"OK", b"\xff\xfe\x00"])
def test_a_successful_response_that_is_not_json_is_unrecognised(body: bytes) -> None:
    with pytest.raises(Unrecognised, match="text/html"):
        read(GET, response_of(200, body, content_type="text/html"))


def test_lists_are_read_with_and_without_an_envelope() -> None:
    second = {**RECORD, "shortname": "bravo1"}

    def shortnames(body: Any) -> list[str]:
        return [account.shortname for account in read(requests.list_customers(), response_of(200, body))]

    assert shortnames({"data": [RECORD, second]}) == ["acmecorp", "bravo1"]
    assert shortnames([RECORD]) == ["acmecorp"]
    assert shortnames({"meta": {}, "data": RECORD}) == ["acmecorp"]
    assert shortnames({"meta": {}, "data": []}) == []


@pytest.mark.parametrize("body", [{}, None, "x", [None], [RECORD, {"id": "1"}], {"data": None}, {"data": "x"}])
def test_a_list_with_an_item_that_is_not_an_account_is_unrecognised(body: Any) -> None:
    with pytest.raises(Unrecognised):
        read(requests.list_customers(), response_of(200, body))


def test_account_types_and_users_are_read() -> None:
    types = read(
        requests.list_customer_types(), response_of(200, {"data": [{"value": "customer", "label": "SLG", "x": 1}]})
    )
    assert [(entry.value, entry.label, entry.description) for entry in types] == [("customer", "SLG", None)]
    users = read(requests.list_users(), response_of(200, {"data": {"email": "ada@msp.example", "roles": ["admin"]}}))
    assert [(user.email, user.roles) for user in users] == [("ada@msp.example", ["admin"])]


@pytest.mark.parametrize(
    "response", [response_of(204), response_of(200, []), response_of(200, {"data": []}), response_of(204, b"[]")]
)
def test_a_delete_succeeds_with_a_204_or_json(response: Response) -> None:
    read(requests.delete_customer("acmecorp"), response)


@pytest.mark.parametrize(
    "response",
    [
        response_of(200),
        response_of(200, b"<html>"),
        response_of(202),
        response_of(202, {}),
        response_of(206, {}),
        response_of(200, {"meta": {"code": 500, "count": 0}}),
        response_of(200, {"status": 500, "name": "Some name", "message": "Some message"}),
    ],
)
def test_a_delete_has_an_unknown_outcome_if_a_proxy_could_have_answered(response: Response) -> None:
    with pytest.raises(InDoubt):
        read(requests.delete_customer("acmecorp"), response)


def test_a_token_is_read_and_all_tokens_of_the_response_are_masked() -> None:
    grant = read(
        requests.issue_token(Secret("header.claims.signature")),
        response_of(200, {"access_token": "the-access-token", "expires_in": 60, "refresh_token": "the-refresh-token"}),
    )
    assert (grant.token.reveal(), grant.lifetime) == ("the-access-token", 60.0)
    text = str(FusionError("read it", "got the-access-token and the-refresh-token"))
    assert "got *** and ***" in text


@pytest.mark.parametrize("lifetime", [0, -1, 10**400, float("inf"), float("nan"), None])
def test_an_impossible_lifetime_is_ignored(lifetime: Any) -> None:
    body = {"access_token": "the-access-token", "expires_in": lifetime}
    assert read(requests.issue_token(Secret("header.claims.signature")), response_of(200, body)).lifetime is None


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
def test_a_response_without_a_usable_token_is_unrecognised(body: Any) -> None:
    with pytest.raises(Unrecognised):
        read(requests.issue_token(Secret("header.claims.signature")), response_of(200, body))


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
def test_any_response_is_an_account_or_a_request_failed(status: int, body: bytes, headers: dict[str, str]) -> None:
    response = Response(status, headers, body)
    with contextlib.suppress(RequestFailed):
        account = read(GET, response)
        assert isinstance(account, Account)
        assert account.shortname == "acmecorp"
    others: list[Request[Any]] = [
        requests.list_customers(),
        requests.list_users(),
        requests.list_customer_types(),
        requests.delete_customer("acmecorp"),
        requests.issue_token(Secret("header.claims.signature")),
    ]
    for request in others:
        with contextlib.suppress(RequestFailed):
            read(request, response)


@given(body=BODIES)
def test_only_the_services_own_404_confirms_absence(body: bytes) -> None:
    try:
        read(GET, Response(404, {}, body))
    except NotFound:
        error = json.loads(body)
        assert error["status"] == 404
        assert isinstance(error["message"], str)
        assert error["name"]
    except Unrecognised:
        pass
