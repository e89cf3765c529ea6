"""Which resources of the stack manage which customers, as far as one run can know.

The engine calls a provider for one resource at a time. Whether a customer may be deleted, adopted or created depends
on the other resources as well: those that the program declares, and those in the state of the stack.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

from pulumi_fusion import forking

__all__ = ["DYNAMIC_TYPE", "PLUGIN_TYPE", "Command", "Managed", "Stack", "StackState", "same_place"]

PLUGIN_TYPE: Final = "fusion:index:Customer"
"""The type of a customer in the plugin."""

DYNAMIC_TYPE: Final = "pulumi-python:dynamic/fusion:Customer"
"""The type of a customer in the dynamic provider."""


@dataclass(frozen=True)
class Managed:
    """One customer in the state of the stack.

    ``provider`` is the URN of the provider resource, ``protected`` the deletion protection, ``leaving`` says that only
    its deletion is left to do, as after a replacement.
    """

    urn: str
    shortname: str
    customer_id: str | None
    parent: str | None = None
    provider: str = ""
    protected: bool = False
    leaving: bool = False


@dataclass(frozen=True)
class Command:
    """What the engine was asked to do.

    ``imports``: import resources, without the program. ``destroys``: delete resources without asking the program.
    ``is_limited``: leave out resources, as by ``--target``, so that the provider isn't called for all that the program
    declares. ``targets`` are the URNs that it is limited to. ``goes_on``: go on after an error, and so delete although
    something failed.
    """

    imports: bool = False
    destroys: bool = False
    is_limited: bool = False
    targets: frozenset[str] = frozenset()
    goes_on: bool = False


@dataclass(frozen=True)
class StackState:
    """What the state of a stack holds: the customers, and the URNs of the providers that customers can have."""

    customers: Sequence[Managed] = ()
    providers: Sequence[str] = ()


@dataclass
class Stack:
    """The customers that the program declares and those in the state. Safe to use from several threads.

    ``read`` returns the state as it is now, None where it can't be read. ``kind`` is the type token of
    the frontend's resource, ``provider`` the URN of the provider that this process serves, "" where that isn't known.
    """

    read: Callable[[], StackState | None] = lambda: None
    command: Command = field(default_factory=Command)
    kind: str = ""
    provider: str = ""

    def __post_init__(self) -> None:
        self._lock = forking.Lock()
        self._reading = forking.Lock()
        self._read: dict[str, StackState | None] = {}
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

    def manage(self, customer_id: str | None, shortname: str, urn: str) -> None:
        """Note that a resource of the program adopted or reads a customer in this run."""
        if customer_id is None:
            return
        with self._lock:
            self._taken[customer_id] |= (
                {urn}
                if urn
                else (self._declared[shortname] or {f"a resource of the program, by the shortname {shortname!r}"})
            )

    def owner(self, customer_id: str | None) -> Managed | None:
        """Return the resource in the state that manages the customer; None where there is none or nothing is known."""
        found = [each for each in self._customers("start") if each.customer_id == customer_id is not None]
        return min(found, key=lambda each: each.leaving, default=None)

    def is_known(self) -> bool:
        """Return whether the state could be read."""
        return self._state("start") is not None

    def declares(self, shortname: str, urn: str) -> bool:
        """Return whether that resource of the program was checked in this run with that shortname."""
        with self._lock:
            return urn in self._declared[shortname]

    def declared_as(self, shortname: str) -> str:
        """Return the URN of the resource that declares the shortname, "" where none or more than one does."""
        with self._lock:
            urns = self._declared[shortname]
            return next(iter(urns)) if len(urns) == 1 else ""

    def other_parents(self, account: str) -> list[Managed]:
        """Return the customers of this provider in the state that belong to another account than ``account``."""
        return [
            each
            for each in self._customers("start")
            if each.parent not in (None, account) and same_place(each.provider, self.provider)
        ]

    def keepers(self, urn: str, shortname: str, customer_id: str | None) -> list[str]:
        """Return what else manages a customer that the resource ``urn`` ("" where unknown) is about to delete.

        A `pulumi destroy` of the whole stack deletes every resource, so nothing else keeps a customer then.
        """
        if self.command.destroys and not self.command.is_limited:
            return []
        entries = self._managing(customer_id)
        candidates = [urn] if urn else [each for each in entries if self._is_own(each)]
        leaving = candidates[0] if len(candidates) == 1 else ""
        if leaving in entries:
            entries.remove(leaving)
        with self._lock:
            declared = self._declared[shortname] - {leaving}
            taken = self._taken[customer_id] if customer_id is not None else set()
        return sorted({*entries, *declared, *(taken - {leaving})} - self.command.targets)

    def is_out_of_sight(self, urn: str, customer_id: str | None) -> bool:
        """Return whether the program may still declare a customer that is about to be deleted.

        A limited run shows the provider only a part of the program. What the program declares for another provider, in
        a process of its own, is known once it is in the state; after an error it may never get there. A resource that
        was checked in this run is being replaced, which is what the program wants.
        """
        partial = self.command.is_limited or (self.command.goes_on and self._has_other_providers())
        if self.command.destroys or not partial:
            return False
        with self._lock:
            checked = {each for urns in self._declared.values() for each in urns}
        return not ({urn} if urn else set(self._managing(customer_id))) & checked

    def _managing(self, customer_id: str | None) -> list[str]:
        """Return the URNs in the state that manage the customer, one that is there twice also twice."""
        return [each.urn for each in self._customers("delete") if each.customer_id == customer_id is not None]

    def _has_other_providers(self) -> bool:
        state = self._state("delete")
        if state is None:
            return True
        own = "pulumi:providers:pulumi-python" if self.kind == DYNAMIC_TYPE else "pulumi:providers:fusion"
        others = [each for each in state.providers if own not in each or not same_place(each, self.provider)]
        return bool(others)

    def _is_own(self, urn: str) -> bool:
        """Return whether a resource belongs to this frontend."""
        return urn.split("::")[2].rpartition("$")[2] == self.kind

    def _customers(self, moment: str) -> Sequence[Managed]:
        state = self._state(moment)
        return () if state is None else state.customers

    def _state(self, moment: str) -> StackState | None:
        """Return the state as it was when it was first asked for at that moment of the run."""
        with self._reading:
            if moment not in self._read:
                self._read[moment] = self.read()
            return self._read[moment]


def same_place(one: str, other: str) -> bool:
    """Return whether two URNs of providers may be the same provider: a default one is renamed by each version."""
    return not one or not other or _name(one) == _name(other)


def _name(provider: str) -> str:
    kind, _, name = provider.rpartition("::")
    return "default" if name == "default" or name.startswith("default_") else f"{kind}::{name}"
