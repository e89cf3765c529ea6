"""The address that the emulator listens on: loopback unless another one is allowed."""

from __future__ import annotations

import ipaddress
import socket
from dataclasses import dataclass
from typing import Final

from fusion_emulator.loopback import LOOPBACK

__all__ = ["REMOTE", "Address", "HostError", "is_address", "resolve"]

REMOTE: Final = (
    "anyone who can connect to it can read and change everything in the emulator, credentials included, through its "
    "control routes; connections are plain HTTP"
)


class HostError(ValueError):
    """The emulator cannot or must not listen on that host; the text states what to do."""


@dataclass(frozen=True)
class Address:
    """An address of this machine: as it was ``named``, and the IP address of it."""

    named: str
    ip: str
    family: socket.AddressFamily

    @property
    def is_remote(self) -> bool:
        """Whether other machines can reach it."""
        return not _parsed(self.ip).is_loopback

    @property
    def local(self) -> str:
        """The host of a URL by which programs of this machine reach it."""
        parsed = _parsed(self.ip)
        if parsed.is_unspecified:
            return LOOPBACK
        if self.is_remote and not is_address(self.named):
            return self.named
        return f"[{parsed}]" if parsed.version == 6 else str(parsed)


def resolve(host: str, *, allow_remote: bool) -> Address:
    """Return the address of a host: an IP address, or a name of which the first IPv4 or else IPv6 address counts.

    Raises:
        HostError: The name does not exist, or other machines could reach the address and ``allow_remote`` is not set.
    """
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise HostError(f"{host!r} is not an address or name of this machine: {error}") from None
    family, _, _, _, address = min(found, key=lambda each: each[0] != socket.AF_INET)
    chosen = Address(host, str(address[0]), family)
    if chosen.is_remote and not allow_remote:
        raise HostError(
            f"{host!r} is not a loopback address: {REMOTE}. Use 127.0.0.1, or accept that with --allow-remote "
            "(in Python: allow_remote=True)"
        )
    return chosen


def _parsed(ip: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    parsed = ipaddress.ip_address(ip)
    return getattr(parsed, "ipv4_mapped", None) or parsed


def is_address(text: str) -> bool:
    """Return whether a text is an IP address."""
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True
