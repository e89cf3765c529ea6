"""Why something is not done: a refusal by the service, or an account that a program names and that doesn't exist."""

from __future__ import annotations

from collections.abc import Mapping

__all__ = ["Refused", "UnknownAccountError"]


class Refused(Exception):
    """The service refuses the request with a status and the documented error body, and perhaps with headers."""

    def __init__(self, status: int, message: str, *, headers: Mapping[str, str] | None = None) -> None:
        """Keep what the answer consists of."""
        super().__init__(f"{status} {message}")
        self.status = status
        self.message = message
        self.headers = dict(headers or {})


class UnknownAccountError(KeyError):
    """There is no account of this shortname."""
