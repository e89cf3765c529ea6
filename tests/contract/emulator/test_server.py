"""The server and the Emulator object: start, stop, connections, log, and changes without a request."""

from __future__ import annotations

import io
import json
import socket
import threading
import time
from collections.abc import Callable
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from fusion_emulator import ROOT, Emulator, PortInUse, Refused, UnknownSwitch
from tests.contract.emulator.caller import Caller, customer


def test_the_emulator_listens_on_loopback_only(emulator: Emulator) -> None:
    assert urlsplit(emulator.url).hostname == "127.0.0.1"
    with socket.socket() as elsewhere:
        # 127.0.0.2 is this machine as well: a server on 0.0.0.0 would use the port there.
        elsewhere.bind(("127.0.0.2", emulator.port))


def test_a_started_emulator_is_ready_and_prints_nothing(capfd: pytest.CaptureFixture[str]) -> None:
    with Emulator() as emulator:
        assert Caller(emulator.netosecret).authenticate().status == 200
    assert capfd.readouterr() == ("", "")


def test_a_connection_stays_open_after_answers_of_every_kind(emulator: Emulator, caller: Caller) -> None:
    connection = HTTPConnection("127.0.0.1", emulator.port, timeout=30)
    connection.connect()
    first = connection.sock
    headers = {"Authorization": f"Bearer {caller.token}", "Content-Type": "application/json"}
    statuses = []
    for method, path, body in [
        ("POST", "/api/v1/customer", json.dumps(customer())),
        ("GET", "/api/v1/customer/nobody", None),
        ("GET", "/api/v1/customer/acme-one", None),
        ("HEAD", "/api/v1/customer/acme-one", None),
        ("DELETE", "/api/v1/customer/acme-one", None),
        ("GET", "/nowhere", None),
    ]:
        connection.request(method, path, body, headers)
        response = connection.getresponse()
        response.read()
        statuses.append(response.status)
        assert connection.sock is first
    connection.close()
    assert statuses == [201, 404, 200, 200, 204, 404]


def test_stop_ends_hanging_and_idle_connections(emulator: Emulator, caller: Caller) -> None:
    emulator.faults.add("GET /customers hang", "GET /customer/* delay=60")
    idle = HTTPConnection("127.0.0.1", emulator.port, timeout=30)
    idle.connect()
    ended: list[str] = []

    def ask(path: str) -> None:
        try:
            caller.send("GET", path)
        except OSError as error:
            ended.append(type(error).__name__)

    threads = [
        threading.Thread(target=ask, args=(path,)) for path in ("/api/v1/customers", "/api/v1/customer/acme-one")
    ]
    for thread in threads:
        thread.start()
    while not emulator.requests.of("GET", "/customers"):
        threading.Event().wait(0.005)
    started = time.monotonic()
    emulator.stop()
    assert time.monotonic() - started < 20  # the faults last 60 s and forever
    for thread in threads:
        thread.join(20)
    idle.close()
    assert len(ended) == 2
    assert not [thread for thread in threading.enumerate() if thread.name == "fusion-emulator"]


def test_stop_does_not_wait_for_a_client_that_does_not_read(emulator: Emulator, caller: Caller) -> None:
    emulator.faults.add("GET /customers huge")
    with socket.create_connection(("127.0.0.1", emulator.port), timeout=30) as connection:
        head = f"GET /api/v1/customers HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {caller.token}\r\n\r\n"
        connection.sendall(head.encode())
        while not emulator.requests.of("GET", "/customers"):
            threading.Event().wait(0.005)
        started = time.monotonic()
        emulator.stop()
        assert time.monotonic() - started < 20  # otherwise it would wait forever


def test_a_port_in_use_raises_an_error_that_names_it(emulator: Emulator) -> None:
    second = Emulator(port=emulator.port)
    with pytest.raises(PortInUse, match=str(emulator.port)):
        second.start()


def test_accounts_in_memory_exist_as_long_as_the_emulator_object(emulator: Emulator, caller: Caller) -> None:
    caller.create()
    url, netosecret = emulator.url, emulator.netosecret
    emulator.stop()
    emulator.start()
    assert (emulator.url, emulator.netosecret) == (url, netosecret)
    assert caller.read().status == 200


def test_the_journal_has_every_request_and_no_secret() -> None:
    log = io.StringIO()
    with Emulator(log=log) as emulator:
        caller = Caller(emulator.netosecret)
        reply = caller.authenticate()
        caller.create(username="owner@example.com")
        caller.send("GET", "/api/v1/customer/x%0Aforged?token=abc")
        secrets = [
            *caller.secret.values(),
            reply.json["access_token"],
            reply.json["refresh_token"],
            "owner@example.com",
        ]
        entries = list(emulator.requests)
    assert [(entry.method, entry.path, entry.status) for entry in entries[:2]] == [
        ("POST", "/api/v1/auth/token", 200),
        ("POST", "/api/v1/customer", 201),
    ]
    assert (entries[1].account, entries[1].shortname, entries[1].genuine) == (ROOT, "acme-one", 201)
    assert set(entries[1].body_keys) == set(customer())
    assert len(log.getvalue().splitlines()) == 3
    assert "token=abc" not in log.getvalue()
    for secret in set(secrets) - {caller.secret["shortname"], caller.secret["url"], caller.secret["appname"]}:
        assert secret not in log.getvalue()
        assert secret not in repr(entries)


def test_the_journal_names_the_account_that_a_request_token_asks_for(emulator: Emulator) -> None:
    emulator.seed("acme-one")
    emulator.faults.add("POST /auth/token 503 skip=4 x1")
    shortnames = ["acme-one", "nobody", ROOT, "acme-one"]
    for shortname in shortnames:
        Caller(emulator.netosecret, shortname=shortname).authenticate()
    for key in (None, "x" * 64):
        Caller(emulator.netosecret).authenticate(key=key, shortname="acme-one")
    shown = [(entry.shortname, entry.account, entry.status) for entry in emulator.requests]
    assert shown == [
        ("acme-one", "acme-one", 200),
        ("nobody", None, 404),
        (ROOT, ROOT, 200),
        ("acme-one", "acme-one", 200),
        ("acme-one", None, 503),
        ("acme-one", None, 401),
    ]
    assert "account=- shortname=nobody" in emulator.requests[1].line()


def test_the_journal_numbers_access_tokens_and_notes_masquerading(emulator: Emulator) -> None:
    emulator.seed("acme-one")
    first, second = Caller(emulator.netosecret), Caller(emulator.netosecret, shortname="acme-one")
    for caller in (first, second):
        caller.authenticate()
        caller.names()
    first.send("GET", "/api/v1/customers", bearer="nonsense")
    shown = [(entry.token, entry.masquerade, entry.account) for entry in emulator.requests]
    assert shown == [(1, False, ROOT)] * 2 + [(2, True, "acme-one")] * 2 + [(None, False, None)]


@pytest.mark.parametrize(
    "change",
    [
        lambda emulator, text: emulator.seed("acme-one", organization=text),
        lambda emulator, text: emulator.seed("acme-one", username=f"{text}@example.com"),
        lambda emulator, text: emulator.edit(ROOT, organization=text),
        lambda emulator, text: emulator.edit_freely(ROOT, organization=text),
        lambda emulator, text: emulator.key(appname=text),
        lambda emulator, text: emulator.switch(types=f"{text}=SLG"),
    ],
)
def test_a_text_that_utf_8_cannot_encode_is_refused_without_a_request(
    tmp_path: Path, change: Callable[[Emulator, str], object]
) -> None:
    """Python's arguments have such texts, which the state file could not store."""
    with Emulator(state=tmp_path / "emulator" / "state.json") as emulator:
        with pytest.raises((Refused, UnknownSwitch)):
            change(emulator, "x\udcff")
        change(emulator, "é😀")
    emulator.start()
    emulator.stop()


def test_no_secret_is_in_a_repr(emulator: Emulator) -> None:
    caller = Caller(emulator.netosecret)
    shown = repr([emulator.root, emulator, emulator.users(), emulator.accounts()])
    assert caller.secret["sharedsecret"] not in shown
    assert caller.secret["appkey"] not in shown


def test_accounts_are_changed_without_a_request(emulator: Emulator, caller: Caller) -> None:
    seeded = emulator.seed("acme-one", retention=7, rollupRetention=7, trial=True, fps=5)
    assert caller.read().data["id"] == seeded.id
    emulator.edit("acme-one", retention=180, rollupRetention=365)
    assert caller.read().data["billing"]["data_retention"] == 180
    again = emulator.recreate("acme-one")
    assert again.id != seeded.id
    assert (again.retention, again.trial, again.fps) == (180, True, 5)
    emulator.seed("below-it", parent="acme-one")
    emulator.remove("acme-one")
    assert emulator.accounts() == ()
    with pytest.raises(KeyError):
        emulator.edit("acme-one", retention=7)
    with pytest.raises(Refused):
        emulator.seed("no")


def test_the_record_of_the_emulator_object_has_every_field(emulator: Emulator) -> None:
    emulator.seed("acme-one", fps=7)
    assert emulator.record("acme-one")["fps"] == 7


def test_expire_tokens_ends_every_access_token(emulator: Emulator, caller: Caller) -> None:
    emulator.expire_tokens()
    assert caller.read().status == 401
