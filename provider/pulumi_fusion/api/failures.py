"""What the HTTP library's errors mean: the phase in which a request failed, and why, in a few words.

The library's own texts are not shown: they contain urls, proxies and with them passwords.
"""

from __future__ import annotations

import os
import shlex
import socket
import ssl
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from http.client import HTTPException, IncompleteRead, RemoteDisconnected
from typing import Final

import requests
import urllib3

from pulumi_fusion.api.network import BUNDLES
from pulumi_fusion.errors import capped

__all__ = ["LIBRARY_ERRORS", "Cause", "explain"]

LIBRARY_ERRORS: Final = (
    requests.RequestException,
    urllib3.exceptions.HTTPError,
    HTTPException,
    OSError,
    ValueError,
)
"""What requests and urllib3 raise."""


@dataclass(frozen=True)
class Cause:
    """Why an exchange failed.

    Args:
        reason: In a few words; "" where it took too long.
        sent: False where nothing was sent; True where it was, or may have been.
        permanent: Sending it again can't help.
        next_step: What to do, where it differs from the usual advice.
    """

    reason: str
    sent: bool = True
    permanent: bool = False
    next_step: str | None = None


# What urllib3 and requests raise before they send a request, like urllib3's Retry: no connection, none through the
# proxy, or an invalid request. After any other exception the request may have been sent.
_BEFORE_SENDING: Final = (
    urllib3.exceptions.ConnectTimeoutError,  # and its subclasses: no connection, no address for the name
    urllib3.exceptions.ProxyError,
    urllib3.exceptions.LocationValueError,
    requests.exceptions.InvalidURL,
    requests.exceptions.InvalidSchema,
    requests.exceptions.MissingSchema,
)

# The first entry that fits any exception of the chain, innermost first: the reason, and whether it is permanent.
_TOO_LONG: Final = ""
_REASONS: Final[tuple[tuple[type[BaseException], str, bool], ...]] = (
    (ssl.SSLError, "TLS could not be agreed", True),
    (urllib3.exceptions.SSLError, "TLS could not be agreed", True),
    (socket.gaierror, "name not found", False),
    (TimeoutError, _TOO_LONG, False),
    (ConnectionRefusedError, "connection refused", False),
    (RemoteDisconnected, "connection closed without an answer", False),
    (ConnectionError, "connection reset", False),
    (IncompleteRead, "the answer was cut short", False),
    (urllib3.exceptions.LocationValueError, "the url, or that of the proxy, cannot be used", True),
    (requests.exceptions.InvalidURL, "the url, or that of the proxy, cannot be used", True),
    (requests.exceptions.InvalidSchema, "the url, or that of the proxy, cannot be used", True),
    (urllib3.exceptions.DecodeError, "the answer could not be decompressed", False),
    (HTTPException, "the answer is not HTTP", False),
    (urllib3.exceptions.ProtocolError, "the answer is not HTTP", False),
)


# OpenSSL's codes for a certificate whose authority is not among those that are trusted (x509_vfy.h).
_UNKNOWN_AUTHORITY: Final = frozenset({2, 18, 19, 20, 21})


def explain(error: BaseException, environ: Mapping[str, str]) -> Cause:
    """Return the cause of an error of the library.

    Args:
        error: What it raised.
        environ: The environment that proxies and certificates were taken from.
    """
    chain = list(_chain(error))
    cause = _missing_socks(chain) or _unusable_bundle(error, chain, environ) or _certificate(chain)
    if cause:
        return cause
    reason, permanent = _reason(error, chain)
    if reason and any(_is_of_proxy(link) for link in chain):
        reason += " (at the proxy)"
    return Cause(reason, not any(isinstance(link, _BEFORE_SENDING) for link in chain), permanent)


def _reason(error: BaseException, chain: Sequence[BaseException]) -> tuple[str, bool]:
    for link in reversed(chain):
        for kind, reason, permanent in _REASONS:
            if isinstance(link, kind):
                return reason, permanent
        if isinstance(link, OSError) and link.errno is not None:
            return os.strerror(link.errno).lower(), False
        if _is_of_socks(link):  # urllib3 makes a timeout of it
            break
    if any(_is_of_proxy(link) for link in chain):
        return "the request was refused", False
    return f"the exchange failed ({type(error).__name__})", False


def _is_of_proxy(link: BaseException) -> bool:
    return isinstance(link, requests.exceptions.ProxyError) or _is_of_socks(link)


def _is_of_socks(link: BaseException) -> bool:
    return type(link).__module__ == "socks"  # PySocks, which need not be installed


def _certificate(chain: Sequence[BaseException]) -> Cause | None:
    """Return why a certificate was not accepted, if that is the cause."""
    error = next((link for link in reversed(chain) if isinstance(link, ssl.SSLCertVerificationError)), None)
    if error is None:
        return None
    proxy = " (at the proxy)" if any(_is_of_proxy(link) for link in chain) else ""
    advice = (
        "Nothing was sent. If a proxy or the service has a certificate of your own authority, set REQUESTS_CA_BUNDLE "
        "to a PEM file with the authority's certificate, then run it again."
    )
    return _permanent(
        f"TLS certificate not accepted: {capped(error.verify_message.rstrip('.'))}{proxy}",
        advice if error.verify_code in _UNKNOWN_AUTHORITY else None,
    )


def _unusable_bundle(error: BaseException, chain: Sequence[BaseException], environ: Mapping[str, str]) -> Cause | None:
    """Return what is wrong with the file of trusted certificates, if that is the cause."""
    variable = next((name for name in BUNDLES if environ.get(name)), "REQUESTS_CA_BUNDLE")
    advice = f"Nothing was sent. Set {variable} to a PEM file with certificates, or unset it, then run it again."
    # What requests raises for a file that does not exist.
    if type(error) is OSError and error.errno is None and not error.__cause__:
        return _permanent(f"the certificate bundle that {variable} names cannot be read", advice)
    if any(isinstance(link, ssl.SSLError) and link.library in ("X509", "PEM") for link in chain):
        return _permanent(f"the certificate bundle that {variable} names contains no certificate", advice)
    return None


def _missing_socks(chain: Sequence[BaseException]) -> Cause | None:
    """Return what keeps a SOCKS proxy from being used, if that is the cause."""
    for link in chain:
        if isinstance(link, requests.exceptions.InvalidSchema) and "SOCKS" in str(link):
            return _permanent(
                "the proxy is a SOCKS proxy, and PySocks is not installed",
                f"Nothing was sent. Install it with: {shlex.quote(sys.executable)} -m pip install pysocks",
            )
        if isinstance(link, ValueError) and "SOCKS version" in str(link):
            return _permanent(
                "the url of the proxy does not name a SOCKS version",
                "Nothing was sent. Write HTTPS_PROXY or ALL_PROXY as socks5h://HOST:PORT, then run it again.",
            )
    return None


def _permanent(reason: str, next_step: str | None) -> Cause:
    """Return a cause before anything was sent, which stays until someone changes the set-up."""
    return Cause(reason, sent=False, permanent=True, next_step=next_step)


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    """Yield the exception and what led to it, by every attribute in which urllib3 and requests keep it."""
    seen: set[int] = set()
    waiting: list[object] = [error]
    while waiting:
        link = waiting.pop(0)
        if not isinstance(link, BaseException) or id(link) in seen:
            continue
        seen.add(id(link))
        yield link
        waiting += [getattr(link, "reason", None), *link.args, link.__cause__, link.__context__]
