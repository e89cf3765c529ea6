"""The proxy of the environment is used for other hosts, and never for loopback."""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import grpc
import pytest
from pulumi.runtime.proto import engine_pb2_grpc

from fusion_emulator import Emulator
from pulumi_fusion import FusionClient
from pulumi_fusion.engine import show_warning
from pulumi_fusion.errors import InDoubt, NotSent
from tests.contract.cli.terminal import COMMAND, Terminal
from tests.contract.recording_proxy import RecordingProxy, forwarding_proxy, recording_proxy
from tests.contract.tls.service import CERTIFICATE, tls_service

# Typical lists that don't contain the requested address.
LISTS = [{}, {"NO_PROXY": "localhost"}, {"no_proxy": "example.com", "NO_PROXY": "localhost,.internal"}]


@pytest.fixture
def emulator() -> Iterator[Emulator]:
    with Emulator() as running:
        running.seed("acme-corp")
        yield running


@pytest.fixture
def proxy() -> Iterator[RecordingProxy]:
    with recording_proxy() as running:
        yield running


@pytest.fixture
def behind(proxy: RecordingProxy, monkeypatch: pytest.MonkeyPatch) -> RecordingProxy:
    """A proxy that every proxy variable of this process names."""
    for name in ("NO_PROXY", "no_proxy", "no_grpc_proxy"):
        monkeypatch.delenv(name, raising=False)
    for name, value in proxy.variables().items():
        monkeypatch.setenv(name, value)
    return proxy


def listed(credential: str, url: str, *, deadline: float = 20) -> list[str]:
    with FusionClient(netosecret=credential, api_url=url, deadline=deadline) as client:
        return [each.shortname for each in client.list_customers()]


@pytest.mark.parametrize("no_proxy", LISTS)
@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "LOCALHOST"])
def test_the_client_reaches_loopback_directly(
    emulator: Emulator, behind: RecordingProxy, monkeypatch: pytest.MonkeyPatch, host: str, no_proxy: dict[str, str]
) -> None:
    for name, value in no_proxy.items():
        monkeypatch.setenv(name, value)
    assert listed(emulator.netosecret, f"http://{host}:{emulator.port}") == ["acme-corp"]
    assert behind.asked == []


@pytest.mark.parametrize(
    "url",
    ["http://[::1]:9", "http://[0:0::1]:9", "https://127.0.0.1:9", "http://127.200.3.4:9", "https://127.1:9"],
)
def test_every_form_of_loopback_is_reached_directly(emulator: Emulator, behind: RecordingProxy, url: str) -> None:
    with pytest.raises(NotSent):
        listed(emulator.netosecret, url, deadline=2)
    assert behind.asked == []


@pytest.mark.parametrize("url", ["https://fusion.example", "https://localhost.example.com", "https://192.0.2.1"])
def test_any_other_host_goes_through_the_proxy(emulator: Emulator, behind: RecordingProxy, url: str) -> None:
    with pytest.raises(NotSent, match="the proxy"):
        listed(emulator.netosecret, url, deadline=2)
    assert behind.asked[0].startswith(f"CONNECT {url.removeprefix('https://')}:443 ")


def test_a_create_through_a_proxy_with_a_lost_answer_is_sent_once(
    emulator: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """There urllib3 reports a connection that ends after the request as a proxy that can't be reached."""
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    with tls_service() as service, forwarding_proxy(service.server_address[1]) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy.url)
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(CERTIFICATE))
        with FusionClient(netosecret=emulator.netosecret, api_url="https://fusion.example", deadline=20) as client:
            assert client.list_customers() == []
            with pytest.raises(InDoubt, match="connection closed without an answer"):
                client.create_customer({"shortname": "acme-corp"})
    assert service.posted == ["/api/v1/auth/token", "/api/v1/customer"]
    assert proxy.asked[0].startswith("CONNECT fusion.example:443 ")


class _Engine(engine_pb2_grpc.EngineServicer):
    def __init__(self) -> None:
        self.said: list[str] = []

    def Log(self, request: Any, context: Any) -> Any:
        from google.protobuf.empty_pb2 import Empty

        self.said.append(request.message)
        return Empty()


@pytest.mark.parametrize("no_proxy", [*LISTS, {"no_proxy": "*"}])
def test_the_engine_is_reached_directly(
    behind: RecordingProxy, monkeypatch: pytest.MonkeyPatch, no_proxy: dict[str, str]
) -> None:
    for name, value in no_proxy.items():
        monkeypatch.setenv(name, value)
    engine, server = _Engine(), grpc.server(ThreadPoolExecutor(1))
    engine_pb2_grpc.add_EngineServicer_to_server(engine, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    show_warning(f"127.0.0.1:{port}", "a warning")
    server.stop(None).wait()
    assert engine.said == ["a warning"]
    assert behind.asked == []


# Programs in a child: the client of this package, and another HTTP client.
ASK = """
import os, sys, urllib.error, urllib.request
from pulumi_fusion import FusionClient
print(len(FusionClient().list_users()))
for host in ("127.0.0.1", "localhost"):
    url = FusionClient().url.replace("127.0.0.1", host)
    try:
        urllib.request.urlopen(url, timeout=10)
    except urllib.error.HTTPError as answer:
        print("direct" if answer.code < 500 else "by the proxy")
"""


@pytest.mark.parametrize("no_proxy", [*LISTS, {"NO_PROXY": "*"}])
@pytest.mark.parametrize(
    "verb", [("emulator",), ("masquerade", "acme-corp", "--ci", "--reason", "INC-1234 ingest check")]
)
def test_a_child_reaches_loopback_directly(
    emulator: Emulator, proxy: RecordingProxy, tmp_path: Path, verb: tuple[str, ...], no_proxy: dict[str, str]
) -> None:
    terminal = Terminal(tmp_path, {"NETOSECRET": emulator.netosecret})
    environ = proxy.variables(**no_proxy)
    done = terminal.run(*verb, "--", sys.executable, "-c", ASK, **environ)
    assert (done.returncode, done.stdout) == (0, "1\ndirect\ndirect\n"), done.stderr
    assert proxy.asked == []


def test_what_the_emulator_prints_lets_a_shell_reach_it_directly(proxy: RecordingProxy, tmp_path: Path) -> None:
    terminal = Terminal(tmp_path)
    with terminal.start("emulator") as process:
        assert process.stdout is not None
        printed = os.read(process.stdout.fileno(), 65536).decode()  # it comes in one piece
        script = f'set -eu; eval "$0"; {shlex.quote(str(COMMAND))} customers; {shlex.quote(sys.executable)} -c "$1"; '
        script += 'echo "$NO_PROXY $no_proxy"'
        shown = {}
        for known in ("", "example.com", "*"):
            variables = proxy.variables(**{"NO_PROXY": known} if known else {})
            done = subprocess.run(
                ["sh", "-c", script, printed, ASK],
                env=terminal.environment(**variables),
                capture_output=True,
                text=True,
                timeout=60,
                check=False,
            )
            assert (done.returncode, proxy.asked) == (0, []), done.stderr
            shown[known] = done.stdout.splitlines()[-1]
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=30)
    loopback = "127.0.0.1,localhost,::1"
    assert shown == {
        "": f"{loopback} {loopback}",
        "example.com": f"example.com,{loopback} example.com,{loopback}",
        "*": "* *",
    }
