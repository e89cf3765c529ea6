"""The service and the stack that each command starts from, and what a command needed of the role of its key."""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import pytest

from fusion_emulator import Emulator
from fusion_emulator.auth import Caller
from fusion_emulator.journal import Entry
from fusion_emulator.roles import ROLES, Action
from tests.contract.cli.terminal import Terminal
from tests.engine.stack import Ran, Stack, a_customer

__all__ = ["ACME", "MASQUERADE", "NEW", "Observed", "Scenario", "refusal", "request", "scenario"]

ACME: Final = a_customer("acme-corp")
"""The customer that the stack manages."""

NEW: Final = a_customer("new-corp")

MASQUERADE: Final = "masquerade"
"""The right to get a token inside a customer."""

# Several requests may be sent at the same time. The first of these that was refused is the one that an error reports.
_ORDER: Final = (
    "POST /user",
    "POST /customer",
    "PUT /customer/…",
    "DELETE /customer/…",
    "GET /customer/…",
    "GET /customers/types",
    "GET /customers",
    "POST /auth/token",
)


@dataclass
class Observed:
    """What the service was asked for during a command: rights such as ``customers: fetch``, and the requests."""

    rights: set[str]
    requests: Sequence[Entry]


@dataclass
class Scenario:
    """A stack that manages acme-corp, on a service that also has harbor, and north-mssp with trial-co below it."""

    emulator: Emulator
    stack: Stack
    keys: dict[str, str]
    _rights: set[str] = field(default_factory=set)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def _kept(self) -> Path:
        return self.stack.folder.parent / "kept"

    @property
    def _file(self) -> Path:
        return self.stack.folder.parent / "service.json"

    def keep(self) -> None:
        """Keep the service and the state as they are; each run starts from them."""
        self.emulator.stop()
        shutil.copytree(self.stack.folder / "backend", self._kept / "backend")
        shutil.copy(self._file, self._kept)
        self.emulator.start()

    def start(self, role: str) -> None:
        """Restore what was kept, and use a key of the role."""
        self.emulator.stop()
        shutil.copy(self._kept / self._file.name, self._file)
        shutil.rmtree(self.stack.folder / "backend")
        shutil.copytree(self._kept / "backend", self.stack.folder / "backend")
        self.emulator.start()
        self.stack.environ["NETOSECRET"] = self.keys[role]
        self.stack.declare({"acme": ACME})
        self.emulator.requests.clear()
        self._rights.clear()

    def asked(self, resource: str, action: str) -> None:
        """Note a right that the service required."""
        with self._lock:
            self._rights.add(f"{resource}: {action}")

    def observed(self) -> Observed:
        """Return what the command needed."""
        requests = tuple(self.emulator.requests)
        inside = any(each.account not in (None, self.emulator.root.shortname) for each in requests)
        return Observed(self._rights | ({MASQUERADE} if inside else set()), requests)

    def cli(self, *arguments: str) -> Ran:
        """Run ``pulumi-fusion`` in a shell with the credential."""
        shell = Terminal(self.stack.folder, {"NETOSECRET": self.stack.environ["NETOSECRET"]})
        # `doctor` needs an engine on PATH.
        done = shell.run(*arguments, PATH=os.environ["PATH"])
        return Ran(done.returncode, done.stdout, done.stderr)


@contextmanager
def scenario(folder: Path) -> Iterator[Scenario]:
    """Yield a scenario whose service has a key for each role."""
    with Emulator(state=folder / "service.json") as emulator, pytest.MonkeyPatch.context() as patch:
        emulator.seed("harbor")
        emulator.seed("north-mssp", type="reseller")
        emulator.seed("trial-co", parent="north-mssp")
        keys = {role: emulator.key(role=role) for role in ROLES}
        stack = Stack(folder / "stack", {"NETOSECRET": keys["admin"], "FUSION_API_URL": emulator.url})
        made = Scenario(emulator, stack, keys)
        stack.declare({"acme": ACME})
        stack.up().ok()
        made.keep()
        require = Caller.require

        def noted(self: Caller, resource: str, action: Action) -> None:
            made.asked(resource, action)
            require(self, resource, action)

        patch.setattr(Caller, "require", noted)
        yield made


def request(entry: Entry) -> str:
    """Return the method and the path of a request, without the name of a customer."""
    path = entry.path.removeprefix("/api/v1")
    return f"{entry.method} {path.rpartition('/')[0] + '/…' if path.startswith('/customer/') else path}"


def refusal(requests: Sequence[Entry]) -> str | None:
    """Return the request that was refused because of the role, or None."""
    refused = {request(each) for each in requests if each.status in (401, 403)}
    return next((each for each in _ORDER if each in refused), None)


def harbor(emulator: Emulator, **fields: Any) -> dict[str, Any]:
    """Return the fields of harbor as the service has them, with the option that adopts it."""
    account = emulator.account("harbor")
    assert account is not None
    return a_customer("harbor", **{"adopt": account.id, **fields})
