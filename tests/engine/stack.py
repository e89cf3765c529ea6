"""A stack of the real Pulumi CLI, on a backend of files, whose program declares the customers of a JSON file."""

from __future__ import annotations

import atexit
import base64
import contextlib
import functools
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from pulumi_fusion.customer.names import state_key

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


QUICK_PIP = Path(__file__).parent / "quick_pip"


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
        assert interrupted or "Traceback" not in self.text, self.text
        assert "Unexpected <class" not in self.text, self.text
        return self


def has_project_traceback(text: str) -> bool:
    """Return whether the output has a traceback through code of this project.

    When a provider was killed, the CLI 3.276 interrupts the program, and the SDK that runs it may print its own.
    """
    return re.search(r'File ".*/provider/pulumi_fusion/', text) is not None


class Running:
    """A running command in its own process group, with its output so far."""

    def __init__(self, command: Sequence[str], folder: Path, environment: Mapping[str, str]) -> None:
        self._said = folder / "said.txt"
        with self._said.open("w") as said:
            self._process = subprocess.Popen(
                command, cwd=folder, env=environment, stdout=said, stderr=subprocess.STDOUT, start_new_session=True
            )

    def __enter__(self) -> Running:
        return self

    def __exit__(self, *_: object) -> None:
        """End it and all that it started."""
        for pid in [*self.descendants(""), self._process.pid]:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self._process.wait()

    def text(self) -> str:
        return self._said.read_text()

    def signal(self, number: int) -> None:
        self._process.send_signal(number)

    def until(self, condition: Callable[[], bool], seconds: float = 180) -> None:
        """Wait until the condition is met; fail if the command ends before, or after so many seconds."""
        end = time.monotonic() + seconds
        while not condition():
            assert self._process.poll() is None, f"it ended before: {self.text()}"
            assert time.monotonic() < end, f"the condition was not met: {self.text()}"
            time.sleep(0.02)

    def end(self, seconds: float = 180) -> str:
        """Return its whole output, once it has ended by itself."""
        self._process.wait(seconds)
        return self.text()

    def descendants(self, word: str) -> list[int]:
        """Processes that it started, directly or not, with the word in their command line (Linux).

        They are known by their session: a provider whose engine was killed has init for its parent.
        """
        found = []
        for stat in Path("/proc").glob("[0-9]*/stat"):
            with contextlib.suppress(OSError):
                # The name before the parenthesis may hold anything: proc(5).
                pid, session = int(stat.parent.name), int(stat.read_text().rpartition(")")[2].split()[3])
                if session == self._process.pid != pid and word in self.command_line(pid):
                    found.append(pid)
        return found

    @staticmethod
    def command_line(pid: int) -> str:
        with contextlib.suppress(OSError):
            return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        return ""


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
        self.pulumi("stack", "init", self.name).ok()

    @property
    def checkpoint(self) -> Path:
        """The file in which the backend keeps the state."""
        return self.folder / "backend" / ".pulumi" / "stacks" / "onboarding" / f"{self.name}.json"

    def restored(self) -> str:
        """Repair a backend whose state no command can read, as the README documents it; return the report."""
        repair = Path(__file__).resolve().parents[2] / ".ci" / "engine" / "restore"
        return subprocess.run([repair, self.folder / "backend"], capture_output=True, text=True, check=True).stderr

    def declare(self, customers: Mapping[str, Mapping[str, Any]]) -> None:
        (self.folder / "customers.json").write_text(json.dumps(customers))

    def environment(self) -> dict[str, str]:
        engine = os.environ.get("PULUMI_FUSION_ENGINE")
        if not engine:
            pytest.fail(f"no engine: {os.environ.get('PULUMI_FUSION_ENGINE_MISSING', 'start the tests by tests/run')}")
        return {
            "PATH": os.environ["PATH"],
            "HOME": str(self.folder),
            "PULUMI_HOME": str(self.folder / "home"),
            "PULUMI_BACKEND_URL": f"file://{self.folder}/backend",
            "PULUMI_CONFIG_PASSPHRASE": "",
            "PULUMI_SKIP_UPDATE_CHECK": "true",
            # The Python host runs `pip list` for each command, and pip would ask its index for a newer pip.
            "PIP_DISABLE_PIP_VERSION_CHECK": "1",
            "PYTHONPATH": str(QUICK_PIP),
            "PACKAGES_OF_THE_TESTS": str(packages()),
            "PYTHONDONTWRITEBYTECODE": "1",
            "NO_COLOR": "1",
            **self.environ,
        }

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
        exported = json.loads(self.pulumi("stack", "export").ok().stdout)
        return {
            each["urn"].rpartition("::")[2]: each
            for each in exported["deployment"].get("resources", [])
            if self.kind in each["urn"]
        }

    def pending(self) -> list[dict[str, Any]]:
        """The operations that a killed CLI left in the state as not ended."""
        exported = json.loads(self.pulumi("stack", "export").ok().stdout)
        pending: list[dict[str, Any]] = exported["deployment"].get("pending_operations", [])
        return pending

    def require_no_changes(self) -> None:
        """Fail unless a refresh finds no change and the preview after it is empty."""
        self.refresh("--expect-no-changes").ok()
        self.pulumi("preview", "--expect-no-changes").ok()


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
