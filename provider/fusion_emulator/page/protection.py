"""What the browser may do on the page, and how a form of the page is recognized.

``origins`` refuses what pages of another origin send. The token of a form is a second protection: only this page can
read it, and each start of an emulator has another one.
"""

from __future__ import annotations

import hmac
from typing import Final

from flask import Response, request

from fusion_emulator.exchange import current

__all__ = ["FIELD", "has_form_token", "restrict"]

FIELD: Final = "form_token"
"""The name of the hidden field with the token of a form."""

_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)


def has_form_token() -> bool:
    """Return whether a form has the token of this emulator's page."""
    sent = request.form.get(FIELD, "").encode("utf-8", "replace")
    return hmac.compare_digest(sent, current().emulator.page_state.form_token.encode())


def restrict(response: Response) -> Response:
    """Return a response of the page that lets the browser load and send nothing but parts of the page."""
    response.headers["Content-Security-Policy"] = _POLICY
    return response
