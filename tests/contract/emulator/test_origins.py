"""What a web page elsewhere can send to the emulator, as header fields; tests/contract/page sends it by a browser."""

from __future__ import annotations

import re
import socket
from http.client import HTTPConnection

import pytest

from fusion_emulator import Emulator
from fusion_emulator.app import make_app
from fusion_emulator.listening import Address
from fusion_emulator.origins import reason_to_refuse
from tests.contract.emulator.caller import Caller

FAULTS = "/_emulator/faults"
FAULT = {"faults": ["* * 503"]}

OWN_HOSTS = (
    "127.0.0.1",
    "127.0.0.1:{port}",
    "127.0.0.1:1",
    "127.0.0.2",
    "192.0.2.7:8080",
    "[::1]:{port}",
    "[2001:db8::1]",
    "localhost:{port}",
    "LocalHost",
    "fusion.localhost:{port}",
)
OTHER_HOSTS = (
    "evil.example",
    "evil.example:{port}",
    "127.0.0.1.evil.example:{port}",
    "localhost.evil.example",
    "evil-localhost",
    "127.0.0.1@evil.example",
    "evil.example#127.0.0.1",
    "127.0.0.1, evil.example",
    "127.0.0.1:80:80",
    "[evil.example]",
    "[::1",
    "emulator:{port}",
    "printer.local",
    "host.docker.internal",
    "",
)


@pytest.mark.parametrize("host", OWN_HOSTS)
def test_the_control_routes_answer_to_an_address_and_to_localhost(emulator: Emulator, host: str) -> None:
    caller = Caller(emulator.netosecret)
    assert caller.send("POST", FAULTS, FAULT, headers={"Host": host.format(port=emulator.port)}).status == 200
    assert len(emulator.faults) == 1


@pytest.mark.parametrize("host", OTHER_HOSTS)
def test_the_control_routes_refuse_the_name_of_a_web_site(emulator: Emulator, host: str) -> None:
    named = host.format(port=emulator.port)
    for method in ("GET", "POST", "DELETE"):
        refused = Caller(emulator.netosecret).send(method, FAULTS, FAULT, headers={"Host": named})
        assert refused.status == 403
        assert "such as http://127.0.0.1:PORT" in refused.json["message"]
    assert len(emulator.faults) == 0


def test_two_host_fields_are_refused(emulator: Emulator) -> None:
    connection = HTTPConnection("127.0.0.1", emulator.port, timeout=30)
    connection.putrequest("GET", FAULTS, skip_host=True)
    connection.putheader("Host", "127.0.0.1")
    connection.putheader("Host", "evil.example")
    connection.endheaders()
    assert connection.getresponse().status in (400, 403)
    connection.close()


@pytest.mark.parametrize(
    ("named", "ip", "host", "own"),
    [
        ("192.0.2.7", "192.0.2.7", "emulator:8080", True),
        ("192.0.2.7", "192.0.2.7", "host.docker.internal:8080", True),
        ("192.0.2.7", "192.0.2.7", "emulator.rehearsal.svc.cluster.local", True),
        ("::", "::", "[fd00::7]:8080", True),
        ("emulator.corp.example", "192.0.2.7", "emulator.corp.example:8080", True),
        ("192.0.2.7", "192.0.2.7", "emulator.corp.example:8080", False),
        ("192.0.2.7", "192.0.2.7", "evil.example", False),
        ("192.0.2.7", "192.0.2.7", "local.evil.example", False),
        ("192.0.2.7", "192.0.2.7", "printer.local", False),
        ("workstation", "127.0.0.1", "workstation:8080", True),
        ("workstation", "127.0.0.1", "emulator", False),
        ("::1", "::1", "emulator", False),
        ("127.0.0.2", "127.0.0.2", "emulator", False),
        ("localhost", "127.0.0.1", "emulator", False),
    ],
)
def test_beyond_loopback_a_name_without_a_public_domain_is_its_own(named: str, ip: str, host: str, own: bool) -> None:
    address = Address(named, ip, socket.AF_INET6 if ":" in ip else socket.AF_INET)
    assert (reason_to_refuse("GET", {"Host": host}, address=address) is None) == own


@pytest.mark.parametrize(
    "origin", ["http://evil.example", "null", "http://127.0.0.1:1", "http://localhost:{port}", "file://", ""]
)
@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
def test_the_control_routes_refuse_another_origin(emulator: Emulator, method: str, origin: str) -> None:
    caller = Caller(emulator.netosecret)
    refused = caller.send(method, FAULTS, FAULT, headers={"Origin": origin.format(port=emulator.port)})
    assert (refused.status, len(emulator.faults)) == (403, 0)
    assert caller.send(method, FAULTS, FAULT, headers={"Origin": emulator.url}).status == 200


@pytest.mark.parametrize("site", ["cross-site", "same-site", "anything"])
def test_requests_that_a_browser_sends_for_another_page_are_refused(emulator: Emulator, site: str) -> None:
    caller = Caller(emulator.netosecret)
    emulator.faults.add("* * 503 x1")
    for path in (FAULTS, "/api/v1/customers", "/api/v1/auth/token", "/"):
        for method in ("GET", "POST"):
            assert caller.send(method, path, FAULT, headers={"Sec-Fetch-Site": site}).status == 403
    assert [fault.left for fault in emulator.faults] == [1]
    assert list(emulator.requests) == []


def test_another_page_may_link_to_the_control_routes(emulator: Emulator) -> None:
    caller = Caller(emulator.netosecret)
    link = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}
    assert caller.send("GET", FAULTS, headers=link).status == 200
    assert caller.send("GET", FAULTS, headers={**link, "Sec-Fetch-Dest": "iframe"}).status == 403
    assert caller.send("POST", FAULTS, FAULT, headers=link).status == 403


def test_a_link_of_another_page_changes_nothing(emulator: Emulator) -> None:
    emulator.seed("acme-corp")
    emulator.faults.add("* * 503 x1")
    link = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}
    rules = [rule for rule in make_app().url_map.iter_rules() if "GET" in (rule.methods or ())]
    paths = [re.sub("<[^>]*>", "acme-corp", rule.rule) for rule in rules if rule.rule.startswith("/_emulator/")]
    before = (emulator.accounts(), emulator.mails(), emulator.switches, len(emulator.requests))
    assert len(paths) > 7

    for path in paths:
        assert Caller(emulator.netosecret).send("GET", path, headers=link).status in (200, 404)

    assert (emulator.accounts(), emulator.mails(), emulator.switches, len(emulator.requests)) == before
    assert [fault.left for fault in emulator.faults] == [1]


@pytest.mark.parametrize("path", [FAULTS, "/_emulator/requests", "/_emulator/accounts/nobody", "/_emulator/nothing"])
def test_no_page_elsewhere_can_read_include_or_embed_an_answer(emulator: Emulator, path: str) -> None:
    for headers in ({}, {"Host": "evil.example"}):
        answered = Caller(emulator.netosecret).send("GET", path, headers=headers).headers
        assert answered["X-Content-Type-Options"] == "nosniff"
        assert answered["Cross-Origin-Resource-Policy"] == "same-origin"
        assert "frame-ancestors 'none'" in answered["Content-Security-Policy"]
        assert answered["Cache-Control"] == "no-store"
        assert not [name for name in answered if name.lower().startswith("access-control-")]
