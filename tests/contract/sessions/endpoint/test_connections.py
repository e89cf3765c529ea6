"""The limits of an endpoint's connections: their number, their time, and their share by user."""

from __future__ import annotations

import contextlib
import itertools
import os
import resource
import select
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator

import pytest
import requests

from fusion_emulator import Emulator
from pulumi_fusion import FusionClient
from pulumi_fusion.sessions import connection as connection_module
from pulumi_fusion.sessions import conversation, listener
from pulumi_fusion.sessions.access import Access
from pulumi_fusion.sessions.endpoint import Endpoint
from pulumi_fusion.sessions.peers import user_of
from tests.contract.sessions.endpoint.asking import bearer, connected, head, raw


def test_binding_the_port_sends_no_dns_query(access: Access, monkeypatch: pytest.MonkeyPatch) -> None:
    def asked(*_: object) -> None:
        raise AssertionError("a name server was asked")

    with monkeypatch.context() as within:
        for name in ("getfqdn", "gethostbyaddr", "gethostbyname", "getnameinfo", "getaddrinfo"):
            within.setattr(socket, name, asked)
        Endpoint(access).close()


def test_requests_are_served_concurrently(endpoint: Endpoint) -> None:
    with FusionClient(netosecret=endpoint.netosecret.reveal(), deadline=30) as inside:
        seen: list[int] = []
        threads = [threading.Thread(target=lambda: seen.append(len(inside.list_users()))) for _ in range(20)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert seen == [1] * 20
    assert endpoint.access.counts()["requests"] == {"GET": 20}


@pytest.fixture
def small(access: Access) -> Iterator[Endpoint]:
    """An endpoint that has 96 places, 24 of them for other users."""
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (256, limits[1]))
    try:
        running = Endpoint(access)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)
    running.start()
    yield running
    running.close()


def is_ended(connection: socket.socket) -> bool:
    """Wait until the endpoint ends the connection."""
    with contextlib.suppress(ConnectionError):
        return connection.recv(1) == b""
    return True


def is_open(connection: socket.socket) -> bool:
    connection.setblocking(False)
    try:
        return connection.recv(1) != b""
    except BlockingIOError:
        return True
    except ConnectionError:
        return False
    finally:
        connection.settimeout(20)


def answers(connection: socket.socket, endpoint: Endpoint, token: str) -> bool:
    connection.sendall(head(endpoint, "HEAD /api/v1/users HTTP/1.1", token=token))
    return connection.recv(65536).startswith(b"HTTP/1.1 200 ")


@pytest.mark.threat("fills-the-endpoint")
@pytest.mark.parametrize("begun", [b"", b"GET /api/v1/users HTTP/1.1\r\nHost: "])
@pytest.mark.parametrize("users", ["this user", "another user", "nobody knows"])
def test_idle_connections_are_closed_for_new_ones(
    small: Endpoint, begun: bytes, users: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = bearer(small)["Authorization"]
    known = {"this user": os.geteuid(), "another user": os.geteuid() + 1, "nobody knows": None}[users]
    monkeypatch.setattr(listener, "user_of", lambda _: known)
    with contextlib.ExitStack() as stack:
        kept = stack.enter_context(connected(small))
        assert answers(kept, small, token)
        for _ in range(200):
            stack.enter_context(connected(small)).sendall(begun)
        with connected(small) as late:
            assert answers(late, small, token)
        assert answers(kept, small, token)


@pytest.mark.threat("fills-the-endpoint")
def test_a_user_who_floods_the_endpoint_loses_his_own_connections(
    small: Endpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The command runs under another user than the session, and a third user attacks."""
    token = bearer(small)["Authorization"]
    users = itertools.chain([1_000_001], itertools.repeat(1_000_002, 100))
    monkeypatch.setattr(listener, "user_of", lambda _: next(users))
    with contextlib.ExitStack() as stack:
        slow = stack.enter_context(connected(small))
        flood = [stack.enter_context(connected(small)) for _ in range(100)]
        assert is_ended(flood[70])
        assert is_open(flood[-1])
        assert answers(slow, small, token)


def test_connections_beyond_the_limit_are_refused(small: Endpoint) -> None:
    token = bearer(small)["Authorization"]
    with contextlib.ExitStack() as stack:
        for _ in range(72):
            assert answers(stack.enter_context(connected(small)), small, token)
        refused = raw(small, head(small, "GET /api/v1/users HTTP/1.1", token=token))
        assert refused.startswith(b"HTTP/1.1 503 ")
        assert b"it has too many connections at once" in refused
    # A place is free again once the endpoint has seen an end.
    deadline = time.monotonic() + 30
    asked = head(small, "GET /api/v1/users HTTP/1.1", "Connection: close", token=token)
    while not raw(small, asked).startswith(b"HTTP/1.1 200 "):
        assert time.monotonic() < deadline


@pytest.mark.threat("fills-the-endpoint")
@pytest.mark.parametrize(
    "begun",
    [
        b"",
        b"G",
        b"GET /api/v1/users HTTP/1.1\r\nHost: ",
        b"POST /api/v1/auth/token HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Length: 1000\r\n\r\n{",
        b"POST /api/v1/auth/token HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nTransfer-Encoding: chunked\r\n\r\n1",
    ],
)
def test_an_unauthenticated_connection_is_closed_after_a_few_seconds(
    endpoint: Endpoint, begun: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The limit is for the whole time, not for a pause between two bytes."""
    token = bearer(endpoint)["Authorization"]
    with connected(endpoint) as known:
        assert answers(known, endpoint, token)
        monkeypatch.setattr(connection_module, "_UNAUTHENTICATED_SECONDS", 0.5)
        with connected(endpoint) as unknown:
            unknown.sendall(begun.replace(b"{port}", str(endpoint.port).encode()))
            with contextlib.suppress(ConnectionError):
                while not select.select([unknown], [], [], 0.05)[0]:
                    unknown.sendall(b"a")
            assert is_ended(unknown)
        assert answers(known, endpoint, token)


def test_a_head_must_be_complete_within_a_few_seconds(endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch) -> None:
    token = bearer(endpoint)["Authorization"]
    monkeypatch.setattr(conversation, "_HEAD", 0.3)
    with connected(endpoint) as known:
        assert answers(known, endpoint, token)
        known.sendall(b"GET /api/v1/users HTTP/1.1\r\n")
        assert is_ended(known)


# Opens more connections than there are places, again and again, and sends the same over each of them time and again.
ATTACK = """
import os, socket, sys
"".encode("idna")  # which is loaded late, and perhaps from where another user may not read
if os.getuid() == 0:
    os.setgroups([])
    os.setgid(65534)
    os.setuid(65534)
port, sent, held, opened = int(sys.argv[1]), sys.argv[2].encode(), set(), 0
while True:
    for _ in range(800 - len(held)):
        try:
            each = socket.create_connection(("127.0.0.1", port), timeout=1)
        except OSError:
            break
        each.setblocking(False)
        held.add(each)
        opened += 1
        if opened == 600:
            print("up", flush=True)
    for each in [*held]:
        try:
            each.send(sent)
            ended = each.recv(1) == b""
        except BlockingIOError:
            ended = False
        except OSError:
            ended = True
        if ended:
            each.close()
            held.discard(each)
"""


@pytest.mark.threat("fills-the-endpoint")
@pytest.mark.parametrize(
    "sent",
    [
        "a",
        "GET /api/v1/users HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer x\r\n\r\n",
        "POST /api/v1/auth/token HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Length: 2\r\n\r\n{}",
        "POST /api/v1/auth/token HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Length: 9999\r\n\r\n{",
    ],
)
def test_requests_are_served_while_another_user_floods_the_endpoint(endpoint: Endpoint, sent: str) -> None:
    if os.geteuid() != 0 and sent != "a":
        pytest.skip("only root can be another user, and the same user is not turned away at once")
    port = str(endpoint.port)
    attack = [sys.executable, "-c", ATTACK, port, sent.replace("{port}", port)]
    with subprocess.Popen(attack, stdout=subprocess.PIPE, text=True) as attacker:
        try:
            assert attacker.stdout is not None
            assert attacker.stdout.readline() == "up\n"
            with FusionClient(netosecret=endpoint.netosecret.reveal(), deadline=60) as inside:
                for _ in range(20):
                    assert len(inside.list_users()) == 1
            headers = bearer(endpoint)
            for _ in range(20):  # each over a connection of its own
                assert requests.get(f"{endpoint.url}/api/v1/users", headers=headers, timeout=60).status_code == 200
            assert attacker.poll() is None
        finally:
            attacker.kill()


@pytest.mark.parametrize("asked", ["GET /api/v1/users HTTP/1.1", "PUT /api/v1/user/1 HTTP/1.0", "no HTTP"])
def test_another_user_without_the_token_is_refused(
    endpoint: Endpoint, emulator: Emulator, asked: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listener, "user_of", lambda _: os.geteuid() + 1)
    assert raw(endpoint, head(endpoint, asked, token="Bearer x")).startswith(b"HTTP/1.1 401 ")
    assert endpoint.access.counts()["refused"] == {"wrong credentials": 1}
    assert len(emulator.requests) == 0
    with connected(endpoint) as known:
        assert answers(known, endpoint, bearer(endpoint)["Authorization"])


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux can be asked whose a connection is")
def test_the_kernel_returns_the_user_of_a_connection() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        with socket.create_connection(server.getsockname()) as client:
            accepted, _ = server.accept()
            assert user_of(accepted) == os.geteuid()
            assert client.fileno() > 0
        with accepted:
            assert accepted.recv(1) == b""
            assert user_of(accepted) is None


def test_a_hundred_connections_at_once_fit_in_the_queue(endpoint: Endpoint) -> None:
    # What finds no place in the queue is sent again by the kernel after a second.
    with contextlib.ExitStack() as stack:
        for _ in range(100):
            stack.enter_context(socket.create_connection(("127.0.0.1", endpoint.port), timeout=0.95))
