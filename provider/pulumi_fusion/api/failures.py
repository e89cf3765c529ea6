"""What the HTTP library's errors mean, in a few words: its own texts hold urls, proxies and with them passwords."""

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

__all__ = ["FOREIGN", "Cause", "explain"]

FOREIGN: Final = (
    requests.RequestException,
    urllib3.exceptions.HTTPError,
    HTTPException,
    OSError,
    ValueError,
)
"""All that the library raises."""


@dataclass(frozen=True)
class Cause:
    """Why an exchange failed: ``words`` (none where it took too long), whether a repeat is known to be useless
    (``lasting``), and the next step where it differs from the usual one.
    """

    words: str
    lasting: bool = False
    next_step: str | None = None


# The first entry that fits any exception of the chain, innermost first, says what happened and whether a repeat is
# known to be useless.
_TOO_LONG: Final = ""
_WORDS: Final[tuple[tuple[type[BaseException], str, bool], ...]] = (
    (ssl.SSLError, "TLS could not be agreed", True),
    (urllib3.exceptions.SSLError, "TLS could not be agreed", True),
    (socket.gaierror, "name not found", False),
    (TimeoutError, _TOO_LONG, False),
    (urllib3.exceptions.TimeoutError, _TOO_LONG, False),
    (ConnectionRefusedError, "connection refused", False),
    (RemoteDisconnected, "connection closed without an answer", False),
    (ConnectionError, "connection reset", False),
    (IncompleteRead, "the answer was cut short", False),
    (urllib3.exceptions.LocationValueError, "the url, or that of the proxy, cannot be used", True),
    (requests.exceptions.InvalidURL, "the url, or that of the proxy, cannot be used", True),
    (requests.exceptions.InvalidSchema, "the url, or that of the proxy, cannot be used", True),
    (urllib3.exceptions.DecodeError, "the answer could not be decompressed", False),
    (HTTPException, "the answer is no HTTP", False),
    (urllib3.exceptions.ProtocolError, "the answer is no HTTP", False),
)


# OpenSSL's codes for a certificate whose authority is not among those that are trusted (x509_vfy.h).
_UNKNOWN_AUTHORITY: Final = frozenset({2, 18, 19, 20, 21})


def explain(wrong: BaseException, environ: Mapping[str, str]) -> Cause:
    """Return the cause of an error of the library; ``environ`` is what it was set up by."""
    chain = list(_chain(wrong))
    known = _missing_socks(chain) or _bundle(wrong, chain, environ)
    if known:
        return known
    by_proxy = any(_is_of_proxy(link) for link in chain)
    proxy = " (at the proxy)" if by_proxy else ""
    for link in reversed(chain):
        if isinstance(link, ssl.SSLCertVerificationError):
            return _not_accepted(link, proxy)
        for kind, words, lasting in _WORDS:
            if isinstance(link, kind):
                return Cause(words and words + proxy, lasting)
        if isinstance(link, OSError) and link.errno is not None:
            return Cause(os.strerror(link.errno).lower() + proxy)
        if _is_of_socks(link):  # urllib3 makes a timeout of it
            break
    if by_proxy:
        return Cause("the proxy did not let it through")
    return Cause(f"the exchange failed ({type(wrong).__name__})")


def _is_of_proxy(link: BaseException) -> bool:
    return isinstance(link, requests.exceptions.ProxyError) or _is_of_socks(link)


def _is_of_socks(link: BaseException) -> bool:
    return type(link).__module__ == "socks"  # PySocks, which need not be installed


def _not_accepted(wrong: ssl.SSLCertVerificationError, proxy: str) -> Cause:
    words = f"TLS certificate not accepted: {capped(wrong.verify_message.rstrip('.'))}{proxy}"
    if wrong.verify_code not in _UNKNOWN_AUTHORITY:
        return Cause(words, lasting=True)
    return Cause(
        words,
        lasting=True,
        next_step=(
            "Nothing was sent. If a proxy or the service has a certificate of your own authority, set "
            "REQUESTS_CA_BUNDLE to a PEM file that holds the authority's certificate, then run it again."
        ),
    )


def _bundle(wrong: BaseException, chain: Sequence[BaseException], environ: Mapping[str, str]) -> Cause | None:
    """Return what is wrong with the file of trusted certificates, if that is it."""
    named = next((name for name in BUNDLES if environ.get(name)), "REQUESTS_CA_BUNDLE")
    fixed = f"Nothing was sent. Set {named} to a PEM file with certificates, or unset it, then run it again."
    # What requests raises for a file that does not exist.
    if type(wrong) is OSError and wrong.errno is None and not wrong.__cause__:
        return Cause(f"the certificate bundle that {named} names cannot be read", lasting=True, next_step=fixed)
    if any(isinstance(link, ssl.SSLError) and link.library in ("X509", "PEM") for link in chain):
        return Cause(f"the certificate bundle that {named} names holds no certificate", lasting=True, next_step=fixed)
    return None


def _missing_socks(chain: Sequence[BaseException]) -> Cause | None:
    """Return what keeps a SOCKS proxy from being used, if that is it."""
    for link in chain:
        if isinstance(link, requests.exceptions.InvalidSchema) and "SOCKS" in str(link):
            return Cause(
                "the proxy is a SOCKS proxy, and PySocks is not installed",
                lasting=True,
                next_step=f"Nothing was sent. Install it with: {shlex.quote(sys.executable)} -m pip install pysocks",
            )
        if isinstance(link, ValueError) and "SOCKS version" in str(link):
            return Cause(
                "the url of the proxy does not name a SOCKS version",
                lasting=True,
                next_step="Nothing was sent. Write HTTPS_PROXY or ALL_PROXY as socks5h://HOST:PORT, then run it again.",
            )
    return None


def _chain(wrong: BaseException | None) -> Iterator[BaseException]:
    """Yield the exception and what led to it, through all the ways in which urllib3 and requests keep that."""
    seen: set[int] = set()
    waiting: list[object] = [wrong]
    while waiting:
        link = waiting.pop(0)
        if not isinstance(link, BaseException) or id(link) in seen:
            continue
        seen.add(id(link))
        yield link
        waiting += [getattr(link, "reason", None), *link.args, link.__cause__, link.__context__]
