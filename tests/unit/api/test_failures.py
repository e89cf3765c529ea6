"""What the errors of the HTTP library mean to a user."""

from __future__ import annotations

import pytest
import requests

from pulumi_fusion.api.failures import explain


@pytest.mark.parametrize(
    ("wrong", "words", "advice"),
    [
        (
            requests.exceptions.InvalidSchema("Missing dependencies for SOCKS support."),
            "PySocks",
            "pip install pysocks",
        ),
        (ValueError("Unable to determine SOCKS version from socks://u:secret@h:1"), "SOCKS version", "socks5h://"),
        (OSError("Could not find a suitable TLS CA certificate bundle"), "SSL_CERT_FILE", "Set SSL_CERT_FILE"),
    ],
)
def test_what_a_repeat_cannot_help_names_the_remedy(wrong: Exception, words: str, advice: str) -> None:
    cause = explain(wrong, {"SSL_CERT_FILE": "/bundle.pem"})
    assert cause.permanent
    assert not cause.sent
    assert words in cause.reason
    assert advice in (cause.next_step or "")
    assert "secret" not in f"{cause}"


def test_any_other_url_has_the_usual_next_step() -> None:
    cause = explain(requests.exceptions.InvalidSchema("No connection adapters were found for 'x:'"), {})
    assert (cause.reason, cause.next_step) == ("the url, or that of the proxy, cannot be used", None)
