"""The address that the emulator listens on."""

from __future__ import annotations

import socket
from http.client import HTTPConnection

import pytest

from fusion_emulator import Emulator, HostError
from tests.contract.emulator.caller import Caller

REMOTE = "192.0.2.1"
"""Not an address of this machine: https://www.rfc-editor.org/rfc/rfc5737"""


@pytest.mark.parametrize(
    ("host", "remote", "shown"),
    [
        ("127.0.0.1", False, "127.0.0.1"),
        ("127.0.0.2", False, "127.0.0.2"),
        ("localhost", False, "127.0.0.1"),
        ("::1", False, "[::1]"),
        ("::ffff:127.0.0.1", False, "127.0.0.1"),
        ("0.0.0.0", True, "127.0.0.1"),
        ("::", True, "127.0.0.1"),
    ],
)
def test_programs_of_this_machine_reach_every_address_by_its_url(host: str, remote: bool, shown: str) -> None:
    with Emulator(host=host, allow_remote=remote) as emulator:
        assert emulator.url == f"http://{shown}:{emulator.port}"
        caller = Caller(emulator.netosecret, address="::1" if ":" in shown else "127.0.0.1")
        assert caller.secret["url"].startswith(emulator.url)
        assert caller.authenticate().status == 200
        assert caller.send("GET", "/_emulator/requests").status == 200


@pytest.mark.parametrize("address", ["127.0.0.1", "127.0.0.2", "::1"])
def test_the_ipv6_address_of_all_interfaces_is_that_of_ipv4_as_well(address: str) -> None:
    with Emulator(host="::", allow_remote=True) as emulator:
        socket.create_connection((address, emulator.port), timeout=30).close()


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "0", REMOTE, "::ffff:192.0.2.1"])
def test_an_address_that_other_machines_reach_is_refused_with_its_meaning(host: str) -> None:
    with pytest.raises(HostError) as refused:
        Emulator(host=host)
    assert str(refused.value).startswith(
        f"{host!r} is not a loopback address: anyone who can connect to it can read and"
    )
    assert "allow_remote=True" in str(refused.value)


@pytest.mark.parametrize("host", ["no-such-host.invalid", "", "127.0.0.1:80", "[::1]", "x" * 300, "a..b"])
def test_a_host_that_is_neither_an_address_nor_a_name_is_refused(host: str) -> None:
    with pytest.raises(HostError, match="is not an address or name of this machine"):
        Emulator(host=host, allow_remote=True)


@pytest.mark.parametrize("host", [REMOTE, "2001:db8::1", "fe80::1%lo"])
def test_an_address_of_another_machine_is_refused(host: str) -> None:
    with pytest.raises(HostError, match=f"'{host}' is not an address of this machine"):
        Emulator(host=host, allow_remote=True).start()


@pytest.mark.parametrize(
    ("host", "name", "status"),
    [
        ("127.0.0.1", "fusion", 403),
        ("127.0.0.1", "10.1.2.3", 200),
        ("127.0.0.1", "[::1]", 200),
        ("0.0.0.0", "fusion", 200),
        ("0.0.0.0", "fusion.example", 403),
    ],
)
def test_the_control_routes_are_reached_by_names_of_containers_only_if_remote_is_allowed(
    host: str, name: str, status: int
) -> None:
    with Emulator(host=host, allow_remote=True) as emulator:
        connection = HTTPConnection("127.0.0.1", emulator.port, timeout=30)
        connection.request("GET", "/_emulator/faults", headers={"Host": f"{name}:{emulator.port}"})
        assert connection.getresponse().status == status
        connection.close()


def test_a_stopped_emulator_starts_on_the_same_address() -> None:
    with Emulator(host="::1") as emulator:
        url = emulator.url
        emulator.stop()
        emulator.start()
        assert emulator.url == url
        assert Caller(emulator.netosecret, address="::1").authenticate().status == 200
