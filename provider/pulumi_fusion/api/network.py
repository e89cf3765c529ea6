"""What this machine's environment decides about a connection. Pure: no socket is opened and no name is resolved."""

from __future__ import annotations

import ipaddress
import socket

__all__ = ["is_loopback"]


def is_loopback(host: str) -> bool:
    """Return whether a host, as a URL writes it, can only be this machine: 127.0.0.0/8, ::1 or localhost.

    In every form that a resolver takes for an address without asking DNS: ``localhost.``, ``127.1``,
    ``::ffff:127.0.0.1``.
    """
    bare = host.lower().strip("[]").rstrip(".")
    if bare == "localhost":
        return True
    address: ipaddress.IPv4Address | ipaddress.IPv6Address
    try:
        address = ipaddress.ip_address(bare)
    except ValueError:
        try:
            address = ipaddress.IPv4Address(socket.inet_aton(bare))
        except (OSError, ValueError):
            return False
    mapped = getattr(address, "ipv4_mapped", None)  # since Python 3.13 these are loopback by themselves
    return (mapped or address).is_loopback
