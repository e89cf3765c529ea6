"""A project may have files that are named like modules of Python or of its packages; the provider imports none."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from pulumi_fusion.emulator import Emulator
from tests.engine.stack import Stack

HOSTILE = "raise ImportError(f'a file of the project was imported: {__name__}')\n"
PACKAGES = ("pulumi", "pulumi_fusion", "grpc", "google", "requests", "urllib3", "pydantic", "jwt", "tenacity", "dill")


def fill(folder: Path) -> None:
    """Put a file for every module of Python, and for every package that the provider uses, into the folder."""
    for name in (*sys.stdlib_module_names, *PACKAGES):
        (folder / f"{name}.py").write_text(HOSTILE)


def test_the_installed_plugin_imports_nothing_of_the_project(plugin_stack: Stack, emulator: Emulator) -> None:
    stack = plugin_stack
    subprocess.run(["pulumi-fusion", "plugin", "install"], env=stack.environment(), check=True, capture_output=True)
    stack.environ["PULUMI_IGNORE_AMBIENT_PLUGINS"] = "true"
    emulator.seed("acme-corp", retention=45)
    fill(stack.folder)
    read = stack.pulumi("do", "fusion:Customer", "read", "acme-corp", plain=True).ok()
    assert "dataRetention  : 45" in read.text
