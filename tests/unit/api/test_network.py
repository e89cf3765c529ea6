"""What the environment of this machine decides about a connection."""

from __future__ import annotations

import pytest

from pulumi_fusion.api.network import is_loopback, percent_encoded

THIS_MACHINE = """
localhost LocalHost localhost. 127.0.0.1 127.255.0.9 127.1 2130706433 ::1 [::1] 0:0:0:0:0:0:0:1 ::ffff:127.0.0.1
::ffff:7f00:1
"""

OTHERS = """
localhost.example.com example.com 127.0.0.1.example.com 128.0.0.1 0.0.0.0 :: ::2 fe80::1 ::ffff:192.0.2.1 local-host 1
"""


@pytest.mark.parametrize("host", THIS_MACHINE.split())
def test_this_machine_in_every_form(host: str) -> None:
    assert is_loopback(host)


@pytest.mark.parametrize("host", ["", *OTHERS.split()])
def test_any_other_host(host: str) -> None:
    assert not is_loopback(host)


@pytest.mark.parametrize(
    ("path", "encoded"),
    [
        ("/api/v1/users?a=100%", "/api/v1/users?a=100%25"),
        ("/api/v1/users?a=%zz&b=%2g&c=%20", "/api/v1/users?a=%25zz&b=%252g&c=%20"),
        ("/api/v1/users?a=%C3%bc%25", "/api/v1/users?a=%C3%bc%25"),
    ],
)
def test_a_percent_sign_begins_an_encoded_byte(path: str, encoded: str) -> None:
    assert percent_encoded(path) == percent_encoded(encoded) == encoded
