"""Proxies on loopback: one records requests and forwards none, one forwards to a single port."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

NAMES = ("http_proxy", "https_proxy", "all_proxy", "grpc_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")
"""The variables in which tools look for a proxy."""


class RecordingProxy:
    """``asked`` has the first line of every request that it received."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.asked: list[str] = []

    def variables(self, **more: str) -> dict[str, str]:
        """Return an environment in which every request uses the proxy, and ``more``."""
        return {**dict.fromkeys(NAMES, self.url), **more}


@contextmanager
def recording_proxy() -> Iterator[RecordingProxy]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        proxy = RecordingProxy(f"http://127.0.0.1:{listener.getsockname()[1]}")

        def serve() -> None:
            with contextlib.suppress(OSError):
                while True:
                    connection, _ = listener.accept()
                    with connection, contextlib.suppress(OSError):
                        connection.settimeout(10)
                        proxy.asked.append(connection.recv(65536).partition(b"\r\n")[0].decode("latin-1"))
                        connection.sendall(
                            b"HTTP/1.1 502 Bad Service\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
                        )

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield proxy
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            thread.join()


@contextmanager
def forwarding_proxy(port: int) -> Iterator[RecordingProxy]:
    """Yield a proxy that opens every tunnel to the same port of this machine."""
    tunnels: list[threading.Thread] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:
        proxy = RecordingProxy(f"http://127.0.0.1:{listener.getsockname()[1]}")

        def tunnel(client: socket.socket) -> None:
            with client, socket.create_connection(("127.0.0.1", port), timeout=10) as service:
                proxy.asked.append(client.recv(65536).partition(b"\r\n")[0].decode("latin-1"))
                client.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
                upwards = threading.Thread(target=_copy, args=(client, service))
                upwards.start()
                _copy(service, client)
                upwards.join()

        def serve() -> None:
            with contextlib.suppress(OSError):
                while True:
                    client, _ = listener.accept()
                    client.settimeout(10)
                    tunnels.append(threading.Thread(target=tunnel, args=(client,)))
                    tunnels[-1].start()

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield proxy
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            for each in (thread, *tunnels):
                each.join()


def _copy(source: socket.socket, target: socket.socket) -> None:
    """Copy until one of both ends, and end both."""
    with contextlib.suppress(OSError):
        while piece := source.recv(65536):
            target.sendall(piece)
    for each in (source, target):
        with contextlib.suppress(OSError):
            each.shutdown(socket.SHUT_RDWR)
