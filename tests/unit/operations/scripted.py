"""A service that answers by a script, and a clock that moves only while something waits."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

from pulumi_fusion.customer.model import Account, AccountType
from pulumi_fusion.deadline import Deadline
from tests.unit.samples import PARENT, account

DELAYED: object = object()
"""The answer 429: the client waits, has the precondition rechecked, and sends the request again."""

_MISSING: object = object()

CHANGING = ("POST", "PUT", "DELETE")


class Clock(threading.Event):
    """An interrupt whose waits take no time and move the clock; ``on_wait`` is called with each wait."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 1_000.0
        self.waits: list[float] = []
        self.on_wait: Callable[[float], None] = lambda seconds: None

    def monotonic(self) -> float:
        return self.now

    def wait(self, timeout: float | None = None) -> bool:
        assert timeout is not None
        self.now += timeout
        self.waits.append(timeout)
        self.on_wait(timeout)
        return self.is_set()


@contextmanager
def stopped_clock() -> Iterator[Clock]:
    """Yield the clock that ``time.monotonic`` shows from now on."""
    clock = Clock()
    with patch.object(time, "monotonic", clock.monotonic):
        yield clock


class ScriptedService:
    """A service whose answers are given.

    An answer that is an exception is raised, one that can be called is called first. Like the client, the service sends
    nothing after the deadline or an interrupt. A request without an answer fails the test.

    Args:
        get: What GETs answer before the first changing request, after it, after the second, and so on; the last of
            them stays. Each is one answer, or a list of answers in order, whose last one stays.
        post: The answers to POSTs, in order.
        put: The answers to PUTs, in order.
        delete: The answers to DELETEs, in order.
        customers: The answers to requests for the list, in order; empty lists without it.
        types: The answers to requests for the account types, in order; empty lists without it.
        tokens: The answers to requests for a token, in order; each succeeds without it.
    """

    account = PARENT

    def __init__(
        self,
        *,
        get: Sequence[object] = (),
        post: Iterable[object] = (),
        put: Iterable[object] = (),
        delete: Iterable[object] = (),
        customers: Iterable[object] | None = None,
        types: Iterable[object] | None = None,
        tokens: Iterable[object] | None = None,
    ) -> None:
        self._get = [list(shown) if isinstance(shown, list) else [shown] for shown in get]
        self._answers = {"POST": iter(post), "PUT": iter(put), "DELETE": iter(delete)}
        self._customers = None if customers is None else iter(customers)
        self._types = None if types is None else iter(types)
        self._tokens = None if tokens is None else iter(tokens)
        self._deadline: Deadline | None = None
        self.below: dict[str, ScriptedService | Exception] = {}
        self.calls: list[tuple[str, str, Any]] = []

    @property
    def verbs(self) -> list[str]:
        """The requests so far."""
        return [verb for verb, _, _ in self.calls]

    @property
    def changing(self) -> list[str]:
        """The requests so far that change something."""
        return [verb for verb in self.verbs if verb in CHANGING]

    def bodies(self, verb: str) -> list[Any]:
        return [body for called, _, body in self.calls if called == verb]

    @property
    def deadline(self) -> Deadline | None:
        return self._deadline

    def within(self, deadline: Deadline) -> ScriptedService:
        self._deadline = deadline
        return self

    def inside(self, shortname: str) -> ScriptedService:
        """Return the service inside an account: as ``below`` has it, else one with a customer of its own."""
        child = account(shortname="below-corp", parent=shortname)
        inside = self.below.get(shortname) or ScriptedService(customers=[[child]], get=[child])
        if isinstance(inside, Exception):
            raise inside
        assert self._deadline is not None
        return inside.within(self._deadline)

    def get_customer(self, shortname: str) -> Account:
        self._record("GET", shortname)
        assert self._get, f"GET {shortname} is not in the script: {self.verbs}"
        shown = self._get[min(len(self.changing), len(self._get) - 1)]
        found: Account = _result(shown.pop(0) if len(shown) > 1 else shown[0])
        return found

    def create_customer(self, body: Mapping[str, Any], *, recheck: Callable[[], None]) -> Account:
        created: Account = self._change("POST", body["shortname"], recheck, dict(body))
        return created

    def update_customer(self, shortname: str, body: Mapping[str, Any], *, recheck: Callable[[], None]) -> Account:
        updated: Account = self._change("PUT", shortname, recheck, dict(body))
        return updated

    def delete_customer(self, shortname: str, *, recheck: Callable[[], None]) -> None:
        self._change("DELETE", shortname, recheck)

    def authenticate(self) -> None:
        self._listed("TOKEN", self._tokens)

    def list_customers(self) -> Sequence[Account]:
        listed: Sequence[Account] = self._listed("LIST", self._customers)
        return listed

    def list_customer_types(self) -> Sequence[AccountType]:
        listed: Sequence[AccountType] = self._listed("TYPES", self._types)
        return listed

    def _change(self, verb: str, shortname: str, recheck: Callable[[], None], body: Any = None) -> Any:
        while True:
            self._record(verb, shortname, body)
            answer = next(self._answers[verb], _MISSING)
            assert answer is not _MISSING, f"{verb} {shortname} is not in the script: {self.verbs}"
            result = _result(answer)
            if result is not DELAYED:
                return result
            recheck()

    def _listed(self, verb: str, answers: Any) -> Any:
        self._record(verb, "")
        return () if answers is None else _result(next(answers))

    def _record(self, verb: str, shortname: str, body: Any = None) -> None:
        assert self._deadline is not None, "every request has a deadline"
        self._deadline.check(verb)
        self.calls.append((verb, shortname, body))


def _result(answer: object) -> Any:
    """Return the answer, or raise it."""
    result = answer() if callable(answer) else answer
    if isinstance(result, Exception):
        raise result
    return result
