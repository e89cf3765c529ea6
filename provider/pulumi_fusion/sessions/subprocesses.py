"""What a session in Python gives the subprocesses of its block: an endpoint, and the environment that leads to it."""

from __future__ import annotations

import os
import threading
from collections.abc import Collection

from pulumi_fusion.errors import SessionRefused, capped
from pulumi_fusion.forking import Lock
from pulumi_fusion.sessions.access import Access
from pulumi_fusion.sessions.endpoint import Endpoint
from pulumi_fusion.sessions.scrubbing import past_the_proxy, scrubbed
from pulumi_fusion.sessions.terms import MARKER, MARKER_ID

__all__ = ["Subprocesses"]

_OPERATION = "start the endpoint of the session"


class Subprocesses:
    """The endpoint of one session, started when it is first needed. Safe to use from several threads."""

    def __init__(self, access: Access) -> None:
        self._access = access
        self._lock = Lock()
        self._endpoint: Endpoint | None = None

    def environ(self, keep: Collection[str] = ()) -> dict[str, str]:
        """Return the environment of a subprocess that acts in the session, and not as this process does.

        ``keep`` names variables of Pulumi that it is to have all the same. Raises SessionEnded, or SessionRefused where
        the machine lets no endpoint start.
        """
        kept = scrubbed(os.environ, keep=keep)
        binding = {MARKER: self._access.customer.shortname, MARKER_ID: self._access.id}
        return {**kept, **past_the_proxy(os.environ), **binding, "NETOSECRET": self._running().netosecret.reveal()}

    def close(self) -> None:
        """Close the port, where there is one. Call it after the session's term has ended, so that none follows."""
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
        except (OSError, RuntimeError) as wrong:  # no descriptor or no thread is left
            raise SessionRefused(
                _OPERATION,
                capped(str(wrong)),
                shortname=self._access.customer.shortname,
                next_step="No subprocess got access. Free what is used up and call environ() again.",
            ) from None
        return endpoint

    def _close_in_time(self) -> None:
        """Wait for the end. No longer than a second at once: the clock of a wait stands still while the machine sleeps,
        and the session's does not.
        """
        term = self._access.term
        while (left := term.remaining()) > 0:
            term.cancelled.wait(min(1.0, left))
        self.close()
