"""The user who opened a loopback connection, on Linux."""

from __future__ import annotations

import socket
import struct
from typing import Final

__all__ = ["user_of"]

# https://man7.org/linux/man-pages/man7/sock_diag.7.html
_SOCK_DIAG: Final = 4
_BY_FAMILY: Final = 20
_REQUEST: Final = 1
_ESTABLISHED: Final = 1
_HEADER: Final = struct.Struct("=IHHII")  # length, type, flags, sequence, port
_QUERY: Final = struct.Struct("=BBBBI")  # family, protocol, extensions, padding, states
_ADDRESSES: Final = struct.Struct("!HH4s12x4s12x")
_ANY: Final = struct.pack("=III", 0, 0xFFFFFFFF, 0xFFFFFFFF)  # interface and cookie
_USER: Final = struct.Struct("=BB2x48x12xI")  # family, state, and the uid after addresses and queues


def user_of(connection: socket.socket) -> int | None:
    """Return the uid of the process that opened the connection, or None if the kernel doesn't return it."""
    if not hasattr(socket, "AF_NETLINK"):
        return None
    try:
        (here, port), (there, other) = connection.getsockname(), connection.getpeername()
        addresses = _ADDRESSES.pack(other, port, socket.inet_aton(there), socket.inet_aton(here))
        query = _QUERY.pack(socket.AF_INET, socket.IPPROTO_TCP, 0, 0, 0xFFFFFFFF) + addresses + _ANY
        with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, _SOCK_DIAG) as kernel:
            kernel.settimeout(0.1)
            kernel.send(_HEADER.pack(_HEADER.size + len(query), _BY_FAMILY, _REQUEST, 1, 0) + query)
            response = kernel.recv(4096)
        kind = _HEADER.unpack_from(response)[1]
        _, state, user = _USER.unpack_from(response, _HEADER.size)
    except (OSError, struct.error):  # a container may not allow the query
        return None
    # The kernel counts a connection that its process has closed as root's.
    return int(user) if kind == _BY_FAMILY and state == _ESTABLISHED else None
