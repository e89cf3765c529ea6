"""Which provider the real CLI runs: of the project, on PATH, or registered."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.engine.stack import Stack, a_customer, has_project_traceback, in_schema

SCRIPTS = Path(sys.executable).parent
WARNING = "using pulumi-resource-fusion from $PATH"


def another_provider_first_on_path(stack: Stack) -> None:
    """As an environment of another project would have one; this one does not even start."""
    other = stack.folder / "elsewhere" / "pulumi-resource-fusion"
    other.parent.mkdir()
    other.write_text("#!/bin/sh\necho 'the wrong provider' >&2\nexit 1\n")
    other.chmod(0o755)
    stack.environ["PATH"] = f"{other.parent}{os.pathsep}{stack.environment()['PATH']}"


def names_provider(stack: Stack, project: str, path: str) -> None:
    """Write Pulumi.yaml: the project, and the folder of its provider."""
    plugins = f"plugins:\n  providers:\n    - name: fusion\n      path: {path}\n"
    (stack.folder / "Pulumi.yaml").write_text(project + plugins)


def did_not_start(stack: Stack) -> str:
    """Return the output of a preview whose provider fails to start.

    The CLI interrupts the program then, so the SDK may add a traceback of its own.
    """
    ran = stack.preview()
    assert ran.code != 0, ran.text
    assert not has_project_traceback(ran.text), ran.text
    return ran.text


def test_the_provider_that_the_project_names_wins(plugin_stack: Stack) -> None:
    stack = plugin_stack
    stack.declare({"acme": in_schema(a_customer("acme-corp"))})
    another_provider_first_on_path(stack)
    assert "the wrong provider" in did_not_start(stack)

    project = (stack.folder / "Pulumi.yaml").read_text()
    (stack.folder / "environment").symlink_to(SCRIPTS.parent)
    # A relative path begins at the folder of Pulumi.yaml.
    names_provider(stack, project, "environment/bin")
    assert WARNING not in stack.up().ok().text

    # As in an image: the folder has nothing but a script that starts the provider of an environment elsewhere.
    launcher = stack.folder / "opt" / "pulumi-resource-fusion"
    launcher.parent.mkdir()
    launcher.write_text(f'#!/bin/sh\nexec {SCRIPTS}/pulumi-resource-fusion "$@"\n')
    launcher.chmod(0o755)
    names_provider(stack, project, str(launcher.parent))
    assert WARNING not in stack.pulumi("preview", "--expect-no-changes").ok().text
    stack.destroy().ok()
    assert not (Path(stack.environment()["PULUMI_HOME"]) / "plugins").exists()


def test_a_registered_provider_is_used_where_providers_on_path_are_ignored(plugin_stack: Stack) -> None:
    stack = plugin_stack
    stack.declare({"acme": in_schema(a_customer("acme-corp"))})
    said = subprocess.run(
        [SCRIPTS / "pulumi-fusion", "plugin", "install"], env=stack.environment(), check=True, capture_output=True
    ).stderr.decode()
    assert f"{SCRIPTS}/pulumi-resource-fusion on PATH is used instead" in " ".join(said.split())
    assert "PULUMI_IGNORE_AMBIENT_PLUGINS=true" in said

    another_provider_first_on_path(stack)
    assert WARNING in did_not_start(stack)
    stack.environ["PULUMI_IGNORE_AMBIENT_PLUGINS"] = "true"
    assert WARNING not in stack.up().ok().text
    stack.destroy().ok()


def test_the_error_for_a_removed_environment_names_the_fix(plugin_stack: Stack) -> None:
    """The engine calls every provider that ends early a bug of it; what the provider wrote to stderr comes after."""
    stack = plugin_stack
    stack.declare({"acme": in_schema(a_customer("acme-corp"))})
    environment = stack.folder / "removed"
    environment.symlink_to(SCRIPTS.parent)
    python = environment / "bin" / "python"
    install: list[str | Path] = [python, "-c", "from pulumi_fusion.cli import main; main()", "plugin", "install"]
    subprocess.run(install, env=stack.environment(), check=True, capture_output=True)
    stack.environ["PULUMI_IGNORE_AMBIENT_PLUGINS"] = "true"
    stack.up().ok()

    environment.unlink()
    printed = " ".join(did_not_start(stack).split())
    assert f"{python} is gone" in printed
    assert "pulumi-fusion plugin install" in printed
