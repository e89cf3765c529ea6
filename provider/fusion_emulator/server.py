"""The emulator's server."""

from __future__ import annotations

import contextlib
import errno
import socket
import socketserver
import sys
import threading
from typing import TYPE_CHECKING, Any

from fusion_emulator.app import make_app
from fusion_emulator.handler import Handler
from fusion_emulator.listening import Address, HostError
from fusion_emulator.service import Service

if TYPE_CHECKING:
    from fusion_emulator.emulator import Emulator

__all__ = ["PortInUse", "Server"]


class PortInUse(RuntimeError):
    """Another process listens on that port."""


class Server(socketserver.ThreadingMixIn, socketserver.TCPServer):
    """One thread per connection; all of them end with the server."""

    request_queue_size = 128
    # A port that was just released can be used again: the same URL after a restart.
    allow_reuse_address = True
    # Seconds between two polls of ``accept``, where a process has no descriptor left for its last connection.
    timeout = 5.0

    def __init__(self, address: Address, port: int, service: Service, emulator: Emulator) -> None:
        """Listen on a port.

        Args:
            address: The address.
            port: The port; 0 chooses a free one.
            service: Answers the requests.
            emulator: Has the faults and the journal, and is changed by the control routes.

        Raises:
            HostError: The address is not one of this machine.
            PortInUse: Another process listens on the port.
        """
        self.address_family = address.family
        self.service = service
        self.emulator = emulator
        self.app = make_app()
        self.stopping = threading.Event()
        self._connections: dict[socket.socket, threading.Thread] = {}
        self._connections_lock = threading.Lock()
        try:
            super().__init__((address.ip, port), Handler)
        except OSError as error:
            if error.errno in (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT, errno.EINVAL):
                raise HostError(f"{address.named!r} is not an address of this machine") from None
            if error.errno in (errno.EADDRINUSE, errno.EACCES):
                raise PortInUse(f"port {port} cannot be used: {error.strerror}") from None
            raise

    def server_bind(self) -> None:
        """Bind the socket; the IPv6 address for all interfaces is that of the IPv4 ones as well."""
        if self.address_family == socket.AF_INET6:
            self.socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        super().server_bind()

    def process_request(self, request: Any, client_address: Any) -> None:
        """Serve a connection in a daemon thread, so that a process may end without stopping its emulator."""
        thread = threading.Thread(target=self.process_request_thread, args=(request, client_address), daemon=True)
        with self._connections_lock:
            self._connections[request] = thread
        thread.start()

    def shutdown_request(self, request: Any) -> None:
        """Close a connection."""
        with self._connections_lock:
            self._connections.pop(request, None)
        super().shutdown_request(request)

    def accept(self) -> None:
        """Accept connections until ``stop_accepting``."""
        while not self.stopping.is_set():
            self.handle_request()

    def stop_accepting(self) -> None:
        """End every wait of a handler, and ``accept`` by one last connection, or at its next poll without one."""
        self.stopping.set()
        with contextlib.suppress(OSError):
            socket.create_connection(
                (self.emulator.address.local.strip("[]"), self.server_address[1]), timeout=1
            ).close()

    def end(self) -> None:
        """End the reads of idle connections, then every thread and socket."""
        with self._connections_lock:
            threads = list(self._connections.values())
            for connection in self._connections:
                with contextlib.suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)
        for thread in threads:
            thread.join()
        self.server_close()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Report a defect of the emulator, but not a connection that its client dropped."""
        if not isinstance(sys.exc_info()[1], ConnectionError | TimeoutError):
            super().handle_error(request, client_address)
