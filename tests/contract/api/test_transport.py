"""The transport against the emulator: deadlines, interrupts, connections, and what is sent in headers."""

from __future__ import annotations

import contextlib
import gc
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest

from fusion_emulator import Emulator, black_hole
from pulumi_fusion.api import transport
from pulumi_fusion.api.adapter import Connection
from pulumi_fusion.api.client import FusionClient
from pulumi_fusion.api.exchange import Exchange
from pulumi_fusion.deadline import Deadline
from pulumi_fusion.errors import (
    Cancelled,
    DeadlineExceeded,
    FusionError,
    InDoubt,
    NotSent,
    Unauthorized,
    Unrecognised,
)
from tests.contract.api.conftest import customer

TOKEN = "/api/v1/auth/token"


@pytest.mark.parametrize("fault", ["hang", "slice=0.05 size=1"])
def test_a_response_that_hangs_or_drips_ends_with_the_deadline(
    emulator: Emulator, client: FusionClient, fault: str
) -> None:
    client.list_customers()
    emulator.faults.add(f"POST /customer {fault}")
    began = time.monotonic()
    with pytest.raises(InDoubt, match="no answer within"):
        client.within(Deadline(1.5)).create_customer(customer("acmecorp"))
    assert time.monotonic() - began < 1.5 + 5


def test_a_connection_without_an_answer_ends_with_the_deadline(emulator: Emulator) -> None:
    with black_hole() as url, FusionClient(netosecret=emulator.netosecret, api_url=url) as client:
        began = time.monotonic()
        with pytest.raises(NotSent, match="no connection within"):
            client.within(Deadline(1.5)).create_customer(customer("acmecorp"))
        assert time.monotonic() - began < 1.5 + 5


def test_nothing_is_sent_after_a_slow_name_server(
    emulator: Emulator, client: FusionClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    client.list_customers()
    client.close()
    resolve = socket.getaddrinfo

    def slow(*args: object, **kwargs: object) -> object:
        time.sleep(1.5)
        return resolve(*args, **kwargs)  # type: ignore[arg-type]

    monkeypatch.setattr(socket, "getaddrinfo", slow)
    with pytest.raises(DeadlineExceeded):
        client.within(Deadline(1)).create_customer(customer("acmecorp"))
    assert emulator.requests.of("POST", "/customer") == []


@pytest.mark.parametrize(
    ("fault", "kind"),
    [("POST /customer hang", InDoubt), ("POST /auth/token hang", Cancelled), ("POST /customer 429", Cancelled)],
)
def test_an_interrupt_ends_every_wait(
    emulator: Emulator, client: FusionClient, fault: str, kind: type[FusionError]
) -> None:
    emulator.faults.add(fault)
    method, path = fault.split()[:2]
    cancelled = threading.Event()
    pressed: list[float] = []

    def press() -> None:
        end = time.monotonic() + 30
        while not emulator.requests.of(method, path) and time.monotonic() < end:
            time.sleep(0.01)
        time.sleep(0.3)  # from the request to the wait
        cancelled.set()
        pressed.append(time.monotonic())

    threading.Thread(target=press).start()
    with pytest.raises(kind):
        client.within(Deadline(120, cancelled=cancelled)).create_customer(customer("acmecorp"))
    assert time.monotonic() - pressed[0] < 15  # each wait lasts 30 s or longer
    sent = len(emulator.requests)
    with pytest.raises(Cancelled):
        client.within(Deadline(60, cancelled=cancelled)).create_customer(customer("acmecorp"))
    assert len(emulator.requests) == sent


def test_a_connection_through_a_tls_proxy_is_broken_off() -> None:
    """There the connection is an object of urllib3 around the socket."""
    with contextlib.ExitStack() as stack:
        here, there = (stack.enter_context(each) for each in socket.socketpair())
        exchange = Exchange("read the customer", Deadline(5))
        exchange.start_sending(SimpleNamespace(socket=here))
        exchange.break_off("it was interrupted")
        assert there.recv(1) == b""


def test_a_finished_exchange_breaks_off_no_connection_that_another_one_uses() -> None:
    with contextlib.ExitStack() as stack:
        here, there = (stack.enter_context(each) for each in socket.socketpair())
        exchange = Exchange("read the customer", Deadline(5))
        exchange.start_sending(here)
        exchange.end()
        exchange.break_off("it was interrupted")
        here.sendall(b"x")
        assert there.recv(1) == b"x"


def test_nothing_is_sent_after_the_deadline(emulator: Emulator, client: FusionClient) -> None:
    with pytest.raises(DeadlineExceeded, match="'acmecorp'"):
        client.within(Deadline(0)).create_customer(customer("acmecorp"))
    assert len(emulator.requests) == 0


def test_a_failed_token_request_means_that_the_create_was_not_sent(emulator: Emulator, client: FusionClient) -> None:
    for fault in ("500", "html-404", "cut-body", "reset"):
        emulator.faults.clear()
        emulator.faults.add(f"POST {TOKEN} {fault}")
        with pytest.raises(NotSent, match="Could not create the customer 'acmecorp': no access token"):
            client.within(Deadline(1)).create_customer(customer("acmecorp"))
    assert emulator.requests.of("*", "/customer*") == []


def test_a_refused_connection_and_a_failed_tls_handshake_are_not_sent(emulator: Emulator) -> None:
    with FusionClient(netosecret=emulator.netosecret, api_url=emulator.url.replace("http", "https")) as tls:
        with pytest.raises(NotSent, match="TLS") as caught:
            tls.list_customers()
        assert caught.value.permanent  # so it is not repeated
    with socket.socket() as unheard:
        unheard.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unheard.getsockname()[1]}"
        with pytest.raises(NotSent, match="connection refused"):
            FusionClient(netosecret=emulator.netosecret, api_url=url, deadline=3).list_customers()


def test_a_redirect_is_not_followed(emulator: Emulator, client: FusionClient) -> None:
    with Emulator() as other:
        emulator.faults.add(f"GET * redirect={other.url}/api/v1/customers x9")
        with pytest.raises(Unrecognised, match="not followed"):
            client.within(Deadline(1)).list_customers()
        assert len(other.requests) == 0


def test_a_netrc_does_not_replace_the_token(
    emulator: Emulator, client: FusionClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login somebody password else\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    assert client.list_customers() == []
    assert [entry.status for entry in emulator.requests] == [200, 200]


@contextlib.contextmanager
def recording_server() -> Iterator[tuple[str, list[bytes]]]:
    """A server that records what it receives and answers each connection with a token."""
    received: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def answer() -> None:
            with contextlib.suppress(OSError):
                while True:
                    connection, _ = listener.accept()
                    with connection:
                        received.append(connection.recv(65536))
                        body = b'{"access_token": "abcdefgh"}'
                        connection.sendall(
                            b"HTTP/1.1 200 OK\r\nSet-Cookie: sticky=1\r\nConnection: close\r\n"
                            b"Content-Length: %d\r\n\r\n%s" % (len(body), body)
                        )

        thread = threading.Thread(target=answer)
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}", received
        listener.shutdown(socket.SHUT_RDWR)
        thread.join()


def test_headers_of_a_request(emulator: Emulator) -> None:
    with recording_server() as (url, received):
        for _ in range(2):
            with (
                contextlib.suppress(Unrecognised),
                FusionClient(netosecret=emulator.netosecret, api_url=url, deadline=1) as client,
            ):
                client.list_customers()
    assert received[0].startswith(b"POST /api/v1/auth/token HTTP/1.1\r\n")
    assert b"User-Agent: pulumi-fusion/" in received[0]
    assert b" requests/" in received[0]
    assert b"Accept: application/json\r\n" in received[0]
    assert not [request for request in received if b"Cookie" in request]


def test_a_connection_is_reused_unless_it_was_idle_for_long(
    emulator: Emulator, client: FusionClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[Connection] = []

    def connection() -> Connection:
        opened.append(Connection())
        return opened[-1]

    monkeypatch.setattr(transport, "Connection", connection)
    for _ in range(10):
        client.list_customers()
    assert len(opened) == 1
    monkeypatch.setattr(transport, "IDLE_SECONDS", 0.0)
    client.list_customers()
    assert len(opened) == 2


def test_a_client_that_is_no_longer_used_closes_its_connections(emulator: Emulator) -> None:
    def connections() -> int:
        opened = psutil.Process().net_connections("tcp")
        return sum(bool(each.raddr) and each.raddr.port == emulator.port for each in opened)

    gc.disable()
    try:
        client = FusionClient(netosecret=emulator.netosecret, api_url=emulator.url)
        client.list_customers()
        assert connections() == 1
        del client
        assert connections() == 0
    finally:
        gc.enable()


def test_a_response_after_early_hints_is_not_read_by_the_next_request(emulator: Emulator, client: FusionClient) -> None:
    emulator.seed("other-one")
    emulator.faults.add("POST /customer early-hints=0.3 x1")
    with pytest.raises(Unrecognised, match="103 Early Hints"):
        client.create_customer(customer("acmecorp"))
    assert client.get_customer("other-one").shortname == "other-one"
    assert len(emulator.requests.of("GET", "/customer/*")) == 1


def test_an_idle_connection_closed_by_the_service_is_replaced(emulator: Emulator, client: FusionClient) -> None:
    client.list_customers()
    port = emulator.port
    emulator.stop()
    with Emulator(port=port) as again, contextlib.suppress(Unauthorized):
        client.list_customers()
        assert len(again.requests) >= 1
