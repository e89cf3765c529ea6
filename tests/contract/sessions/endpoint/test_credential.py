"""The session's own credential and its token exchange, as any client uses them."""

from __future__ import annotations

import base64
import json
import threading
import time

import pytest
import requests

from fusion_emulator import Emulator
from pulumi_fusion import FusionClient
from pulumi_fusion.errors import Forbidden, NotSent, Unauthorized
from pulumi_fusion.sessions.access import Access
from pulumi_fusion.sessions.endpoint import Endpoint
from tests.contract.sessions.endpoint.asking import bearer, secret, signed


def test_the_synthetic_credential_has_the_vendors_format(endpoint: Endpoint, emulator: Emulator) -> None:
    fields = secret(endpoint)
    assert list(fields) == ["url", "shortname", "appname", "appkey", "sharedsecret"]
    assert fields["shortname"] == "acme-corp"
    padded = emulator.netosecret + "=" * (-len(emulator.netosecret) % 4)
    real = json.loads(base64.b64decode(padded))
    assert not {*real.values()} & {*fields.values()}


def test_the_client_of_this_package_works_inside_the_customer(endpoint: Endpoint, emulator: Emulator) -> None:
    with FusionClient(netosecret=endpoint.netosecret.reveal(), deadline=20) as inside:
        assert [each.shortname for each in inside.list_customers()] == ["acme-east"]
        with pytest.raises(Forbidden, match="the session is read-only"):
            inside.delete_customer("acme-east")
        assert inside.list_users()
    assert {each.method for each in emulator.requests} == {"GET"}
    assert endpoint.access.counts()["requests"] == {"GET": 2}
    assert endpoint.access.counts()["refused"] == {"writes": 1}


def test_the_vendors_recipe_works(endpoint: Endpoint) -> None:
    """It fetches one token only, cuts the url before /api/v1 and sends JSON headers with every request."""
    fields = secret(endpoint)
    base = fields["url"].replace("/api/v1", "")
    headers = {"Content-Type": "application/json", "Accept": "application/json"}
    answer = requests.post(f"{base}/api/v1/auth/token", json=signed(fields), headers=headers, timeout=5)
    token = answer.json()
    assert set(token) == {"access_token", "expires_in", "token_type"}
    assert 0 < token["expires_in"] <= 900
    headers["Authorization"] = f"Bearer {token['access_token']}"
    assert requests.get(f"{base}/api/v1/users", headers=headers, timeout=5).json()["data"]


def test_a_claim_to_another_account_is_refused(endpoint: Endpoint, emulator: Emulator) -> None:
    fields = secret(endpoint)
    for claimed in ("other-corp", "example-msp", "acme-east", ""):
        answer = requests.post(f"{fields['url']}/auth/token", json=signed(fields, shortname=claimed), timeout=10)
        assert answer.status_code == 403
        assert "inside 'acme-corp' and nowhere else" in answer.json()["message"]
    assert len(emulator.requests) == 0


@pytest.mark.parametrize(
    "body",
    [b"", b"{}", b"[]", b'{"jwt": 7}', b'{"jwt": "a.b.c"}', b"\xff", b'{"jwt": null}', b"[" * 60_000],
)
def test_a_body_without_a_request_token_is_refused(endpoint: Endpoint, body: bytes) -> None:
    answer = requests.post(f"{endpoint.url}/api/v1/auth/token", data=body, timeout=10)
    assert answer.status_code == 401


@pytest.mark.parametrize("wrong", ["sharedsecret", "appkey", "appname"])
def test_a_request_token_with_a_wrong_key_is_refused(endpoint: Endpoint, wrong: str) -> None:
    fields = {**secret(endpoint), wrong: "something-else-that-is-long-enough-to-sign"}
    assert requests.post(f"{endpoint.url}/api/v1/auth/token", json=signed(fields), timeout=10).status_code == 401


@pytest.mark.parametrize("header", [None, "Bearer", "Bearer x", "Basic eA==", "bearer \xe9"])
def test_a_request_without_the_sessions_token_is_refused(
    endpoint: Endpoint, emulator: Emulator, header: str | None
) -> None:
    headers = {} if header is None else {"Authorization": header.encode("latin-1")}
    answer = requests.get(f"{endpoint.url}/api/v1/users", headers=headers, timeout=10)
    assert answer.status_code == 401
    assert len(emulator.requests) == 0


def test_the_endpoint_is_closed_when_the_session_ends(
    endpoint: Endpoint, access: Access, fusion: FusionClient, emulator: Emulator
) -> None:
    headers = bearer(endpoint)
    emulator.faults.add("GET /users hang x1")
    failed: list[str] = []

    def wait() -> None:
        try:
            got = requests.get(f"{endpoint.url}/api/v1/users", headers=headers, timeout=30)
            failed.append(str(got.status_code))
        except (requests.ConnectionError, requests.exceptions.ChunkedEncodingError):
            failed.append("broken off")

    waiting = threading.Thread(target=wait)
    waiting.start()
    while not access.counts()["requests"]:
        time.sleep(0.01)
    began = time.monotonic()
    access.close()
    fusion.close()
    endpoint.close()
    waiting.join(20)
    assert time.monotonic() - began < 20  # the one who waits would do so for 30 s
    assert failed in (["502"], ["503"], ["403"], ["broken off"])
    with pytest.raises(requests.ConnectionError):
        requests.get(f"{endpoint.url}/api/v1/users", headers=headers, timeout=10)
    with FusionClient(netosecret=endpoint.netosecret.reveal(), deadline=3) as late, pytest.raises(NotSent):
        late.list_users()


def test_an_expired_token_of_the_session_is_not_renewed(endpoint: Endpoint, emulator: Emulator) -> None:
    emulator.expire_tokens()
    with (
        FusionClient(netosecret=endpoint.netosecret.reveal(), deadline=10) as inside,
        pytest.raises(Unauthorized),
    ):
        inside.list_users()
