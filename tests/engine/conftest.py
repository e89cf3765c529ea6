from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from fusion_emulator import Emulator
from pulumi_fusion.plugin import schema
from tests.engine.sdks import engine_part, generate
from tests.engine.stack import PLUGIN_PROGRAM, QUICK_PIP, Stack


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
def python_sdk(node: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Return PYTHONPATH with the SDK for Python, as an installation leaves it."""
    folder = tmp_path_factory.mktemp("sdk")
    generate(node / "sdk", "python", folder)
    # The SDK asks for its own version.
    metadata = folder / f"pulumi_fusion_sdk-{schema.VERSION}.dist-info" / "METADATA"
    metadata.parent.mkdir()
    metadata.write_text(f"Metadata-Version: 2.1\nName: pulumi_fusion_sdk\nVersion: {schema.VERSION}\n")
    return f"{folder}{os.pathsep}{QUICK_PIP}"


@pytest.fixture(scope="session")
def yaml_host() -> Path:
    """Where the YAML host and the generator of SDKs for C# are."""
    return engine_part("yaml", "go")
