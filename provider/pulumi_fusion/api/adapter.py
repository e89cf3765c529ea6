"""The connections: how ``requests`` is set up, and how one request is sent with it.

The proxies and certificate bundles of the environment are used (``HTTPS_PROXY``, ``NO_PROXY``, ``REQUESTS_CA_BUNDLE``:
https://requests.readthedocs.io/en/latest/user/advanced/#proxies), and ``SSL_CERT_FILE`` and ``SSL_CERT_DIR`` as by
OpenSSL, because companies set them for their pipelines. Loopback never goes through a proxy: the tokens for the
emulator and for a session's endpoint would reach the proxy in clear.
"""

from __future__ import annotations

import os
import weakref
from typing import Any, cast
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter
from urllib3.exceptions import NewConnectionError, SSLError
from urllib3.util.ssl_match_hostname import CertificateError

from pulumi_fusion.api.exchange import Exchange
from pulumi_fusion.api.network import certificate_file, certificate_folders, is_loopback
from pulumi_fusion.forking import close_in_child

__all__ = ["Connection"]


class Connection:
    """A ``requests.Session`` with one connection, which serves one exchange at a time."""

    def __init__(self) -> None:
        self.reusable = False
        """Whether the last response was read to its end."""
        self._session = requests.Session()
        self._adapter = _Adapter(pool_connections=1, pool_maxsize=1)
        for scheme in ("https://", "http://"):
            self._session.mount(scheme, self._adapter)

    def send(
        self, exchange: Exchange, request: requests.PreparedRequest, *, connect: float, read: float
    ) -> requests.Response:
        """Send a request and return its response, whose body is still to be read.

        Args:
            exchange: What may break it off.
            request: The request.
            connect: Seconds for a connection to one address of the host.
            read: Seconds between two bytes of the response.

        Raises:
            OSError, ValueError, requests.RequestException, urllib3.exceptions.HTTPError, http.client.HTTPException
        """
        url = request.url or ""
        environment = self._session.merge_environment_settings(url, {}, True, None, None)
        verify = environment["verify"]  # True or None where neither REQUESTS_CA_BUNDLE nor CURL_CA_BUNDLE is set
        direct = is_loopback(urlsplit(url).hostname or "")
        # Not Session.send: even when it does not follow a redirect, it parses its target and reads its whole body.
        self._adapter.exchange = exchange
        return self._adapter.send(
            request,
            timeout=(max(0.001, connect), max(0.001, read)),
            stream=True,
            verify=verify if isinstance(verify, str) else certificate_file(os.environ) or True,
            cert=environment["cert"],
            proxies={} if direct else environment["proxies"],
        )

    def close(self) -> None:
        """Close the connection."""
        self._session.close()


class _Adapter(HTTPAdapter):
    """Lets the exchange that it serves know its connection."""

    exchange: Exchange

    def cert_verify(self, conn: Any, url: str, verify: Any, cert: Any) -> None:
        super().cert_verify(conn, url, verify, cert)  # type: ignore[no-untyped-call]
        if folders := certificate_folders(os.environ):
            conn.ca_cert_dir = folders

    def get_connection_with_tls_context(self, *args: Any, **kwargs: Any) -> Any:
        pool: Any = super().get_connection_with_tls_context(*args, **kwargs)
        if not hasattr(pool.ConnectionCls, "adapter"):
            pool.ConnectionCls = _reporting(pool.ConnectionCls, self)
        return pool


def _reporting(connection: type[Any], serves: _Adapter) -> type[Any]:
    """Return the connection class of urllib3, direct or through a proxy, that lets the exchange break it off."""

    class Watched(connection):  # type: ignore[misc]
        # Weak, so that a client that is no longer used closes its connections at once, not at a garbage collection.
        adapter = weakref.ref(serves)

        @property
        def exchange(self) -> Exchange:
            return cast(_Adapter, self.adapter()).exchange

        def _new_conn(self) -> Any:
            opened = super()._new_conn()
            close_in_child(opened)
            self.exchange.opened(opened)
            return opened

        def connect(self) -> None:
            try:
                super().connect()
            except (OSError, SSLError, CertificateError) as error:
                # urllib3 raises the same for a TLS handshake that fails as for a response that breaks off.
                raise NewConnectionError(self, "no connection") from error
            close_in_child(self.sock)

        def request(self, *args: Any, **kwargs: Any) -> None:
            if self.sock is None:
                self.connect()
            self.exchange.start_sending(self.sock)
            super().request(*args, **kwargs)

    return Watched
