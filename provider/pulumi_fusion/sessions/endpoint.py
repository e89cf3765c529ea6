"""The endpoint of a session: the only service that its command can reach, and the only one that accepts its credential.

It answers the exchange of that credential itself, passes on what the session allows with the session's token, and is
closed when the session ends: the service itself can't revoke a token.
"""

from __future__ import annotations

from pulumi_fusion.sessions.access import Access
from pulumi_fusion.sessions.connection import Connection
from pulumi_fusion.sessions.conversation import Conversation
from pulumi_fusion.sessions.credential import SessionCredential
from pulumi_fusion.sessions.listener import Listener

__all__ = ["Endpoint"]


class Endpoint:
    """A server on 127.0.0.1 for one session; ``netosecret`` is the credential that it accepts.

    The port is bound at once, so a client that connects early waits; it serves from :meth:`start` to :meth:`close`.
    """

    def __init__(self, access: Access) -> None:
        self.access = access
        self._listener = Listener(self._serve, lambda head: self._credential.refusal_without_parsing(head))
        self.port = self._listener.port
        self._credential = SessionCredential(access, self.port)
        self.url = f"http://127.0.0.1:{self.port}"
        self.netosecret = self._credential.netosecret

    def start(self) -> None:
        """Begin to serve."""
        self._listener.start()

    def close(self) -> None:
        """Stop serving: requests in flight are broken off, and the port is free."""
        self._listener.close()

    def _serve(self, connection: Connection) -> None:
        Conversation(self.access, self._credential, connection, lambda: self._listener.admit(connection)).run()
