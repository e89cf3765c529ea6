"""The credential that a session gives its command: it works only at the session's endpoint, and only until its end."""

from __future__ import annotations

import base64
import hmac
import json
import secrets
from typing import Any

import jwt

from pulumi_fusion.errors import OutOfBounds, Unauthorized
from pulumi_fusion.redaction import Secret
from pulumi_fusion.sessions.access import Access
from pulumi_fusion.sessions.bounds import TOKEN_ROUTE
from pulumi_fusion.sessions.request import KEY_PREFIX

__all__ = ["SessionCredential"]


class SessionCredential:
    """A synthetic netosecret for the endpoint at ``port``, and the token that a client gets for it."""

    def __init__(self, access: Access, port: int) -> None:
        self._access = access
        self._shortname = access.customer.shortname
        self._keys = {"appname": f"{KEY_PREFIX}{access.id[:8]}", "appkey": secrets.token_hex(16)}
        self._shared = Secret(secrets.token_hex(32))
        self._token = Secret(self._new_token())
        self.hosts = (f"127.0.0.1:{port}", f"localhost:{port}")
        self.netosecret = Secret(self._encoded(f"http://127.0.0.1:{port}"))

    def exchange(self, body: bytes) -> dict[str, Any]:
        """Return the response to a request token that is signed with the synthetic netosecret.

        Raises Unauthorized, or OutOfBounds for a claim to another account.
        """
        try:
            signed = json.loads(body)["jwt"]
            # The vendor's samples have a number as jti and text as iat, which PyJWT refuses by default.
            options: Any = {"verify_jti": False, "verify_iat": False}
            claims = jwt.decode(signed, self._shared.reveal(), algorithms=["HS256"], options=options)
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError, jwt.PyJWTError):
            raise self._unauthorized() from None
        for name, value in self._keys.items():
            if not hmac.compare_digest(str(claims.get(name)).encode(errors="replace"), value.encode()):
                raise self._unauthorized()
        if claims.get("shortname") != self._shortname:
            self._access.count_refused("other accounts")
            raise OutOfBounds(
                "get an access token",
                f"this session is inside {self._shortname!r} and nowhere else",
                next_step="Leave the session to work in another account.",
            )
        seconds = int(self._access.term.remaining())
        return {"access_token": self._token.reveal(), "expires_in": seconds, "token_type": "bearer"}

    def authenticate(self, header: str | None) -> None:
        """Raise Unauthorized unless the value of Authorization has the session's token."""
        scheme, _, token = (header or "").partition(" ")
        is_known = hmac.compare_digest(token.strip().encode(), self._token.reveal().encode())
        if scheme.lower() != "bearer" or not is_known:
            raise self._unauthorized()

    def refusal_without_parsing(self, head: bytes) -> bytes | None:
        """Return the response to a head that can't authenticate however it is parsed, or None if it might."""
        if self._token.reveal().encode() in head or TOKEN_ROUTE.encode() in head:
            return None
        self._access.count_refused("wrong credentials")
        return b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"

    def _unauthorized(self) -> Unauthorized:
        self._access.count_refused("wrong credentials")
        return Unauthorized(
            "use the session", "this isn't its credential", next_step="Use NETOSECRET of this session's environment."
        )

    def _encoded(self, url: str) -> str:
        """Return the netosecret in the portal's format, padded, as the vendor's client requires it.

        https://docs.netography.com/reference/netosecret
        """
        fields = {"url": f"{url}/api/v1", "shortname": self._shortname, **self._keys}
        text = json.dumps({**fields, "sharedsecret": self._shared.reveal()}, indent=2)
        return base64.b64encode(text.encode()).decode()

    def _new_token(self) -> str:
        """Return a token of the usual form that the service doesn't accept."""
        claims = {"typ": "Bearer", "shortname": self._shortname, "jti": secrets.token_hex(16)}
        return jwt.encode(claims, secrets.token_hex(32), algorithm="HS256")
