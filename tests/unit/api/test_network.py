"""What the environment of this machine decides about a connection."""

from __future__ import annotations

import pytest

from pulumi_fusion.api.network import is_loopback

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
