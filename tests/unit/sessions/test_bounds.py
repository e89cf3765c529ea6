"""What may be asked inside a session."""

from __future__ import annotations

from urllib.parse import quote, unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pulumi_fusion.sessions.bounds import refusal

# Every route of the vendor's document that this product knows, and some that it does not.
PATHS = [
    "/api/v1/customers",
    "/api/v1/customers/types",
    "/api/v1/customer",
    "/api/v1/customer/acme-corp",
    "/api/v1/customer/access-allowed-ips",
    "/api/v1/roles",
    "/api/v1/roles/permissions",
    "/api/v1/users",
    "/api/v1/user/42",
    "/api/v1/api-keys",
    "/api/v1/api-keys/ingest/regen",
    "/api/v1/labels/ips/bulk",
    "/api/v1/searches",
    "/api/v1/search/flow/saved",
    "/api/v1/stats/flow",
    "/api/v1/intel/lookup/ips/1",
    "/api/v2/anything",
]
QUERIES = [
    "/api/v1/search/flow",
    "/api/v1/search/audit?size=10",
    "/api/v1/stats/flow/ts",
    "/api/v1/stats/flow/agg",
    "/api/v1/intel/lookup/asns",
    "/api/v1/intel/lookup/ips",
]
TOKENS = [
    "/api/v1/auth/token",
    "/api/v1/auth/token?again",
    "/api/v1/auth/",
    "/api/auth/bearer/token",
    "/api/auth/bearer/refresh",
    "/api/AUTH/bearer/refresh",
    "/api/v1/auth",
    "/api/v1/%61uth/token",
    "/api/v1/auth;a=b/token",
    "/api/v1/auth%3B/token",
    "/api/v1;a=b/auth/token",
]


@pytest.mark.parametrize("path", PATHS + QUERIES)
@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS"])
def test_reading_is_always_allowed(method: str, path: str) -> None:
    assert refusal(method, path, write=False) is None


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_writing_needs_leave(method: str, path: str) -> None:
    assert refusal(method, path, write=False) == "the session is read-only"
    assert refusal(method, path, write=True) is None


@pytest.mark.parametrize("path", QUERIES)
def test_a_query_is_a_read_though_it_is_posted(path: str) -> None:
    assert refusal("POST", path, write=False) is None
    for method in ("PUT", "PATCH", "DELETE"):
        assert refusal(method, path, write=False) == "the session is read-only"


@pytest.mark.parametrize("path", TOKENS)
@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE"])
def test_no_route_to_another_token_is_open(method: str, path: str) -> None:
    assert refusal(method, path, write=True) == "a session takes no other tokens than its own"


@pytest.mark.parametrize(
    "path",
    [
        "",
        "/",
        "*",
        "api/v1/users",
        "http://127.0.0.1:1/api/v1/users",
        "//evil.example/api/v1/users",
        "/api/v1/../auth/token",
        "/api/v1/%2e%2e/auth/token",
        "/api/v1/%2E./auth/token",
        "/api/v1/./users",
        "/api//v1/auth/token",
        "/api/v1/search/x%2f..%2fcustomer",
        "/api/v1/search/%252e%252e",
        "/api/v1/users\\..\\x",
        "/api/v1/users\r\nX: y",
        "/api/v1/us ers",
        "/api/v1/users#part",
        "/api/v1/users%00",
        "/apiary/v1/users",
        "/api/v1/u\u017fers",
    ],
)
def test_a_path_that_could_be_read_otherwise_is_refused(path: str) -> None:
    for write in (True, False):
        assert refusal("GET", path, write=write) is not None


@pytest.mark.parametrize("method", ["CONNECT", "TRACE", "get", "PURGE", "", "PROPFIND"])
def test_methods_that_the_api_does_not_have_are_refused(method: str) -> None:
    assert refusal(method, "/api/v1/users", write=True) is not None


@pytest.mark.parametrize(
    "query",
    [
        "_method=DELETE",
        "a=b&_METHOD=PUT",
        "a;_method=PUT",
        "%5fmethod=DELETE",
        "_method[]=PUT",
        "_method",
        "x-http-method-override=PUT",
        "X-HTTP-Method=PUT",
        "httpMethod=PUT",
    ],
)
@pytest.mark.parametrize(("method", "path"), [("GET", "/api/v1/users"), ("POST", "/api/v1/search/flow")])
def test_no_parameter_makes_a_write_of_a_read(method: str, path: str, query: str) -> None:
    assert refusal(method, f"{path}?{query}", write=False) == "the session is read-only"
    assert refusal(method, f"{path}?{query}", write=True) is None
    assert refusal(method, f"{path}?method=a&by=_method&auth_method=x", write=False) is None


SEGMENTS = st.lists(
    st.sampled_from(["search", "stats", "auth", "token", "..", ".", "%2e%2e", "customer", "ts", "flow", "", "x y", "ü"])
    | st.text(max_size=5),
    max_size=6,
)


@given(method=st.sampled_from(["POST", "PUT", "PATCH", "DELETE"]), segments=SEGMENTS, encoded=st.booleans())
def test_no_way_of_writing_a_path_lets_a_write_or_a_token_route_through(
    method: str, segments: list[str], encoded: bool
) -> None:
    path = "/api/v1/" + "/".join(quote(each, safe="") if encoded else each for each in segments)
    if refusal(method, path, write=False) is None:
        assert method == "POST"
        assert path.partition("?")[0].split("/")[3] in ("search", "stats", "intel")
        assert ".." not in path
    if refusal(method, path, write=True) is None:
        assert unquote(path).split("/")[3] != "auth"
