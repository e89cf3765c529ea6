"""A stack of the real Pulumi CLI, on a backend of files, whose program declares the customers of a JSON file."""

from __future__ import annotations

import atexit
import base64
import functools
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from pulumi_fusion.customer.names import state_key
from tests.engine.running import Running

PROGRAM = """
import json
import pulumi
from pulumi_fusion import Customer

declared = json.load(open("customers.json"))
before = None
for name, fields in declared.items():
    # A value that the engine does not know before another resource was made.
    fields = {
        key: before.apply(lambda _, value=value["unknown"]: value) if isinstance(value, dict) else value
        for key, value in fields.items()
    }
    customer = Customer(name, **fields)
    before = customer.customer_id
    pulumi.export(name, {"id": customer.customer_id, "address": customer.ingest_ip, "port": customer.ingest_port})
"""


PLUGIN_PROGRAM = """
import json
import pulumi

class Customer(pulumi.CustomResource):
    def __init__(self, name, fields, opts=None):
        super().__init__("fusion:index:Customer", name, {"customerId": None, "ingestIp": None, **fields}, opts)

declared = json.load(open("customers.json"))
before = None
for name, fields in declared.items():
    options = fields.pop("options", {})
    if "customTimeouts" in options:
        options["custom_timeouts"] = pulumi.CustomTimeouts(**options.pop("customTimeouts"))
    if "aliases" in options:
        options["aliases"] = [pulumi.Alias(type_=each) for each in options["aliases"]]
    fields = {
        key: before.apply(lambda _, value=value["unknown"]: value) if isinstance(value, dict) else value
        for key, value in fields.items()
    }
    customer = Customer(name, fields, pulumi.ResourceOptions(**options))
    before = customer.customerId
    pulumi.export(name, {"id": customer.customerId, "address": customer.ingestIp})
"""
"""The same for the plugin, without a generated SDK: fields by the keys of the state, and ``options`` of resources."""


@functools.cache
def packages() -> Path:
    """Return the file with the list of packages that the Python host asks for, made by the real pip."""
    arguments = ["list", "-v", "--format", "json"]
    listed = subprocess.run([sys.executable, "-m", "pip", *arguments], capture_output=True, text=True, check=True)
    folder = tempfile.TemporaryDirectory(prefix="packages-")
    atexit.register(folder.cleanup)
    file = Path(folder.name) / "packages.json"
    file.write_text(json.dumps({"arguments": arguments, "prefix": sys.prefix, "packages": listed.stdout}))
    return file


def quick_python() -> dict[str, str]:
    """Return the environment of a Pulumi command whose Python processes take less processor time."""
    return {"PYTHONPATH": str(Path(__file__).parent / "quick_python"), "PACKAGES_OF_THE_TESTS": str(packages())}


# A folder for each name of a stack, with the backend and the configuration of a stack without resources.
_INITIALIZED: dict[str, Path] = {}


def in_schema(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Fields of a customer by the keys of the schema."""
    return {state_key(name): value for name, value in fields.items()}


def a_customer(shortname: str, **fields: Any) -> dict[str, Any]:
    """Fields of a valid customer; ``None`` leaves one out."""
    declared = {
        "email": f"admin@{shortname}.example.com",
        "given_name": "Skippy",
        "family_name": "Longbottom",
        "organization": f"{shortname} Inc.",
        "shortname": shortname,
        "type": "SLG",
        "status": "Active",
        "data_retention": 90,
        "rollup_retention": 180,
        "deletion_protection": False,
        **fields,
    }
    return {key: value for key, value in declared.items() if value is not None}


def engine_environment(folder: Path) -> dict[str, str]:
    """Return an environment for Pulumi commands whose home, state and registered plugins are in the folder."""
    engine = os.environ.get("PULUMI_FUSION_ENGINE")
    if not engine:
        pytest.fail(f"no engine: {os.environ.get('PULUMI_FUSION_ENGINE_MISSING', 'start the tests by tests/run')}")
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "PULUMI_HOME": str(folder / "home"),
        "PULUMI_BACKEND_URL": f"file://{folder}/backend",
        "PULUMI_CONFIG_PASSPHRASE": "",
        "PULUMI_SKIP_UPDATE_CHECK": "true",
        # The Python host runs `pip list` for each command, and pip would ask its index for a newer pip.
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        **quick_python(),
        "PYTHONDONTWRITEBYTECODE": "1",
        "NO_COLOR": "1",
    }


@dataclass(frozen=True)
class Ran:
    """How a command ended: exit code, stdout, stderr."""

    code: int
    stdout: str
    stderr: str

    @property
    def text(self) -> str:
        return self.stdout + self.stderr

    def ok(self) -> Ran:
        assert self.code == 0, self.text
        return self

    def failed(self, *, interrupted: bool = False) -> Ran:
        """Fail unless the command failed, without a traceback and without an internal error of the SDK.

        ``interrupted``: the CLI 3.276 interrupts the program when a provider's configuration fails its check, and the
        SDK that runs the program may print a traceback of its own.
        """
        assert self.code != 0, self.text
        assert not has_project_traceback(self.text), self.text
        assert interrupted or not has_traceback(self.text), self.text
        assert "Unexpected <class" not in self.text, self.text
        return self


def has_traceback(text: str) -> bool:
    """Return whether the output has a traceback.

    That of an SDK whose engine ended first isn't one of a failure: the CLI 3.276 stops at an error without waiting for
    the program, and interrupts it.
    """
    return "Traceback" in _without_interrupts(text) and "resource monitor shut down" not in text


def has_project_traceback(text: str) -> bool:
    """Return whether the output has a traceback through code of this project.

    When a provider was killed, the CLI 3.276 interrupts the program, and the SDK that runs it may print its own.
    """
    return re.search(r'File ".*/provider/pulumi_fusion/', _without_interrupts(text)) is not None


def _without_interrupts(text: str) -> str:
    """Return the text without the tracebacks of programs that were interrupted, which may be anywhere in their code."""
    return re.sub(
        r"Traceback \(most recent((?!Traceback \(most recent).)*?KeyboardInterrupt", "", text, flags=re.DOTALL
    )


@dataclass
class Stack:
    """The project in ``folder``, or one that declares what ``declare`` is given, with one stack.

    ``environ`` is the environment of its commands in addition to PATH, ``kind`` the end of the type of its customers.
    """

    folder: Path
    environ: dict[str, str] = field(default_factory=dict)
    name: str = "test"
    program: str = PROGRAM
    kind: str = "fusion:Customer"

    def __post_init__(self) -> None:
        (self.folder / "backend").mkdir(parents=True, exist_ok=True)
        if not (self.folder / "Pulumi.yaml").exists():
            (self.folder / "Pulumi.yaml").write_text("name: onboarding\nruntime: python\n")
            (self.folder / "__main__.py").write_text(self.program)
            self.declare({})
            self._initialize()
        else:
            self.pulumi("stack", "init", self.name).ok()

    def _initialize(self) -> None:
        """Do what `pulumi stack init` does, by a copy of what it did for the first stack of that name."""
        if self.name not in _INITIALIZED:
            self.pulumi("stack", "init", self.name).ok()
            folder = Path(tempfile.mkdtemp(prefix="stack-"))
            atexit.register(shutil.rmtree, folder, ignore_errors=True)
            _INITIALIZED[self.name] = folder
            self._copy_stack(self.folder, folder)
        else:
            self._copy_stack(_INITIALIZED[self.name], self.folder)

    def _copy_stack(self, source: Path, target: Path) -> None:
        shutil.copytree(source / "backend", target / "backend", dirs_exist_ok=True)
        shutil.copy(source / f"Pulumi.{self.name}.yaml", target)
        # Which stack is selected is a file of the CLI that is named by the path of the project.
        path = hashlib.sha1(str(target / "Pulumi.yaml").encode(), usedforsecurity=False).hexdigest()
        selected = target / "home" / "workspaces" / f"onboarding-{path}-workspace.json"
        selected.parent.mkdir(parents=True, exist_ok=True)
        selected.write_text(json.dumps({"stack": self.name}))

    @property
    def checkpoint(self) -> Path:
        """The file in which the backend keeps the state."""
        project = re.search(r"^name: (\S+)", (self.folder / "Pulumi.yaml").read_text(), re.MULTILINE)
        assert project is not None
        return self.folder / "backend" / ".pulumi" / "stacks" / project[1] / f"{self.name}.json"

    def restored(self) -> str:
        """Repair a backend whose state no command can read, as the README documents it; return the report."""
        repair = Path(__file__).resolve().parents[2] / ".ci" / "engine" / "restore"
        return subprocess.run([repair, self.folder / "backend"], capture_output=True, text=True, check=True).stderr

    def declare(self, customers: Mapping[str, Mapping[str, Any]]) -> None:
        (self.folder / "customers.json").write_text(json.dumps(customers))

    def environment(self) -> dict[str, str]:
        return engine_environment(self.folder) | self.environ

    def command(self, *arguments: str) -> list[str]:
        return ["pulumi", *arguments, "--non-interactive", "--color", "never"]

    def pulumi(self, *arguments: str, timeout: float = 300, plain: bool = False) -> Ran:
        """Run a command to its end; ``plain`` ones know nothing of being interactive."""
        done = subprocess.run(
            ["pulumi", *arguments] if plain else self.command(*arguments),
            cwd=self.folder,
            env=self.environment(),
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )
        return Ran(done.returncode, done.stdout, done.stderr)

    def start(self, *arguments: str) -> Running:
        return Running(self.command(*arguments), self.folder, self.environment())

    def preview(self, *arguments: str) -> Ran:
        return self.pulumi("preview", "--diff", *arguments)

    def diff_lines(self) -> list[str]:
        """The lines of a preview's diff, without the padding that lines their colons up."""
        return [re.sub(r"\s*:", ":", line.strip(), count=1) for line in self.preview().ok().stdout.splitlines()]

    def up(self, *arguments: str) -> Ran:
        return self.pulumi("up", "--yes", "--skip-preview", *arguments)

    def refresh(self, *arguments: str) -> Ran:
        return self.pulumi("refresh", "--yes", "--skip-preview", *arguments)

    def destroy(self, *arguments: str) -> Ran:
        return self.pulumi("destroy", "--yes", "--skip-preview", *arguments)

    def steps(self) -> dict[str, dict[str, Any]]:
        """What a preview would do: for each customer's name its step of the plan."""
        plan = json.loads(self.pulumi("preview", "--json").ok().stdout)
        return {step["urn"].rpartition("::")[2]: step for step in plan["steps"] if self.kind in step["urn"]}

    def state(self) -> dict[str, dict[str, Any]]:
        """The customers in the stack's state: for each name its inputs and outputs."""
        return {
            each["urn"].rpartition("::")[2]: each
            for each in self._deployment().get("resources", [])
            if self.kind in each["urn"]
        }

    def pending(self) -> list[dict[str, Any]]:
        """The operations that a killed CLI left in the state as not ended."""
        pending: list[dict[str, Any]] = self._deployment().get("pending_operations", [])
        return pending

    def _deployment(self) -> dict[str, Any]:
        """What `pulumi stack export` prints of the deployment, without the command."""
        deployment: dict[str, Any] = json.loads(self.checkpoint.read_text())["checkpoint"].get("latest") or {}
        return deployment

    def require_no_changes(self) -> None:
        """Fail unless a refresh finds no change and the preview after it is empty, both by one command."""
        self.pulumi("preview", "--refresh", "--expect-no-changes").ok()


def credential_parts(netosecret: str) -> dict[str, str]:
    """The five fields of a netosecret, which the portal shows without padding."""
    parts: dict[str, str] = json.loads(base64.b64decode(netosecret + "=="))
    return parts


def mutations(requests: Sequence[Any]) -> list[str]:
    """The requests that may have changed a customer: method and path."""
    return [
        f"{each.method} {each.path}"
        for each in requests
        if each.method in ("POST", "PUT", "DELETE") and "/customer" in each.path
    ]
