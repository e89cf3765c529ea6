"""Any request to any route: the emulator never answers 5xx, and goes on to answer."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from http.client import HTTPConnection
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from fusion_emulator import Emulator
from fusion_emulator.app import make_app
from tests.contract.emulator.caller import CUSTOMER, Caller
from tests.scale import scaled

ROUTES = sorted(
    (rule.rule, method)
    for rule in make_app().url_map.iter_rules()
    for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
)
NAMES = ["acme-one", "example-msp", "access-allowed-ips", "types", "..", "%2e%2e%2f", "%00", "%ff", "%ed%a0%80", "é"]
SURROGATE = "\ud800"
NUMBERS = [0, -1, 2**63, 10**299, 0.5, 1e308, float("inf"), float("nan"), True]
FIELDS = {
    **CUSTOMER,
    "trial": True,
    "fps": 1,
    "email": "a@example.com",
    "roles": ["readonly"],
    "appname": "ci",
    "jwt": "a.b.c",
    "parent": "acme-one",
    "faults": ["nonsense"],
    "absence": 400,
    "self": 1,
}
TEXTS = st.text(max_size=12) | st.sampled_from([SURROGATE, "\x00", "a" * 300, "acme-one", "192.0.2.1", "inf", "1e400"])
SCALARS = st.none() | st.booleans() | st.sampled_from(NUMBERS) | st.integers() | TEXTS
VALUES = st.recursive(
    SCALARS, lambda each: st.lists(each, max_size=3) | st.dictionaries(TEXTS, each, max_size=3), max_leaves=6
)
RAW = st.binary(max_size=40) | st.sampled_from(
    [b"[" * 100000, b'{"a":' * 100000, b'{"fps": 1%b}' % (b"0" * 5000), b"\xff", '{"a": 1}'.encode("utf-16")]
)


@st.composite
def bodies(draw: st.DrawFn) -> bytes:
    """JSON that is almost valid for some route, any JSON, or any bytes."""
    if draw(st.integers(0, 9)) == 0:
        return draw(RAW)
    value: object = draw(VALUES)
    if draw(st.integers(0, 1)):
        return json.dumps(value).encode()
    names = draw(st.sets(st.sampled_from(sorted(FIELDS)), max_size=4)) | draw(
        st.sampled_from([set(CUSTOMER), {"email", "given_name", "family_name", "roles"}, {"appname", "roles"}])
    )
    fields: dict[str, object] = {name: FIELDS[name] for name in sorted(names)}
    if draw(st.integers(0, 1)):
        fields[draw(st.sampled_from(sorted(fields)))] = value
    return json.dumps(fields).encode()


@st.composite
def targets(draw: st.DrawFn) -> tuple[str, str]:
    """A method and a target: those of a route, or others."""
    rule, method = draw(st.sampled_from(ROUTES))
    names = st.sampled_from(NAMES).map(lambda name: quote(name, safe="%")) | st.text(max_size=9).map(
        lambda text: quote(text, safe="", errors="replace")
    )
    target = re.sub("<.*?>", lambda _: draw(names), rule)
    if draw(st.integers(0, 9)) == 0:
        method = draw(st.sampled_from(["PATCH", "TRACE", "CONNECT", "x", "HEAD", "OPTIONS"]))
        target = draw(
            st.sampled_from([target + "/", "/" + target, target + "%2F", target.upper(), "*", "a:1", "http://["])
        )
    return method, target + draw(st.sampled_from(["", "?", "?a=b&a=%ff", "?%00", "?" + "a" * 5000, "?a?b#c"]))


NAMES_OF_HEADERS = (
    "Accept Accept-Encoding Authorization Content-Encoding Content-Type Cookie Forwarded Host If-Match Origin Range "
    "Sec-Fetch-Site X-Forwarded-For X-HTTP-Method-Override"
)
HEADERS = st.dictionaries(
    st.sampled_from(NAMES_OF_HEADERS.split()),
    st.text(st.characters(min_codepoint=32, max_codepoint=255, exclude_characters="\x7f"), max_size=20)
    | st.sampled_from(["a; charset=x", "application/json; charset=utf-7", "multipart/form-data", "bytes=5-1", "[::1"]),
    max_size=1,
)
CLAIMS = st.dictionaries(
    st.sampled_from(["iat", "jti", "appname", "appkey", "shortname", "exp", "nbf", "aud", "sub"]), VALUES, max_size=2
)


@settings(max_examples=scaled(200, nightly=3_000))
@given(targets(), bodies(), HEADERS)
@example(("POST", "/api/v1/customer"), json.dumps({**CUSTOMER, "organization": SURROGATE}).encode(), {})
@example(("PUT", "/api/v1/customer/access-allowed-ips"), b'["\\ud800"]', {})
@example(("PATCH", "/_emulator/switches"), b'{"token_lifetime": 1e400}', {})
def test_no_request_is_answered_with_a_5xx(
    service: Caller, target: tuple[str, str], body: bytes, headers: dict[str, str]
) -> None:
    method, path = target
    reply = send(service, method, path, body, headers)
    assert reply < 500
    # It still works, unless the request changed the rules by which it does.
    assert send(service, "DELETE", "/_emulator/faults", b"", {}) == 200
    assert send(service, "GET", "/api/v1/customers/types", b"", {}) == 200 or service.authenticate().status < 500


@settings(max_examples=scaled(100, nightly=3_000))
@given(CLAIMS)
def test_no_signed_request_token_is_answered_with_a_5xx(service: Caller, claims: dict[str, Any]) -> None:
    assert service.authenticate(**claims).status in (200, 401, 403, 404)


def send(service: Caller, method: str, path: str, body: bytes, headers: dict[str, str]) -> int:
    """Send a request that http.client would refuse to send."""
    connection = HTTPConnection("127.0.0.1", service.port, timeout=30)
    connection._validate_path = lambda url: None  # type: ignore[attr-defined]
    every = {
        "Host": f"127.0.0.1:{service.port}",
        "Content-Type": "application/json",
        "Authorization": f"Bearer {service.token}",
        "Content-Length": str(len(body)),
        **headers,
    }
    connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
    for name, value in every.items():
        connection.putheader(name, value.encode("latin-1"))
    connection.endheaders(body)
    response = connection.getresponse()
    response.read()
    connection.close()
    return response.status


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Caller]:
    """Yield a client of a service that the requests change, and that starts again with the state after them."""
    state = tmp_path_factory.mktemp("emulator") / "state.json"
    with Emulator(state=state) as emulator:
        emulator.seed("acme-one")
        caller = Caller(emulator.netosecret)
        caller.authenticate()
        yield caller
        switches, accounts = emulator.switches, emulator.accounts()
    with Emulator(switches, state=state) as emulator:
        assert emulator.accounts() == accounts
