"""The process of the plugin: it prints only its port, and ends at a signal or with its parent process."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Sequence
from importlib.metadata import packages_distributions, requires
from pathlib import Path

import grpc
import pytest
from google.protobuf.empty_pb2 import Empty
from pulumi.provider.experimental.host import components_from_module
from pulumi.runtime.proto import provider_pb2_grpc

import pulumi_fusion
from pulumi_fusion import working_directory
from pulumi_fusion.plugin import schema
from tests.contract.cli.terminal import Process

WAYS = {
    "the console script": [str(Path(sys.executable).with_name("pulumi-resource-fusion"))],
    "the module": [sys.executable, "-m", "pulumi_fusion"],
    "the official Python host": [sys.executable, "-m", "pulumi.run.plugin", "pulumi-fusion"],
}


EVERY_NAME = (*sys.stdlib_module_names, *working_directory.DEPENDENCIES, "pulumi_fusion")
"""The names of all modules of Python and of those that the provider imports."""


def a_project_with_files(folder: Path, names: Iterable[str]) -> None:
    for name in names:
        (folder / f"{name}.py").write_text("raise ImportError(f'a file of the project was imported: {__name__}')\n")


def version_at(port: str) -> str:
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        return str(provider_pb2_grpc.ResourceProviderStub(channel).GetPluginInfo(Empty(), timeout=30).version)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("command", WAYS.values(), ids=WAYS)
def test_the_plugin_prints_its_port_and_ends_at_a_signal(command: Sequence[str], number: signal.Signals) -> None:
    with Process([*command, "127.0.0.1:1"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        port = process.stdout.readline().strip()
        assert version_at(port) == schema.VERSION
        process.send_signal(number)
        assert process.wait(30) == 0
        assert process.stdout.read() == ""


@pytest.mark.parametrize("path", [None, os.pathsep], ids=["", "in PYTHONPATH"])
@pytest.mark.parametrize("command", WAYS.values(), ids=WAYS)
def test_the_plugin_imports_nothing_from_the_working_directory(
    command: Sequence[str], path: str | None, tmp_path: Path
) -> None:
    """The engine starts it in the directory of a project, whose files may have any names."""
    # A directory in PYTHONPATH hides even the modules that Python imports before site-packages.
    a_project_with_files(tmp_path, ("queue", "types", "email", "requests") if path else EVERY_NAME)
    environ = {**os.environ, **({"PYTHONPATH": path} if path else {})}
    with Process(
        [*command, "127.0.0.1:1"], cwd=tmp_path, env=environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        out, err = process.stdout, process.stderr
        assert out is not None and err is not None
        port = out.readline().strip()
        assert port, err.read()
        assert version_at(port) == schema.VERSION
        process.terminate()
        assert process.wait(30) == 0


def test_a_project_may_have_dynamic_providers_in_files_named_like_modules(tmp_path: Path) -> None:
    a_project_with_files(tmp_path, EVERY_NAME)
    (tmp_path / "of_the_project.py").write_text("")
    # This replaces the SDK's module of that name, so that the test can run its own code in it.
    program = (
        "import queue, requests, sys\n"
        "from pulumi_fusion.api import transport\n"
        "import of_the_project\n"
        "print(sys.orig_argv[2:4])\n"
    )
    package = tmp_path / "packages" / "pulumi"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    (package / "dynamic.py").write_text(program)
    (tmp_path / "pulumi.py").unlink()
    done = subprocess.run(
        [sys.executable, "-u", "-m", "pulumi.dynamic"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(package.parent)},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (done.returncode, done.stdout) == (0, "['-m', 'pulumi.dynamic']\n"), done.stderr


def test_every_dependency_of_the_provider_is_protected_from_files_of_the_project() -> None:
    """Except those of the command line."""
    required = {re.split(r"[^\w-]", each)[0].lower() for each in requires("pulumi-fusion") or [] if "extra" not in each}
    modules = {name for name, owners in packages_distributions().items() for each in owners if each.lower() in required}
    assert modules - {"click", "rich", "markdown_it", "pulumi_fusion"} <= working_directory.DEPENDENCIES


@pytest.mark.parametrize("command", [["-c", "import queue"], ["-m", "of_the_project"]], ids=" ".join)
def test_other_programs_import_files_of_their_project_first(command: Sequence[str], tmp_path: Path) -> None:
    (tmp_path / "queue.py").write_text("print('of the project')\n")
    (tmp_path / "of_the_project.py").write_text("import queue\n")
    done = subprocess.run(
        [sys.executable, *command, "pulumi.dynamic"], cwd=tmp_path, capture_output=True, text=True, timeout=60
    )
    assert (done.returncode, done.stdout) == (0, "of the project\n")


def test_the_plugin_ends_with_its_parent_process() -> None:
    """An engine that is killed sends no signal."""
    engine = (
        "import subprocess, sys\n"
        "plugin = subprocess.Popen([sys.executable, '-m', 'pulumi_fusion'], stdout=subprocess.PIPE, text=True)\n"
        "print(plugin.stdout.readline().strip(), flush=True)\n"
    )
    killed = subprocess.run([sys.executable, "-c", engine], stdout=subprocess.PIPE, text=True, timeout=60, check=True)
    end = time.monotonic() + 60
    while time.monotonic() < end:
        try:
            version_at(killed.stdout.strip())
        except grpc.RpcError:
            return
        time.sleep(0.2)
    raise AssertionError("the plugin is still running")


def test_the_package_exports_no_component() -> None:
    """The official host would serve the component instead of this provider, without an error."""
    for name in pulumi_fusion.__all__:
        getattr(pulumi_fusion, name)
    assert components_from_module(pulumi_fusion) == []
