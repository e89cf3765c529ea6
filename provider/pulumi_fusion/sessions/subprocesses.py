"""The endpoint that a session in Python starts for the subprocesses of its block, and their environment."""

from __future__ import annotations

import os
import threading
from collections.abc import Collection

from pulumi_fusion.errors import SessionRefused, capped
from pulumi_fusion.forking import Lock
from pulumi_fusion.sessions.access import Access
from pulumi_fusion.sessions.child_env import bypass_proxy_for_loopback, without_secrets
from pulumi_fusion.sessions.endpoint import Endpoint
from pulumi_fusion.sessions.request import MARKER, MARKER_ID

__all__ = ["Subprocesses"]

_OPERATION = "start the endpoint of the session"


class Subprocesses:
    """The endpoint of one session, started when it is first needed. Safe to use from several threads."""

    def __init__(self, access: Access) -> None:
        self._access = access
        self._lock = Lock()
        self._endpoint: Endpoint | None = None

    def environ(self, keep: Collection[str] = ()) -> dict[str, str]:
        """Return the environment for a subprocess that acts in the session instead of with the real credential.

        Args:
            keep: Names of Pulumi's variables that the subprocess needs although they may contain a secret.

        Raises:
            SessionEnded: The session is over.
            SessionRefused: The endpoint can't be started.
        """
        kept = without_secrets(os.environ, keep=keep)
        binding = {MARKER: self._access.customer.shortname, MARKER_ID: self._access.id}
        return {
            **kept,
            **bypass_proxy_for_loopback(os.environ),
            **binding,
            "NETOSECRET": self._running().netosecret.reveal(),
        }

    def close(self) -> None:
        """Close the endpoint if there is one. Call it after the session's end, so that no other is started."""
        with self._lock:
            endpoint, self._endpoint = self._endpoint, None
            if endpoint is not None and not self._access.term.forked:
                endpoint.close()

    def _running(self) -> Endpoint:
        with self._lock:
            self._access.term.check(_OPERATION)
            if self._endpoint is None:
                self._endpoint = self._started()
            return self._endpoint

    def _started(self) -> Endpoint:
        try:
            endpoint = Endpoint(self._access)
            endpoint.start()
            threading.Thread(target=self._close_in_time, name="pulumi-fusion-session-end", daemon=True).start()
        except (OSError, RuntimeError) as wrong:  # out of descriptors or threads
            raise SessionRefused(
                _OPERATION,
                capped(str(wrong)),
                shortname=self._access.customer.shortname,
                next_step="No subprocess got access. Free descriptors or threads and call environ() again.",
            ) from None
        return endpoint

    def _close_in_time(self) -> None:
        """Close the endpoint when the session ends.

        Each wait takes at most a second, since its clock doesn't advance while the machine is suspended, and the
        session's clock does.
        """
        term = self._access.term
        while (left := term.remaining()) > 0:
            term.cancelled.wait(min(1.0, left))
        self.close()
