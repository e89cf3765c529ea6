"""One stack, kept as the engine keeps it, over a provider driven through its own hooks; the emulator is the judge.

What the engine does with an answer: a create that raised leaves nothing in the state; an update or delete that raised
leaves what was there; a read whose id is empty drops the resource; a replacement creates first and deletes afterwards,
and what it could not delete stays pending for the next run
(https://www.pulumi.com/docs/iac/concepts/how-pulumi-works/). Every number arrives as a double.
"""

from __future__ import annotations

import base64
import json
import logging
import sys
import time
import traceback
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, TypeVar

from pulumi import dynamic
from pulumi.dynamic.config import Config

from fusion_emulator import Account, Emulator
from pulumi_fusion.dynamic import deletions_of_process
from pulumi_fusion.errors import FusionError
from tests.contract.faults.outcome import Outcome, Stored, require_helpful
from tests.contract.faults.provider import Provider, as_sent, as_stored

if TYPE_CHECKING:
    from typing_extensions import Self

T = TypeVar("T")

PROGRAM: Final[Mapping[str, Any]] = {
    "email": "ada@acme.example.com",
    "givenName": "Ada",
    "familyName": "Admin",
    "organization": "Acme, Inc.",
    "shortname": "acmecorp",
    "type": "SLG",
    "status": "Trial Active",  # deletion protection is off by default
    "dataRetention": 90,
    "rollupRetention": 180,
}
"""A customer as a program declares it."""

GRACE: Final = 5.0
"""Seconds that an operation may take beyond its deadline."""


@dataclass
class Stack:
    """Resources by their name in the program. ``url`` and ``netosecret`` may differ from the emulator's own.

    The deadline is far away, since a busy machine needs time; tests of operations that end by it set a short one.
    """

    emulator: Emulator
    deadline: float = 20.0
    preflight: str = "off"
    url: str | None = None
    netosecret: str | None = None
    state: dict[str, Stored] = field(default_factory=dict)
    pending: dict[str, Stored] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list, repr=False)
    _foreign: dict[str, Account] = field(default_factory=dict)

    def __enter__(self) -> Self:
        self._limit = getattr(sys, "tracebacklimit", None)
        self._factory = logging.getLogRecordFactory()
        self._foreign = {account.id: account for account in self.emulator.accounts()}
        self.restart()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        logging.setLogRecordFactory(self._factory)
        if self._limit is None:
            vars(sys).pop("tracebacklimit", None)
        else:
            sys.tracebacklimit = self._limit

    def restart(self) -> None:
        """A new provider process: nothing is left but what the engine keeps."""
        self._before_get: Callable[[], None] = lambda: None
        deletions_of_process.cache_clear()
        self.provider = Provider(self.warnings.append, lambda: self._before_get())
        config = {
            "fusion:netosecret": self.netosecret or self.emulator.netosecret,
            "fusion:apiUrl": self.url or self.emulator.url,
            "fusion:deadline": str(self.deadline),
            "fusion:preflight": self.preflight,
        }
        self.provider.configure(dynamic.ConfigureRequest(config=Config(config, "rehearsal")))
        # Set aside, so that a test that fails shows its frames; _call formats errors as it would.
        assert vars(sys).pop("tracebacklimit") == 0

    def meanwhile(self, method: str, path: str, act: Callable[[], None]) -> None:
        """Run ``act`` once, before the first GET of a customer after the service received such a request."""
        left = [act]

        def before_get() -> None:
            if left and self.emulator.requests.of(method, path):
                left.pop()()

        self._before_get = before_get

    # What the engine does.

    def up(self, name: str, program: Mapping[str, Any]) -> Outcome:
        """`pulumi up` of one resource: what is left to delete, then check, diff, and what that leads to."""
        left = self._delete_pending(name)
        if left is not None:
            return left
        old = self.state.get(name)
        checked = self.provider.check(as_sent(old.inputs if old else {}), as_sent(program))
        if checked.failures:
            return Outcome(failures=tuple((failure.property, failure.reason) for failure in checked.failures))
        inputs = as_sent(checked.inputs)
        if old is None:
            return self._create(name, inputs)
        change = self.provider.diff(old.id, as_stored(old.outputs), inputs)
        if change.replaces:
            outcome = self._create(name, inputs)
            if not outcome.ok:
                return outcome
            self.pending[name] = old
            return self._delete_pending(name) or outcome
        if not change.changes:
            self.state[name] = Stored(old.id, inputs, old.outputs)
            return Outcome()
        result, outcome = self._call(
            "update", old.id, lambda: self.provider.update(old.id, as_sent(old.outputs), inputs)
        )
        if result is not None:
            self.state[name] = Stored(old.id, inputs, as_sent(result.outs or {}))
        return outcome

    def plan(self, name: str, program: Mapping[str, Any]) -> str | list[str]:
        """`pulumi preview` of one resource: what `up` would do, or the properties whose check fails."""
        old = self.state.get(name)
        checked = self.provider.check(as_sent(old.inputs if old else {}), as_sent(program))
        if checked.failures:
            return [failure.property for failure in checked.failures]
        if old is None:
            return "create"
        change = self.provider.diff(old.id, as_stored(old.outputs), as_sent(checked.inputs))
        return "replace" if change.replaces else "update" if change.changes else "same"

    def refresh(self, name: str) -> Outcome:
        """`pulumi refresh` of one resource."""
        old = self.state[name]
        result, outcome = self._call("read", old.id, lambda: self.provider.read(old.id, as_sent(old.outputs)))
        if result is None:
            return outcome
        if not result.id:
            del self.state[name]
        else:
            self.state[name] = Stored(result.id, as_sent(result.inputs or old.inputs), as_sent(result.outs or {}))
        return outcome

    def destroy(self, name: str) -> Outcome:
        """`pulumi destroy` of one resource."""
        left = self._delete_pending(name)
        if left is not None:
            return left
        outcome = self._delete(self.state[name])
        if outcome.ok:
            del self.state[name]
        return outcome

    def forget(self, name: str) -> None:
        """`pulumi state delete`."""
        self.state.pop(name, None)
        self.pending.pop(name, None)

    def recover(self, name: str, program: Mapping[str, Any]) -> Outcome:
        """The documented way back: run it again, and if the error contains an adopt line, apply it."""
        self.restart()
        outcome = self.up(name, program)
        if not outcome.ok and outcome.adopt is not None:
            outcome = self.up(name, {**program, "adopt": outcome.adopt})
        return outcome

    def _create(self, name: str, inputs: dict[str, Any]) -> Outcome:
        result, outcome = self._call("create", inputs["shortname"], lambda: self.provider.create(inputs))
        if result is not None:
            self.state[name] = Stored(result.id, inputs, as_sent(result.outs or {}))
        return outcome

    def _delete_pending(self, name: str) -> Outcome | None:
        """What went wrong with deleting the one that was replaced; None where nothing is left to delete."""
        if name in self.pending:
            outcome = self._delete(self.pending[name])
            if not outcome.ok:
                return outcome
            del self.pending[name]
        return None

    def _delete(self, old: Stored) -> Outcome:
        def delete() -> bool:
            self.provider.delete(old.id, as_sent(old.outputs))
            return True

        return self._call("delete", old.id, delete)[1]

    def _call(self, verb: str, shortname: str, hook: Callable[[], T]) -> tuple[T | None, Outcome]:
        """Run a hook. Only a FusionError is caught, since any other exception is a traceback for the user."""
        began = time.monotonic()
        result, error, text = None, None, ""
        try:
            result = hook()
        except FusionError as failure:
            # The SDK sends format_exc(), under the limit that configure leaves behind.
            error, text = failure, "".join(traceback.format_exception(failure, limit=0)).strip()
        seconds = time.monotonic() - began
        assert seconds <= self.deadline + GRACE, f"{verb} took {seconds:.1f} s"
        if error is not None:
            require_helpful(text, verb, shortname, self.planted())
        return result, Outcome(error, text)

    # Checks against the emulator.

    def planted(self) -> Iterable[str]:
        """Return what no error may contain: the credential and each secret part of it."""
        credential = self.netosecret or self.emulator.netosecret
        fields = json.loads(base64.b64decode(credential + "=" * (-len(credential) % 4)))
        return credential, fields["sharedsecret"], fields["appkey"]

    def foreign(self, *accounts: Account) -> None:
        """Note accounts that another user created or changed, as they have to stay."""
        self._foreign |= {account.id: account for account in accounts}

    def gone(self, account: Account) -> None:
        """Note an account that another user removed."""
        self._foreign.pop(account.id, None)

    def is_foreign(self, identity: str | None) -> bool:
        return identity in self._foreign

    def created(self) -> list[Account]:
        """Return the accounts of the service that this stack created."""
        return [account for account in self.emulator.accounts() if account.id not in self._foreign]

    def require_unharmed(self) -> None:
        """Fail if a foreign account was changed, deleted or adopted, or if this stack created a customer twice."""
        live = {account.id: account for account in self.emulator.accounts()}
        for identity, account in self._foreign.items():
            assert live.get(identity) == account, f"{account.shortname} is foreign and was changed"
        for stored in (*self.state.values(), *self.pending.values()):
            assert not self.is_foreign(stored.outputs.get("customerId")), f"{stored.id} was adopted"
        names = [account.shortname for account in self.created()]
        assert len(names) == len(set(names)), f"doubled: {names}"

    def require_in_step(self) -> None:
        """Fail unless the service has exactly the customers of the state."""
        stored = {
            (each.outputs["shortname"], each.outputs.get("customerId"))
            for each in (*self.state.values(), *self.pending.values())
        }
        live = {(account.shortname, account.id) for account in self.created()}
        assert live == stored, f"lost: {live - stored}, only in the state: {stored - live}"

    def posts(self, shortname: str) -> int:
        """Return how many POSTs for that customer the service has carried out."""
        posts = self.emulator.requests.of("POST", "/customer")
        return sum(entry.genuine == 201 for entry in posts if entry.shortname == shortname)
