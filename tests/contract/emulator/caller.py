"""A client of the service that shares no code with the product: http.client and PyJWT."""

from __future__ import annotations

import base64
import json
import socket
import time
import uuid
from dataclasses import dataclass, field
from http.client import HTTPConnection
from typing import Any
from urllib.parse import quote, urlsplit

import jwt

CUSTOMER = {
    "shortname": "acme-one",
    "organization": "Acme, Inc.",
    "type": "customer",
    "retention": 90,
    "rollupRetention": 180,
    "username": "owner@example.com",
    "given_name": "Skippy",
    "family_name": "Longbottom",
}
CHANGE = {"organization": "Acme Two", "type": "customer", "retention": 45, "rollupRetention": 90}


def customer(**fields: Any) -> dict[str, Any]:
    """Return a valid create body with some fields changed."""
    return {**CUSTOMER, **fields}


def send_bytes(port: int, *pieces: bytes) -> bytes:
    """Send bytes to the emulator and return all that it sends until it closes the connection."""
    with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
        for piece in pieces:
            connection.sendall(piece)
        return b"".join(iter(lambda: connection.recv(65536), b""))


@dataclass(frozen=True)
class Reply:
    """One answer."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def data(self) -> Any:
        return self.json["data"]


@dataclass
class Caller:
    """One credential and, after ``authenticate``, its access token; a connection per request, from ``address``."""

    netosecret: str
    shortname: str | None = None
    token: str | None = None
    timeout: float = 30.0
    address: str = "127.0.0.1"
    secret: dict[str, str] = field(init=False)

    def __post_init__(self) -> None:
        padding = "=" * (-len(self.netosecret) % 4)
        self.secret = json.loads(base64.b64decode(self.netosecret + padding))

    @property
    def port(self) -> int:
        """The port of the service."""
        return urlsplit(self.secret["url"]).port or 0

    def request_token(self, *, key: str | None = None, **claims: Any) -> str:
        """Return a signed request token; a claim of None is left out."""
        every = {
            "iat": int(time.time()),
            "jti": str(uuid.uuid4()),
            "appname": self.secret["appname"],
            "appkey": self.secret["appkey"],
            "shortname": self.shortname or self.secret["shortname"],
            **claims,
        }
        # Not jwt.encode, which refuses some claims that a client may send.
        header = {"alg": "HS256", "typ": "JWT"}
        present = {name: value for name, value in every.items() if value is not None}
        return jwt.PyJWS().encode(
            json.dumps(present).encode(), key or self.secret["sharedsecret"], algorithm="HS256", headers=header
        )

    def authenticate(self, **claims: Any) -> Reply:
        reply = self.send("POST", "/api/v1/auth/token", {"jwt": self.request_token(**claims)}, bearer=None)
        if reply.status == 200:
            self.token = reply.json["access_token"]
        return reply

    def send(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        bearer: str | None = "",
        headers: dict[str, str] | None = None,
    ) -> Reply:
        """Send any request; ``bearer`` "" sends the token of ``authenticate``, None sends none."""
        token = self.token if bearer == "" else bearer
        sent = {"Content-Type": "application/json", **(headers or {})}
        if token is not None:
            sent["Authorization"] = f"Bearer {token}"
        payload = None if body is None else (body if isinstance(body, bytes) else json.dumps(body).encode())
        parts = urlsplit(self.secret["url"])
        connection = HTTPConnection(
            parts.hostname or "", parts.port or 0, timeout=self.timeout, source_address=(self.address, 0)
        )
        try:
            connection.request(method, path, payload, sent)
            response = connection.getresponse()
            return Reply(response.status, dict(response.getheaders()), response.read())
        finally:
            connection.close()

    def create(self, **fields: Any) -> Reply:
        return self.send("POST", "/api/v1/customer", customer(**fields))

    def read(self, shortname: str = "acme-one") -> Reply:
        return self.send("GET", f"/api/v1/customer/{quote(shortname, safe='')}")

    def update(self, shortname: str = "acme-one", /, **fields: Any) -> Reply:
        return self.send("PUT", f"/api/v1/customer/{quote(shortname, safe='')}", {**CHANGE, **fields})

    def delete(self, shortname: str = "acme-one") -> Reply:
        return self.send("DELETE", f"/api/v1/customer/{quote(shortname, safe='')}")

    def names(self) -> list[str]:
        """Return the shortnames of the list."""
        return [record["shortname"] for record in self.send("GET", "/api/v1/customers").data]
