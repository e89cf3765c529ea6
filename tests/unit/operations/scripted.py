"""A service that answers by a script, and a clock that moves only when somebody waits."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from pulumi_fusion.customer.model import Account, AccountType, Inputs, State
from pulumi_fusion.deadline import Deadline
from pulumi_fusion.errors import BadRequest, Conflict, Forbidden, InDoubt, NotFound, NotSent, Unauthorized, Unrecognised

ABOVE = "parent-msp"

DECLARED: Mapping[str, Any] = {
    "email": "admin@acme.example",
    "givenName": "Ada",
    "familyName": "Lovelace",
    "organization": "Acme Inc.",
    "shortname": "acme-corp",
    "type": "SLG",
    "status": "Active",
    "dataRetention": 45,
    "rollupRetention": 90,
}

POSTED: Mapping[str, Any] = {
    "shortname": "acme-corp",
    "username": "admin@acme.example",
    "given_name": "Ada",
    "family_name": "Lovelace",
    "organization": "Acme Inc.",
    "type": "customer",
    "trial": False,
    "retention": 45,
    "rollupRetention": 90,
}

PUT_BODY: Mapping[str, Any] = {
    key: value for key, value in POSTED.items() if key not in ("shortname", "username", "given_name", "family_name")
}


def declared(**changed: Any) -> Inputs:
    """The inputs of a customer; ``changed`` by Python names."""
    return Inputs.model_validate(DECLARED).model_copy(update=changed)


def account(**changed: Any) -> Account:
    """The account that the service shows for it, in the documented shape."""
    shown: dict[str, Any] = {
        "shortname": "acme-corp",
        "id": "id-1",
        "ingest_ip": "192.0.2.1",
        "ingest_port": 2055,
        "data_retention": 45,
        "rollup_retention": 90,
        "trial": False,
        "parent": ABOVE,
        "node": f"{ABOVE}/acme-corp",
        "children": 0,
        "is_parent": False,
    }
    return Account.model_construct(**{**shown, **changed})


def state(**changed: Any) -> State:
    """The state after a create."""
    service = {
        "customer_id": "id-1",
        "ingest_ip": "192.0.2.1",
        "ingest_port": 2055,
        "parent": ABOVE,
        "node": f"{ABOVE}/acme-corp",
        "deletion_protection": False,
    }
    return State.recall(DECLARED).model_copy(update={**service, **changed})


HELD: object = object()
"""The answer 429, waited out."""


def absent() -> NotFound:
    return NotFound("read the customer", "the service answered 404", status=404)


def lost() -> InDoubt:
    return InDoubt("create the customer", "the connection was reset")


def portal() -> Unrecognised:
    return Unrecognised("read the customer", "the service answered 200 with a page", status=200)


def refused() -> BadRequest:
    return BadRequest("create the customer", "the service answered 400", status=400)


def conflict() -> Conflict:
    return Conflict("create the customer", "the service answered 409", status=409)


def dead_key() -> Unauthorized:
    return Unauthorized("list the account types", "the service answered 401", status=401)


def no_role() -> Forbidden:
    return Forbidden("list the account types", "the service answered 403", status=403)


def unreachable() -> NotSent:
    return NotSent("reach the service", "the connection was refused")


class Clock(threading.Event):
    """An interrupt whose waits take no time and move the clock; ``on_wait`` is told each of them."""

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


class Scripted:
    """A gateway. Each verb has its answers in order: what is an exception is raised, what can be called is called
    first. A verb without answers left was not meant to be used. Like the client, it sends nothing after the deadline
    or an interrupt.
    """

    account = ABOVE

    def __init__(
        self,
        *,
        get: Iterable[object] = (),
        post: Iterable[object] = (),
        put: Iterable[object] = (),
        delete: Iterable[object] = (),
        customers: Iterable[object] | None = None,
        types: Iterable[object] | None = None,
        tokens: Iterable[object] | None = None,
    ) -> None:
        self._answers = {"GET": iter(get), "POST": iter(post), "PUT": iter(put), "DELETE": iter(delete)}
        self._customers = None if customers is None else iter(customers)
        self._types = None if types is None else iter(types)
        self._tokens = None if tokens is None else iter(tokens)
        self._deadline: Deadline | None = None
        self.below: dict[str, Scripted | Exception] = {}
        self.calls: list[tuple[str, str, Any]] = []

    @property
    def verbs(self) -> list[str]:
        return [verb for verb, _, _ in self.calls]

    @property
    def changing(self) -> list[str]:
        return [verb for verb in self.verbs if verb in ("POST", "PUT", "DELETE")]

    def bodies(self, verb: str) -> list[Any]:
        return [body for called, _, body in self.calls if called == verb]

    @property
    def deadline(self) -> Deadline | None:
        return self._deadline

    def within(self, deadline: Deadline) -> Scripted:
        self._deadline = deadline
        return self

    def _answer(self, verb: str, shortname: str, body: Any = None) -> Any:
        assert self._deadline is not None, "every request has a deadline"
        self._deadline.check(verb)
        self.calls.append((verb, shortname, body))
        answers = self._answers[verb]
        for answer in answers:
            return self._told(answer)
        raise AssertionError(f"{verb} {shortname} was not meant to be sent: {self.verbs}")

    def _told(self, answer: object) -> Any:
        told = answer() if callable(answer) else answer
        if isinstance(told, Exception):
            raise told
        return told

    def get_customer(self, shortname: str) -> Account:
        answer: Account = self._answer("GET", shortname)
        return answer

    def create_customer(self, body: Mapping[str, Any], *, recheck: Callable[[], None]) -> Account:
        answer: Account = self._until_taken(recheck, "POST", body["shortname"], dict(body))
        return answer

    def update_customer(self, shortname: str, body: Mapping[str, Any], *, recheck: Callable[[], None]) -> Account:
        answer: Account = self._until_taken(recheck, "PUT", shortname, dict(body))
        return answer

    def delete_customer(self, shortname: str, *, recheck: Callable[[], None]) -> None:
        self._until_taken(recheck, "DELETE", shortname)

    def _until_taken(self, recheck: Callable[[], None], verb: str, shortname: str, body: Any = None) -> Any:
        """As the client, which waits out a 429 and sends again what met one."""
        while (answer := self._answer(verb, shortname, body)) is HELD:
            recheck()
        return answer

    def inside(self, shortname: str) -> Scripted:
        """Return what is inside: unless ``below`` says otherwise it has a customer of its own."""
        there = account(shortname="below-corp", parent=shortname)
        inside = self.below.get(shortname) or Scripted(customers=[[there]], get=[there])
        if isinstance(inside, Exception):
            raise inside
        assert self._deadline is not None
        return inside.within(self._deadline)

    def authenticate(self) -> None:
        self._listed("TOKEN", self._tokens)

    def list_customers(self) -> Sequence[Account]:
        listed: Sequence[Account] = self._listed("LIST", self._customers)
        return listed

    def list_customer_types(self) -> Sequence[AccountType]:
        listed: Sequence[AccountType] = self._listed("TYPES", self._types)
        return listed

    def _listed(self, verb: str, answers: Any) -> Any:
        assert self._deadline is not None, "every request has a deadline"
        self._deadline.check(verb)
        self.calls.append((verb, "", None))
        return () if answers is None else self._told(next(answers))
