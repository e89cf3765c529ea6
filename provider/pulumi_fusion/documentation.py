"""References to the documentation, for error messages, warnings and the help of commands."""

from __future__ import annotations

from typing import Final

__all__ = ["about_error", "more", "reference"]

BASE: Final = "pulumi-fusion docs "
"""What comes before the name of a page. The command works offline; a published site would have its URL here."""

_REQUEST_ERRORS: Final = frozenset(
    {
        "BadRequest",
        "Conflict",
        "Forbidden",
        "InDoubt",
        "NotFound",
        "NotSent",
        "RateLimited",
        "Rejected",
        "RequestFailed",
        "Unauthorized",
        "Unrecognised",
    }
)
_SESSION_ERRORS: Final = frozenset({"AuditIncomplete", "NotAudited", "OutOfBounds", "SessionEnded", "SessionRefused"})


def reference(page: str, section: str = "") -> str:
    """Return how to read a page of provider/docs, or the section with this anchor."""
    return f"{BASE}{page}#{section}" if section else f"{BASE}{page}"


def more(page: str, section: str = "") -> str:
    """Return the end of a message that a page continues. It has no full stop, which would be copied with it."""
    return f"More: {reference(page, section)}"


def about_error(name: str) -> str:
    """Return the end of a message of the error class with this name, which has a section on one of three pages."""
    page = "request-errors" if name in _REQUEST_ERRORS else "session-errors" if name in _SESSION_ERRORS else "errors"
    return more(page, name.lower())
