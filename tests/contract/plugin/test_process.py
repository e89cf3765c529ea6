"""The process: it says its port and nothing else, and ends when it is told to and when nobody is left to tell it."""

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
"""Of every module of Python and of all that the provider imports."""


def a_project_with_files(folder: Path, names: Iterable[str]) -> None:
    for name in names:
        (folder / f"{name}.py").write_text("raise ImportError(f'a file of the project was imported: {__name__}')\n")


def version_at(port: str) -> str:
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        return str(provider_pb2_grpc.ResourceProviderStub(channel).GetPluginInfo(Empty(), timeout=30).version)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("command", WAYS.values(), ids=WAYS)
def test_it_says_its_port_and_ends_when_told(command: Sequence[str], number: signal.Signals) -> None:
    with Process([*command, "127.0.0.1:1"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        port = process.stdout.readline().strip()
        assert version_at(port) == schema.VERSION
        process.send_signal(number)
        assert process.wait(30) == 0
        assert process.stdout.read() == ""


@pytest.mark.parametrize("path", [None, os.pathsep], ids=["", "which PYTHONPATH names"])
@pytest.mark.parametrize("command", WAYS.values(), ids=WAYS)
def test_it_imports_nothing_of_the_working_directory(command: Sequence[str], path: str | None, tmp_path: Path) -> None:
    """The engine starts it in the folder of a project, whose files may have any names."""
    # What PYTHONPATH names hides even the modules that Python needs before it reads any site-packages.
    a_project_with_files(tmp_path, ("queue", "types", "email", "requests") if path else EVERY_NAME)
    environ = {**os.environ, **({"PYTHONPATH": path} if path else {})}
    with Process(
        [*command, "127.0.0.1:1"], cwd=tmp_path, env=environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        said, wrong = process.stdout, process.stderr
        assert said is not None and wrong is not None
        port = said.readline().strip()
        assert port, wrong.read()
        assert version_at(port) == schema.VERSION
        process.terminate()
        assert process.wait(30) == 0


def test_dynamic_providers_can_be_files_of_the_project_that_hide_no_module(tmp_path: Path) -> None:
    a_project_with_files(tmp_path, EVERY_NAME)
    (tmp_path / "of_the_project.py").write_text("")
    # Run as the module of that name, so that what it does at its start can be seen.
    program = (
        "import queue, requests, sys\n"
        "from pulumi_fusion.api import transport\n"
        "import of_the_project\n"
        "print(sys.orig_argv[2:4])\n"
    )
    place = tmp_path / "packages" / "pulumi"
    place.mkdir(parents=True)
    (place / "__init__.py").touch()
    (place / "dynamic.py").write_text(program)
    (tmp_path / "pulumi.py").unlink()
    done = subprocess.run(
        [sys.executable, "-u", "-m", "pulumi.dynamic"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(place.parent)},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (done.returncode, done.stdout) == (0, "['-m', 'pulumi.dynamic']\n"), done.stderr


def test_what_is_protected_there_is_all_that_the_provider_imports() -> None:
    """Beside the command line's own."""
    required = {re.split(r"[^\w-]", each)[0].lower() for each in requires("pulumi-fusion") or [] if "extra" not in each}
    modules = {name for name, owners in packages_distributions().items() for each in owners if each.lower() in required}
    assert modules - {"click", "rich", "pulumi_fusion"} <= working_directory.DEPENDENCIES


@pytest.mark.parametrize("command", [["-c", "import queue"], ["-m", "of_the_project"]], ids=" ".join)
def test_other_programs_import_their_own_files_first(command: Sequence[str], tmp_path: Path) -> None:
    (tmp_path / "queue.py").write_text("print('of the project')\n")
    (tmp_path / "of_the_project.py").write_text("import queue\n")
    done = subprocess.run(
        [sys.executable, *command, "pulumi.dynamic"], cwd=tmp_path, capture_output=True, text=True, timeout=60
    )
    assert (done.returncode, done.stdout) == (0, "of the project\n")


def test_it_does_not_outlive_who_started_it() -> None:
    """An engine that is killed says nothing."""
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
    raise AssertionError("it is still there")


def test_no_component_is_exported() -> None:
    """The official host would serve it instead of this provider, and say nothing."""
    for name in pulumi_fusion.__all__:
        getattr(pulumi_fusion, name)
    assert components_from_module(pulumi_fusion) == []
