"""The requests of the API: method, path, body, and what is refused before it is sent."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from pulumi_fusion.api import requests
from pulumi_fusion.api.messages import Request
from pulumi_fusion.errors import (
    InvalidInput,
)
from pulumi_fusion.redaction import Secret
from tests.unit.api.samples import GET


@pytest.mark.parametrize(
    ("request_", "method", "path"),
    [
        (requests.list_customer_types(), "GET", "/api/v1/customers/types"),
        (requests.list_customers(), "GET", "/api/v1/customers"),
        (requests.list_users(), "GET", "/api/v1/users"),
        (GET, "GET", "/api/v1/customer/acmecorp"),
        (requests.get_customer("a-b.c_d~9"), "GET", "/api/v1/customer/a-b.c_d~9"),
        (
            requests.get_customer("a/b!$&'()*,;=:@%"),
            "GET",
            "/api/v1/customer/a%2Fb%21%24%26%27%28%29%2A%2C%3B%3D%3A%40%25",
        ),
        (requests.update_customer("acme?x#y", {}), "PUT", "/api/v1/customer/acme%3Fx%23y"),
        (requests.delete_customer("acmecorp"), "DELETE", "/api/v1/customer/acmecorp"),
        (requests.create_customer({"shortname": "acmecorp"}), "POST", "/api/v1/customer"),
        (requests.issue_token(Secret("header.claims.signature")), "POST", "/api/v1/auth/token"),
    ],
)
def test_method_and_path_of_each_request(request_: Request[Any], method: str, path: str) -> None:
    assert (request_.method, request_.path) == (method, path)


def test_only_reads_and_token_requests_are_repeatable() -> None:
    every: list[Request[Any]] = [
        requests.list_customers(),
        GET,
        requests.issue_token(Secret("header.claims.signature")),
        requests.create_customer({"shortname": "acmecorp"}),
        requests.update_customer("acmecorp", {}),
        requests.delete_customer("acmecorp"),
    ]
    assert [request.repeatable for request in every] == [True, True, True, False, False, False]


@pytest.mark.parametrize("shortname", ["", ".", "..", "access-allowed-ips", "käse1", "\ud800abcd"])
@pytest.mark.parametrize("build", [requests.get_customer, requests.delete_customer])
def test_a_shortname_that_would_address_another_route_is_refused(
    build: Callable[[str], Request[Any]], shortname: str
) -> None:
    with pytest.raises(InvalidInput):
        build(shortname)


@pytest.mark.parametrize("body", [{}, {"shortname": None}, {"shortname": 7}, {"shortname": ""}])
def test_a_create_without_a_shortname_is_refused(body: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput):
        requests.create_customer(body)


@pytest.mark.parametrize("body", [{"fps": {1}}, {"fps": object()}, {"fps": b"1"}, {("a", "b"): 1}])
def test_a_body_that_is_not_json_is_refused(body: dict[Any, Any]) -> None:
    with pytest.raises(InvalidInput, match="can't be written as JSON"):
        requests.create_customer({"shortname": "acmecorp", **body})
    with pytest.raises(InvalidInput, match="can't be written as JSON"):
        requests.update_customer("acmecorp", body)
    with pytest.raises(InvalidInput, match="can't be written as JSON"):
        requests.value_of("POST", "/api/v1/users", [body])


def test_the_repr_of_a_request_does_not_contain_its_body() -> None:
    request = requests.issue_token(Secret("header.claims.signature"))
    assert request.json == {"jwt": "header.claims.signature"}
    assert "claims" not in repr(request)
    assert "someone" not in repr(
        requests.create_customer({"shortname": "acmecorp", "username": "someone@acme.example"})
    )
