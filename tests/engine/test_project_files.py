"""A project may have files that are named like modules of Python or of its packages; the provider imports none."""

from __future__ import annotations

import subprocess
import sys

from fusion_emulator import Emulator
from pulumi_fusion.working_directory import DEPENDENCIES
from tests.engine.stack import Stack, a_customer

HOSTILE = "raise ImportError(f'a file of the project was imported: {__name__}')\n"


def test_the_installed_plugin_imports_nothing_of_the_project(plugin_stack: Stack, emulator: Emulator) -> None:
    stack = plugin_stack
    subprocess.run(["pulumi-fusion", "plugin", "install"], env=stack.environment(), check=True, capture_output=True)
    stack.environ["PULUMI_IGNORE_AMBIENT_PLUGINS"] = "true"
    emulator.seed("acme-corp", retention=45)
    for name in (*sys.stdlib_module_names, *DEPENDENCIES, "pulumi_fusion"):
        (stack.folder / f"{name}.py").write_text(HOSTILE)
    read = stack.pulumi("do", "fusion:Customer", "read", "acme-corp", plain=True).ok()
    assert "dataRetention  : 45" in read.text


def test_a_dynamic_provider_uses_python_and_not_files_of_the_project(stack: Stack, emulator: Emulator) -> None:
    """Pulumi's Python host cannot do with a types.py there, whatever the provider."""
    for name in ("queue", "email", "requests"):
        (stack.folder / f"{name}.py").write_text(HOSTILE)
    stack.declare({"acme": a_customer("acme-corp")})
    stack.up().ok()
    stack.require_no_changes()
    assert [each.shortname for each in emulator.accounts()] == ["acme-corp"]
