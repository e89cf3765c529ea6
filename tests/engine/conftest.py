from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from fusion_emulator import Emulator
from tests.engine.sdks import engine_part
from tests.engine.stack import PLUGIN_PROGRAM, Stack


@pytest.fixture
def emulator() -> Iterator[Emulator]:
    with Emulator() as running:
        yield running


@pytest.fixture
def stack(tmp_path: Path, emulator: Emulator) -> Stack:
    """A stack whose credential is the emulator's, from the environment."""
    return Stack(tmp_path, {"NETOSECRET": emulator.netosecret, "FUSION_API_URL": emulator.url})


@pytest.fixture
def plugin_stack(tmp_path: Path, emulator: Emulator) -> Stack:
    """The same, of a program that declares its customers by the plugin, which is on PATH."""
    environ = {"NETOSECRET": emulator.netosecret, "FUSION_API_URL": emulator.url}
    return Stack(tmp_path, environ, program=PLUGIN_PROGRAM, kind="fusion:index:Customer")


@pytest.fixture(scope="session")
def node() -> Path:
    """Where the Node host, the generator of SDKs and the packages of npm are."""
    return engine_part("node", "go", "node", "npm")


@pytest.fixture(scope="session")
def yaml_host() -> Path:
    """Where the YAML host and the generator of SDKs for C# are."""
    return engine_part("yaml", "go")
