"""What a connection is decided by. Pure: no socket is opened and no name is resolved."""

from __future__ import annotations

import ipaddress
import re
import socket
from collections.abc import Mapping
from typing import Final

__all__ = ["BUNDLES", "certificate_file", "certificate_folders", "is_loopback", "percent_encoded"]

BUNDLES: Final = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE")
"""The variables that name a file of trusted certificates; the first that is set counts, and replaces the usual ones."""

_STRAY_PERCENT: Final = re.compile(r"%(?![0-9A-Fa-f]{2})")


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


def percent_encoded(path: str) -> str:
    """Return a path, perhaps with a query, in which every percent sign begins an encoded byte.

    Where one does not, requests and urllib3 encode all of them once more, also those of what is encoded already.
    """
    return _STRAY_PERCENT.sub("%25", path)


def certificate_file(environ: Mapping[str, str]) -> str | None:
    """Return the file of trusted certificates that OpenSSL's variable names; requests reads the other two itself."""
    return environ.get("SSL_CERT_FILE") or None


def certificate_folders(environ: Mapping[str, str]) -> str | None:
    """Return the folders of trusted certificates, separated by colons, that count in addition to the file.

    As for OpenSSL: https://docs.openssl.org/master/man3/SSL_CTX_load_verify_locations/. None if one of the variables
    of requests names the trusted certificates.
    """
    if environ.get("REQUESTS_CA_BUNDLE") or environ.get("CURL_CA_BUNDLE"):
        return None
    return environ.get("SSL_CERT_DIR") or None
