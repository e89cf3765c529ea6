"""The process: it says its port and nothing else, and ends when it is told to and when nobody is left to tell it."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import grpc
import pytest
from google.protobuf.empty_pb2 import Empty
from pulumi.provider.experimental.host import components_from_module
from pulumi.runtime.proto import provider_pb2_grpc

import pulumi_fusion
from pulumi_fusion.plugin import schema

WAYS = {
    "the console script": [str(Path(sys.executable).with_name("pulumi-resource-fusion"))],
    "the module": [sys.executable, "-m", "pulumi_fusion"],
    "the official Python host": [sys.executable, "-m", "pulumi.run.plugin", "pulumi-fusion"],
}


def version_at(port: str) -> str:
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        return str(provider_pb2_grpc.ResourceProviderStub(channel).GetPluginInfo(Empty(), timeout=5).version)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("command", WAYS.values(), ids=WAYS)
def test_it_says_its_port_and_ends_when_told(command: Sequence[str], number: signal.Signals) -> None:
    with subprocess.Popen(
        [*command, "127.0.0.1:1"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        port = process.stdout.readline().strip()
        assert version_at(port) == schema.VERSION
        process.send_signal(number)
        assert process.wait(5) == 0
        assert process.stdout.read() == ""


def test_it_does_not_outlive_who_started_it() -> None:
    """An engine that is killed says nothing."""
    engine = (
        "import subprocess, sys\n"
        "plugin = subprocess.Popen([sys.executable, '-m', 'pulumi_fusion'], stdout=subprocess.PIPE, text=True)\n"
        "print(plugin.stdout.readline().strip(), flush=True)\n"
    )
    killed = subprocess.run([sys.executable, "-c", engine], stdout=subprocess.PIPE, text=True, timeout=30, check=True)
    end = time.monotonic() + 10
    while time.monotonic() < end:
        try:
            version_at(killed.stdout.strip())
        except grpc.RpcError:
            return
        time.sleep(0.2)
    raise AssertionError("it is still there")


def test_no_component_is_exported() -> None:
    """The official host would serve it instead of this provider, and say nothing."""
    for name in pulumi_fusion.__all__:
        getattr(pulumi_fusion, name)
    assert components_from_module(pulumi_fusion) == []
