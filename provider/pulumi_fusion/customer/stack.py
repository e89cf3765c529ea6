"""Which resources of the stack manage which customers.

The engine calls a provider for one resource at a time. Whether a customer may be deleted, adopted or created depends
on other resources too: those that the program declares, and those in the state of the stack.
"""

from __future__ import annotations

import re
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

from pulumi_fusion import forking

__all__ = ["DYNAMIC_TYPE", "PLUGIN_TYPE", "Command", "Managed", "Stack", "StackState", "may_be_same_provider"]

PLUGIN_TYPE: Final = "fusion:index:Customer"
"""The type token of the plugin."""

DYNAMIC_TYPE: Final = "pulumi-python:dynamic/fusion:Customer"
"""The type token of the dynamic provider."""

# Seconds that reading the state may take: it starts the CLI, which sends a request if the backend is a service.
_READ_SECONDS: Final = 20.0
# Seconds that deletions use the state that was read. It lacks what another provider adopts meanwhile.
_FRESH_SECONDS: Final = 1.0


@dataclass(frozen=True)
class Managed:
    """One customer in the state of the stack.

    Args:
        urn: The resource.
        shortname: Its shortname.
        customer_id: Its immutable id, None if the state has none or has it encrypted.
        parent: The shortname of the parent account.
        provider: The URN of the provider resource.
        protected: Whether it has deletion protection.
        pending_delete: Whether it was replaced and is yet to be deleted.
        kept: Whether a destroy retains the customer.
    """

    urn: str
    shortname: str
    customer_id: str | None
    parent: str | None = None
    provider: str = ""
    protected: bool = False
    pending_delete: bool = False
    kept: bool = False


@dataclass(frozen=True)
class Command:
    """What the engine does in this run.

    Args:
        imports: It imports resources, without the program.
        destroys: It deletes resources, without the program.
        is_limited: It skips resources, as with ``--target``, so the provider isn't called for all that are declared.
        targets: The URNs to which it is limited.
        may_miss: The state may lack resources of another provider when something is deleted, since the run continues
            after errors or writes no state before its end.
    """

    imports: bool = False
    destroys: bool = False
    is_limited: bool = False
    targets: frozenset[str] = frozenset()
    may_miss: bool = False


@dataclass(frozen=True)
class StackState:
    """The customers in the state of a stack, and the URNs of the providers that customers can have."""

    customers: Sequence[Managed] = ()
    providers: Sequence[str] = ()


@dataclass
class Stack:
    """The customers that the program declares and those in the state. Safe to use from several threads.

    Args:
        read: Returns the current state, or None if it can't be read in so many seconds. Without it nothing is known.
        command: What the engine does.
        kind: The type token of the frontend's resource.
        provider: The URN of the provider that this process serves, "" if unknown.
    """

    read: Callable[[float], StackState | None] | None = None
    command: Command = field(default_factory=Command)
    kind: str = ""
    provider: str = ""

    def __post_init__(self) -> None:
        """Create the locks and what the run notes."""
        self._lock = forking.Lock()
        self._reading = forking.Lock()
        self._read: dict[str, tuple[float, StackState | None]] = {}
        self._declared: defaultdict[str, set[str]] = defaultdict(set)
        self._taken: defaultdict[str, set[str]] = defaultdict(set)

    def declare(self, shortname: str, urn: str) -> str | None:
        """Note that the program declares a customer; return the URN of another resource that declares it too."""
        if not urn:
            return None
        with self._lock:
            others = self._declared[shortname] - {urn}
            self._declared[shortname].add(urn)
        return min(others, default=None)

    def note_managed(self, customer_id: str | None, shortname: str, urn: str) -> None:
        """Note that a resource of the program adopted or reads a customer in this run."""
        if customer_id is None:
            return
        with self._lock:
            self._taken[customer_id] |= (
                {urn}
                if urn
                else (self._declared[shortname] or {f"a resource of the program, by the shortname {shortname!r}"})
            )

    def owner(self, customer_id: str | None, shortname: str) -> Managed | None:
        """Return the resource in the state that manages the customer; None if there is none or nothing is known."""
        found = self._managing("start", customer_id, shortname)
        return min(found, key=lambda each: each.pending_delete, default=None)

    def named(self, shortname: str) -> Managed | None:
        """Return the resource in the state that has the shortname and isn't pending deletion, or None."""
        found = (each for each in self._customers("start") if each.shortname == shortname and not each.pending_delete)
        return next(found, None)

    def manages(self, urn: str) -> bool:
        """Return whether that resource is in the state and isn't pending deletion."""
        return any(each.urn == urn and not each.pending_delete for each in self._customers("start"))

    def is_known(self) -> bool:
        """Return whether the state could be read."""
        return self._state("start") is not None

    def declares(self, shortname: str, urn: str) -> bool:
        """Return whether that resource of the program was checked in this run with that shortname."""
        with self._lock:
            return urn in self._declared[shortname]

    def declared_as(self, shortname: str) -> str:
        """Return the URN of the only resource that declares the shortname, or ""."""
        with self._lock:
            urns = self._declared[shortname]
            return next(iter(urns)) if len(urns) == 1 else ""

    def other_parents(self, account: str) -> list[Managed]:
        """Return the customers of this provider in the state that belong to another account than ``account``."""
        return [
            each
            for each in self._customers("start")
            if each.parent not in (None, account)
            and (not self.kind or self._is_own(each.urn))
            and may_be_same_provider(each.provider, self.provider)
        ]

    def other_managers(self, urn: str, shortname: str, customer_id: str | None) -> list[str]:
        """Return what else manages a customer that the resource ``urn`` ("" if unknown) is about to delete.

        A `pulumi destroy` of the whole stack deletes every resource, so only those that it retains count.
        """
        managing = self._managing("start" if self._destroys_all else "delete", customer_id, shortname)
        entries = [each.urn for each in managing if each.kept or each.protected or not self._destroys_all]
        candidates = [urn] if urn else [each.urn for each in managing if self._is_own(each.urn)]
        deleted = candidates[0] if len(candidates) == 1 else ""
        if deleted in entries:
            entries.remove(deleted)
        if self._destroys_all:
            return sorted(entries)
        with self._lock:
            declared = self._declared[shortname] - {deleted}
            taken = self._taken[customer_id] if customer_id is not None else set()
        deleted_too = self.command.targets if self.command.destroys else frozenset()
        return sorted({*entries, *declared, *(taken - {deleted})} - deleted_too)

    @property
    def _destroys_all(self) -> bool:
        return self.command.destroys and not self.command.is_limited

    def may_be_declared_elsewhere(self, urn: str, shortname: str, customer_id: str | None) -> bool:
        """Return whether the program may still declare a customer that is about to be deleted.

        A limited run calls the provider only for a part of the program. What the program declares for another provider,
        which has its own process, is known only from the state, and an error may prevent that it is written there. A
        resource that was checked in this run with the same shortname is being replaced, which the user wants.
        """
        partial = self.command.is_limited or (self.command.may_miss and self._has_other_providers())
        if self.command.destroys or not partial:
            return False
        with self._lock:
            checked = set(self._declared[shortname])
        deleted = {urn} if urn else {each.urn for each in self._managing("delete", customer_id, shortname)}
        return not deleted or not deleted <= checked

    def _managing(self, moment: str, customer_id: str | None, shortname: str) -> list[Managed]:
        """Return what manages the customer in the state. A URN that is there twice is returned twice.

        A state may have the id encrypted, but not the shortname.
        """
        return [
            each
            for each in self._customers(moment)
            if each.customer_id == customer_id is not None or (each.customer_id is None and each.shortname == shortname)
        ]

    def is_unverified(self, shortname: str, customer_id: str | None) -> bool:
        """Return whether the state that was read lacks a customer that is about to be deleted.

        It may be the state of another stack, if the command names its stack in a way that isn't known here.
        """
        if self.read is None or self._destroys_all:
            return False
        return not self._managing("delete", customer_id, shortname)

    def _has_other_providers(self) -> bool:
        state = self._state("delete")
        if state is None:
            return True
        own = "pulumi:providers:pulumi-python" if self.kind == DYNAMIC_TYPE else "pulumi:providers:fusion"
        others = [each for each in state.providers if own not in each or not may_be_same_provider(each, self.provider)]
        return bool(others)

    def _is_own(self, urn: str) -> bool:
        """Return whether a resource belongs to this frontend."""
        return urn.split("::")[2].rpartition("$")[2] == self.kind

    def _customers(self, moment: str) -> Sequence[Managed]:
        state = self._state(moment)
        return () if state is None else state.customers

    def _state(self, moment: str) -> StackState | None:
        """Return the state at the ``moment``: "start" of the run, or "delete", at most one second old."""
        with self._reading:
            now = time.monotonic()
            at, state = self._read.get(moment, (None, None))
            if at is None or (moment == "delete" and now - at >= _FRESH_SECONDS):
                state = self.read(_READ_SECONDS) if self.read is not None else None
                self._read[moment] = (now, state)
            return state


def may_be_same_provider(one: str, other: str) -> bool:
    """Return whether two URNs may be the same provider. A default provider has another name in each version."""
    return not one or not other or _name(one) == _name(other)


def _name(provider: str) -> str:
    kind, _, name = provider.rpartition("::")
    return "default" if re.fullmatch(r"default(_\d+_\d+_\d+.*)?", name) else f"{kind}::{name}"
