"""The connections of an endpoint: how many, for how long, and for whom."""

from __future__ import annotations

import contextlib
import resource
import socket
import threading
import time

import pytest

from pulumi_fusion import FusionClient
from pulumi_fusion.sessions.access import Access
from pulumi_fusion.sessions.endpoint import Endpoint
from tests.contract.sessions.endpoint.asking import raw


def test_to_bind_asks_no_name_server(access: Access, monkeypatch: pytest.MonkeyPatch) -> None:
    def asked(*_: object) -> None:
        raise AssertionError("a name server was asked")

    with monkeypatch.context() as within:
        for name in ("getfqdn", "gethostbyaddr", "gethostbyname", "getnameinfo", "getaddrinfo"):
            within.setattr(socket, name, asked)
        Endpoint(access).close()


def test_many_ask_at_once(endpoint: Endpoint) -> None:
    with FusionClient(netosecret=endpoint.netosecret.reveal(), deadline=30) as inside:
        seen: list[int] = []
        threads = [threading.Thread(target=lambda: seen.append(len(inside.list_users()))) for _ in range(20)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert seen == [1] * 20
    assert endpoint.access.counts()["requests"] == {"GET": 20}


def test_connections_beyond_what_the_helper_can_hold_are_turned_away(access: Access) -> None:
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (256, limits[1]))
    running = Endpoint(access)
    resource.setrlimit(resource.RLIMIT_NOFILE, limits)
    running.start()
    with contextlib.ExitStack() as stack:
        for _ in range(96):
            held = stack.enter_context(socket.create_connection(("127.0.0.1", running.port), timeout=10))
            held.sendall(b"GET /api/v1/users HTTP/1.1\r\nHost: ")
        assert raw(running, b"") == b""
        held.shutdown(socket.SHUT_RDWR)
        deadline = time.monotonic() + 30
        while not raw(running, b"GET / HTTP/1.1\r\nConnection: close\r\n\r\n").startswith(b"HTTP/1.1 403"):
            assert time.monotonic() < deadline
    running.close()


def test_a_hundred_at_once_need_not_wait_to_connect(endpoint: Endpoint) -> None:
    # What finds no place in the queue is sent again by the kernel after a second.
    with contextlib.ExitStack() as stack:
        for _ in range(100):
            stack.enter_context(socket.create_connection(("127.0.0.1", endpoint.port), timeout=0.95))
