"""What may be asked inside a session."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import quote, unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pulumi_fusion.sessions.bounds import is_change, kind_of, refusal

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
    "/api/v1/api-keys/pulumi-fusion/regen",
    "/api/v1/docs/detection-models",
    "/api/v1/fetch/audit/42",
    "/api/v1/roles/permissions/",
    "/api/v1/vpc",
    "/api/v2/anything",
    # Names of the customer's own, in every spelling that RFC 3986 has for them.
    "/api/v1/customer/~a.b_c-1",
    "/api/v1/customer/ac(me)!$&'*,=:@",
    "/api/v1/customer/ac%3Bme",
    "/api/v1/customer/login",
    "/api/v1/customer/acme.",
    "/api/v1/api-keys/auth",
    "/api/v1/search/auth/saved",
    "/api/v1/labels/ips/token",
    "/api/v1/labels/ips/B%C3%BCro%20M%C3%BCnchen",
    "/api/v1/labels/ips/%E6%9D%B1%E4%BA%AC",
    "/api/v1/users?name=M\u00fcller&share=100%&a=%2B%26",
    "/api/v1/authorities",
    "/api/v1/reauth",
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
    "/api/v1/..;/auth/token",
    "/api/v1/..%3b/auth/token",
    "/api/v2/auth/token",
    "/api/v1/token.json",
    "/api/v1.1/internal/auth.xml/token.json",
    "/api/auth/token",
    "/api/beta/auth/token",
    "/api/internal/v1/auth/token",
    "/API/V1/Auth/Token/",
    "/api/v1//auth/token",
    "/api/v1/auth./token",
    "/api/v1/auth%20/token",
    "/api/v1/auth%09/token",
    "/api/v1/auth%00/token",
    "/api/v1/%2561uth/token",
    "/api/v1/au%C2%ADth/token",
    "/api/v1/%EF%BD%81uth/token",
    "/api/v1/auth:get",
    "/api/v1\\auth\\token",
    "/api/v1%2fauth%2ftoken",
    "/api/v1/users/../auth/token",
    "/api/v1/oauth2/token",
    "/api/v1/login",
]


@pytest.mark.parametrize("path", PATHS + QUERIES)
@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS"])
def test_reads_are_allowed_in_every_session(method: str, path: str) -> None:
    assert refusal(method, path, write=False) is None


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_writes_need_a_session_that_may_write(method: str, path: str) -> None:
    assert refusal(method, path, write=False) == "the session is read-only"
    assert refusal(method, path, write=True) is None


@pytest.mark.parametrize("path", QUERIES)
def test_a_query_by_post_is_a_read(path: str) -> None:
    assert refusal("POST", path, write=False) is None
    for method in ("PUT", "PATCH", "DELETE"):
        assert refusal(method, path, write=False) == "the session is read-only"


@pytest.mark.threat("buys-another-token")
@pytest.mark.parametrize("path", TOKENS)
@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE"])
def test_every_token_route_is_refused(method: str, path: str) -> None:
    against = refusal(method, path, write=True)
    assert against == "a session accepts no other tokens than its own"
    assert kind_of(against) == "token routes"


@pytest.mark.threat("leaves-the-api")
@pytest.mark.parametrize(
    "path",
    [
        "",
        "/",
        "*",
        "api/v1/users",
        "http://127.0.0.1:1/api/v1/users",
        "//evil.example/api/v1/users",
        "/api/v1/../users",
        "/api/v1/%2e%2e/users",
        "/api/v1/%2E./users",
        "/api/v1/./users",
        "/api//v1/users",
        "/api/..;/x",
        "/api/v1/..;a=b/x",
        "/api/v1/.;/x",
        "/api/v1/;/x",
        "/api/v1/..%3b/x",
        "/api/v1/..%3Ba/x",
        "/api/v1/%2e%2e;/x",
        "/api/v1/%2e%2e%3b/x",
        "/api/v1/..%20/x",
        "/api/v1/.../x",
        "/api/v1/%252e%252e/x",
        "/api/v1/%e2%80%a6/x",
        "/api/v1/%c0%ae%c0%ae/x",
        "/api/v1/users%ef%bc%8f..",
        "/api/v1/users%ef%bc%bc",
        "/api/v1/users;a=b",
        "/api/v1/users%0d%0aX:%20y",
        "/api/v1/users%250d%250a",
        "/api/v1/users%7f",
        "/api/v1/users%c2%85",
        "/api/v1/users%e2%80%a8",
        "/api/v1/users%1b[2J",
        "/api/v1/users%3f_method=DELETE",
        "/api/v1/users%23",
        "/api/v1/users%fc",
        "/api/v1/users?a=%0d%0aX:%20y",
        "/api/v1/users?a=%250d%250a",
        "/api/v1/users?a=%c0%8d",
        "/api/v1/users?a=%25%32%35%32%35%30%61",
        "/API/v1/users",
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
def test_an_ambiguous_path_is_refused(path: str) -> None:
    for write in (True, False):
        against = refusal("GET", path, write=write)
        assert against is not None
        assert kind_of(against) == "malformed paths"


@pytest.mark.parametrize("method", ["CONNECT", "TRACE", "get", "PURGE", "", "PROPFIND"])
def test_methods_that_the_api_does_not_have_are_refused(method: str) -> None:
    against = refusal(method, "/api/v1/users", write=True)
    assert against is not None
    assert kind_of(against) == "methods"


@pytest.mark.parametrize("path", PATHS)
def test_every_write_except_a_query_is_a_change(path: str) -> None:
    assert all(is_change(method, path) for method in ("POST", "PUT", "PATCH", "DELETE"))
    assert not any(is_change(method, path) for method in ("GET", "HEAD", "OPTIONS"))


@pytest.mark.parametrize("path", QUERIES)
def test_a_query_is_not_a_change(path: str) -> None:
    assert not is_change("POST", path)
    assert is_change("PUT", path)
    assert is_change("POST", f"{path.partition('?')[0]}?a=b&_method=DELETE")


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
        "+_method=DELETE",
        ".method=DELETE",
        "%252565f=1&%255fmethod=DELETE",
        "a=b?_method=DELETE",
        "_method+=DELETE",
    ],
)
@pytest.mark.parametrize(("method", "path"), [("GET", "/api/v1/users"), ("POST", "/api/v1/search/flow")])
@pytest.mark.threat("writes-read-only")
def test_no_parameter_turns_a_read_into_a_write(method: str, path: str, query: str) -> None:
    assert refusal(method, f"{path}?{query}", write=False) == "the session is read-only"
    assert refusal(method, f"{path}?{query}", write=True) is None
    assert refusal(method, f"{path}?method=a&by=_method&auth_method=x", write=False) is None


SEGMENTS = st.lists(
    st.sampled_from(["search", "stats", "auth", "token", "..", ".", "%2e%2e", "customer", "ts", "flow", "", "x y", "ü"])
    | st.text(max_size=5),
    max_size=6,
)


@pytest.mark.threat("writes-read-only")
@given(method=st.sampled_from(["POST", "PUT", "PATCH", "DELETE"]), segments=SEGMENTS, encoded=st.booleans())
def test_no_encoding_of_a_path_allows_a_write_or_a_token_route(method: str, segments: list[str], encoded: bool) -> None:
    path = "/api/v1/" + "/".join(quote(each, safe="") if encoded else each for each in segments)
    if refusal(method, path, write=False) is None:
        assert method == "POST"
        assert path.partition("?")[0].split("/")[3] in ("search", "stats", "intel")
        assert ".." not in path
    if refusal(method, path, write=True) is None:
        assert unquote(path).split("/")[3] != "auth"


def percent(text: str) -> str:
    return "".join(f"%{byte:02x}" for byte in text.encode())


# What servers, proxies and frameworks take for nothing, each at the end of a segment.
ENDINGS = [
    "",
    ".",
    "..",
    " ",
    "%20",
    "%2e",
    ";a=b",
    ";",
    "%3b",
    "%3Bx",
    ":x",
    "%00",
    "%09",
    "%0a",
    "%C2%AD",
    "?a",
    "#a",
]
BETWEEN = ["/", "//", "\\", "%2f", "%5c", "%252f", "/./", "/%2e/", "/x/../", "/x/..;/", "/x/%2e%2e%3b/", "/;/", "/.;/"]
SPELLINGS: list[Callable[[str], str]] = [
    str,
    str.upper,
    str.title,
    percent,
    lambda text: percent(percent(text)),
    lambda text: percent(text[0]) + text[1:],
    lambda text: text[:-1] + percent(percent(text[-1])),
    lambda text: percent("".join(chr(ord(each) + 0xFEE0) for each in text)),
    lambda text: text[0] + "%E2%80%8B" + text[1:],
]
ROUTES = [
    ("api", "v1", "auth", "token"),
    ("api", "v2", "auth", "token"),
    ("api", "v1.1", "auth", "token"),
    ("api", "auth", "token"),
    ("api", "auth", "bearer", "token"),
    ("api", "auth", "bearer", "refresh"),
    ("api", "v1", "auth"),
]


@st.composite
def spelled(draw: st.DrawFn, route: tuple[str, ...]) -> str:
    """A route as some server would still read it."""
    path = ""
    for segment in route:
        path += draw(st.sampled_from(BETWEEN)) if path else "/"
        path += draw(st.sampled_from(SPELLINGS))(segment) + draw(st.sampled_from(ENDINGS[:15]))
    return path + draw(st.sampled_from(["", "/", "//", "/.", *ENDINGS]))


@pytest.mark.threat("buys-another-token")
@given(
    path=st.sampled_from(ROUTES).flatmap(spelled),
    method=st.sampled_from(["GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"]),
    write=st.booleans(),
)
def test_every_spelling_of_a_token_route_is_refused(path: str, method: str, write: bool) -> None:
    assert refusal(method, path, write=write) is not None
