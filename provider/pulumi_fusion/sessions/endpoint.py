"""The loopback side of a session: what a child sees of the service, and all that it has for a credential.

The child holds a synthetic netosecret that works here alone. The endpoint answers its token exchange itself, adds the
real token to what it lets through, and is gone when the session ends: the revocation that the service does not have.
"""

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
from pulumi_fusion.sessions.connections import Connection, Connections
from pulumi_fusion.sessions.conversation import Conversation
from pulumi_fusion.sessions.request import KEY_PREFIX

__all__ = ["Endpoint"]


class Endpoint:
    """A server on 127.0.0.1 for one session; ``netosecret`` is the credential that it takes.

    Bound when it is made, so that who connects early waits; it answers from :meth:`start` to :meth:`close`.
    """

    def __init__(self, access: Access) -> None:
        self.access = access
        self._connections = Connections(self._converse, self._turned_away)
        self.port: int = self._connections.port
        self.url = f"http://127.0.0.1:{self.port}"
        self._keys = {"appname": f"{KEY_PREFIX}{access.id[:8]}", "appkey": secrets.token_hex(16)}
        self._shared = Secret(secrets.token_hex(32))
        self._token = Secret(self._issue())
        self.netosecret = Secret(self._encoded())

    def start(self) -> None:
        """Begin to answer."""
        self._connections.start()

    def close(self) -> None:
        """Stop answering; whatever is under way breaks off, and the port is free."""
        self._connections.close()

    def _turned_away(self, heard: bytes) -> bytes | None:
        """Return the answer to a request that cannot authenticate, however it is read."""
        if self._token.reveal().encode() in heard or TOKEN_ROUTE.encode() in heard:
            return None
        self.access.count_refused("wrong credentials")
        return b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"

    def _converse(self, connection: Connection) -> None:
        Conversation(self, connection, lambda: self._connections.admit(connection)).run()

    def _encoded(self) -> str:
        """As the portal writes it, padded, for the vendor's own client takes no other.

        https://docs.netography.com/reference/netosecret
        """
        fields = {"url": f"{self.url}/api/v1", "shortname": self.access.customer.shortname, **self._keys}
        text = json.dumps({**fields, "sharedsecret": self._shared.reveal()}, indent=2)
        return base64.b64encode(text.encode()).decode()

    def _issue(self) -> str:
        """A token of the usual shape that means nothing to the service."""
        claims = {"typ": "Bearer", "shortname": self.access.customer.shortname, "jti": secrets.token_hex(16)}
        return jwt.encode(claims, secrets.token_hex(32), algorithm="HS256")

    def exchange(self, body: bytes) -> dict[str, Any]:
        """The answer to a request token that was signed with the synthetic secret.

        Raises Unauthorized, or OutOfBounds for a claim to another account.
        """
        try:
            signed = json.loads(body)["jwt"]
            # The vendor's samples carry jti as a number and iat as text, which PyJWT refuses unless told otherwise.
            options: Any = {"verify_jti": False, "verify_iat": False}
            claims = jwt.decode(signed, self._shared.reveal(), algorithms=["HS256"], options=options)
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError, jwt.PyJWTError):
            raise self._unauthorized() from None
        for name, value in self._keys.items():
            if not hmac.compare_digest(str(claims.get(name)).encode(errors="replace"), value.encode()):
                raise self._unauthorized()
        if claims.get("shortname") != self.access.customer.shortname:
            self.access.count_refused("other accounts")
            raise OutOfBounds(
                "get an access token",
                f"this session is inside {self.access.customer.shortname!r} and nowhere else",
                next_step="Leave the session to work in another account.",
            )
        left = int(self.access.term.remaining())
        return {"access_token": self._token.reveal(), "expires_in": left, "token_type": "bearer"}

    def authenticate(self, header: str | None) -> None:
        """Raises Unauthorized for anything but the session's own token."""
        scheme, _, token = (header or "").partition(" ")
        known = hmac.compare_digest(token.strip().encode(), self._token.reveal().encode())
        if scheme.lower() != "bearer" or not known:
            raise self._unauthorized()

    def _unauthorized(self) -> Unauthorized:
        self.access.count_refused("wrong credentials")
        return Unauthorized(
            "use the session", "this is not its credential", next_step="Use NETOSECRET of this session's environment."
        )
