"""What each route takes and answers, by the name of its endpoint.

A test compares the names with the routes, and another sends requests that are made from the document.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Final, TypeAlias

from pydantic import WithJsonSchema
from typing_extensions import TypedDict

from fusion_emulator.journal import Entry
from fusion_emulator.records import (
    AccountRecord,
    ClockRecord,
    HealthRecord,
    JsonObject,
    KeyRecord,
    TokenRecord,
    TypeRecord,
    UserRecord,
    WholeAccount,
)
from fusion_emulator.snapshots import Snapshot
from fusion_emulator.state import Mail
from fusion_emulator.switches import Switches

__all__ = ["OPERATIONS", "Many", "One", "Operation"]

Statuses: TypeAlias = Callable[[Switches], set[int]]


class FaultRecord(TypedDict):
    """An active fault.

    ``used`` is the number of requests that it has affected, ``left`` the number that it still affects, null for all,
    and ``warning`` why it can have no effect, null if it can.
    """

    fault: str
    left: int | None
    used: int
    warning: str | None


class NewTime(TypedDict):
    """The time to set."""

    now: Annotated[str, WithJsonSchema({"type": "string", "format": "date-time"})]


class TimePassing(TypedDict):
    """The seconds to let pass."""

    advance: float


@dataclass(frozen=True)
class One:
    """The envelope of one record."""

    record: type


@dataclass(frozen=True)
class Many:
    """The envelope of several records."""

    record: type


@dataclass(frozen=True)
class Operation:
    """One method of one path.

    ``answer`` is what a success has: a type, an envelope, or None for no body. ``body`` is a type as well. Either may
    be a name in ``Types.definitions``. ``refusals`` are further statuses than those that every such request may get:
    403, 401 if it needs an access token, 400 if it has a body.
    """

    answer: Any = None
    status: int = 200
    body: Any = None
    body_required: bool = True
    refusals: Statuses = lambda _: set()
    token: bool = True


def _absent(switches: Switches) -> set[int]:
    return {switches.absence}


def _of_create(switches: Switches) -> set[int]:
    return {switches.duplicate, *_limited(switches.customer_rate)}


def _of_user(switches: Switches) -> set[int]:
    return {switches.duplicate, *_limited(switches.user_rate)}


def _of_delete(switches: Switches) -> set[int]:
    return {switches.absence, *({409} if switches.delete_parent == "refused" else set())}


def _limited(rate: str) -> set[int]:
    return set() if rate == "off" else {429}


def _of_seed(switches: Switches) -> set[int]:
    return {switches.duplicate}


OPERATIONS: Final[Mapping[str, Operation]] = {
    "access.issue_token": Operation(TokenRecord, body="RequestToken", refusals=lambda _: {401, 404}, token=False),
    "customers.list_types": Operation(Many(TypeRecord)),
    "customers.list_customers": Operation(Many(AccountRecord)),
    "customers.create_customer": Operation(One(AccountRecord), 201, body="NewCustomer", refusals=_of_create),
    "customers.read_customer": Operation(One(AccountRecord), refusals=_absent),
    "customers.update_customer": Operation(One(AccountRecord), body="CustomerChange", refusals=_absent),
    "customers.delete_customer": Operation(status=204, refusals=_of_delete),
    "access.list_addresses": Operation(list[str]),
    "access.replace_addresses": Operation(list[str], 201, body="Addresses"),
    "access.list_users": Operation(Many(UserRecord)),
    "access.create_user": Operation(One(UserRecord), 201, body="NewUser", refusals=_of_user),
    "access.delete_user": Operation(status=204, refusals=lambda switches: {400, switches.absence}),
    "access.create_key": Operation(One(KeyRecord), 201, body="NewKey"),
    "control.show_document": Operation(JsonObject, token=False),
    "control.list_faults": Operation(list[FaultRecord], token=False),
    "control.add_faults": Operation(list[FaultRecord], body="NewFaults", token=False),
    "control.clear_faults": Operation(list[FaultRecord], token=False),
    "control.list_switches": Operation("Switches", token=False),
    "control.change_switches": Operation("Switches", body="SwitchChanges", token=False),
    "control.list_requests": Operation(list[Entry], token=False),
    "control.list_unmatched_requests": Operation(list[Entry], token=False),
    "control.forget_requests": Operation(list[Entry], token=False),
    "control.list_accounts": Operation(list[WholeAccount], token=False),
    "control.create_account": Operation(WholeAccount, body="NewAccount", token=False, refusals=_of_seed),
    "control.change_account": Operation(WholeAccount, body="AccountChange", token=False, refusals=lambda _: {404, 409}),
    "control.remove_account": Operation(status=204, token=False, refusals=lambda _: {404, 409}),
    "clock.show_clock": Operation(ClockRecord, token=False),
    "clock.change_clock": Operation(ClockRecord, body=NewTime | TimePassing, token=False),
    "clock.reset_clock": Operation(ClockRecord, token=False),
    "instance.show_health": Operation(HealthRecord, token=False),
    "instance.reset": Operation(HealthRecord, body="Reset", body_required=False, token=False),
    "instance.show_snapshot": Operation(Snapshot, token=False),
    "instance.load_snapshot": Operation(Snapshot, body=Snapshot, token=False, refusals=lambda _: {413}),
    "control.list_mails": Operation(list[Mail], token=False),
}
