"""Services that answer byte by byte what they were given to say."""

from __future__ import annotations

import contextlib
import queue
import socket
import threading
import time

from pulumi_fusion.sessions.endpoint import Endpoint


class Listening:
    """A server for one connection that keeps what it is sent and answers ``answer``."""

    def __init__(self, seen: list[bytes], answer: bytes = b"HTTP/1.1 204 No Content\r\n\r\n") -> None:
        self._seen = seen
        self._answer = answer

    def __enter__(self) -> str:
        self._socket = socket.create_server(("127.0.0.1", 0))
        threading.Thread(target=self._serve, daemon=True).start()
        return f"http://127.0.0.1:{self._socket.getsockname()[1]}"

    def _serve(self) -> None:
        connection, _ = self._socket.accept()
        with connection:
            received = b""
            while b"\r\n\r\n" not in received:
                received += connection.recv(65536)
            connection.sendall(self._answer)
            connection.settimeout(0.5)
            try:
                while piece := connection.recv(65536):
                    received += piece
            except TimeoutError:
                pass
            self._seen.append(received)

    def __exit__(self, *_: object) -> None:
        deadline = time.monotonic() + 30
        while not self._seen and time.monotonic() < deadline:
            time.sleep(0.01)
        self._socket.close()


class Upstream:
    """A service that gives one answer after the other, over as many connections as it is asked.

    After an answer that ends with :attr:`END` or :attr:`CUT` it closes the connection. ``heads`` are those of the
    requests, and ``rests`` has what came after the head of the last one before that.
    """

    END = b"<end of the connection>"
    CUT = b"<end of the connection, whatever is still sent>"

    def __init__(self, *answers: bytes) -> None:
        self._answers = list(answers)
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.heads: list[bytes] = []
        self.rests: queue.Queue[bytes] = queue.Queue()
        threading.Thread(target=self._accept, daemon=True).start()

    def serve(self, endpoint: Endpoint) -> Upstream:
        """Take the place of the service behind an endpoint."""
        endpoint.access.client._connection.transport.base_url = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        return self

    def __enter__(self) -> Upstream:
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._socket.accept()
                threading.Thread(target=self._answer, args=(connection,), daemon=True).start()

    def _answer(self, connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError):
            pending = b""
            while self._answers:
                while b"\r\n\r\n" not in pending:
                    if not (piece := connection.recv(65536)):
                        return
                    pending += piece
                head, _, pending = pending.partition(b"\r\n\r\n")
                self.heads.append(head)
                answer = self._answers.pop(0)
                connection.sendall(answer.removesuffix(self.END).removesuffix(self.CUT))
                if answer.endswith(self.CUT):
                    return
                if answer.endswith(self.END):
                    connection.shutdown(socket.SHUT_WR)
                    while piece := connection.recv(65536):
                        pending += piece
                    self.rests.put(pending)
                    return
