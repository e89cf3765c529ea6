"""What the parts of the page show, as data for the templates."""

from __future__ import annotations

import hashlib
from collections import Counter
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Final

from fusion_emulator.clock import Clock
from fusion_emulator.faults.kinds import COLOURS, DECISIVE, Colour, Decisive, family
from fusion_emulator.faults.lines import Fault
from fusion_emulator.journal import Entry
from fusion_emulator.page.sessions import Audited, audited
from fusion_emulator.page.texts import counted, duration, moment, shown_of, time_of_day, visible
from fusion_emulator.state import State
from fusion_emulator.switch_texts import choices, described, expected, text_of
from fusion_emulator.switches import Switches

if TYPE_CHECKING:
    from fusion_emulator.emulator import Emulator
    from fusion_emulator.service import Service

__all__ = [
    "COMMON_FAULTS",
    "Sessions",
    "fault_id",
    "fault_kinds",
    "faults",
    "mails",
    "requests",
    "sessions",
    "switches",
]

_SHOWN: Final = 100
_SESSIONS: Final = 20
_READ_ONLY: Final = "read-only"
"""The mode of a session that an audit file has; all others write."""

COMMON_FAULTS: Final = (
    ("Lose the answer to the next create", "POST /customer commit-then-reset x1"),
    ("The service is down", "* * 503"),
    ("Rate limit, once", "* /customer* 429 retry-after=30 x1"),
    ("The key is revoked", "* * revoked"),
    ("A proxy answers instead", "* * html-502"),
    ("Answers take 2 seconds", "* * delay=2"),
)
"""Names of faults that are set by one click, and their lines."""


@dataclass(frozen=True)
class Session:
    """A masquerade session that runs; ``ends`` is Unix seconds, ``left`` a text."""

    id: str
    customer: str
    mode: str
    ends: float
    left: str

    @property
    def writes(self) -> bool:
        """Whether it can change the customer."""
        return self.mode != _READ_ONLY


@dataclass(frozen=True)
class Sessions:
    """The sessions that run, those that write first, the number of others, and what is known of other tokens.

    ``tokens`` has pairs such as ``("1 access token acts in", "acme-corp")``.
    """

    running: tuple[Session, ...]
    hidden: int
    tokens: tuple[tuple[str, str], ...]

    @property
    def title(self) -> str:
        """What the title of the document has in front of its own; empty without a session."""
        if not self.running:
            return ""
        first, more = self.running[0], len(self.running) - 1 + self.hidden
        return f"MASQUERADE {first.customer} ({first.mode}){f' and {more} more' if more else ''}"

    @property
    def version(self) -> object:
        """What changes if others run, but not with the time that is left."""
        return [(each.id, each.ends) for each in self.running], self.hidden, self.tokens


def sessions(emulator: Emulator, service: Service) -> Sessions:
    """Return the masquerade sessions of the audit file, and the tokens of other accounts that they don't explain."""
    now = service.clock.machine()
    running, begun = audited(emulator.page_state.audit, now=now)
    running.sort(key=lambda each: each.mode == _READ_ONLY)
    shown = tuple(
        Session(each.id, visible(each.customer, 64), visible(each.mode, 32), each.ends, duration(each.ends - now))
        for each in running[:_SESSIONS]
    )
    return Sessions(shown, len(running) - len(shown), _other_tokens(service.state, begun, now=service.clock()))


def _other_tokens(state: State, begun: list[Audited], *, now: float) -> tuple[tuple[str, str], ...]:
    """Return how many tokens of other accounts act in which account, without those of audited sessions."""
    acting = Counter(
        session.account
        for session in state.sessions.values()
        if session.expires > now and session.key in state.keys and state.keys[session.key].account != session.account
    )
    explained = Counter(session.customer for session in begun)
    found = []
    for id_, count in acting.items():
        account = state.accounts.get(id_)
        others = count - explained[account.shortname] if account else 0
        if account and others > 0:
            verb = "acts" if others == 1 else "act"
            found.append((f"{counted(others, 'access token')} {verb} in", visible(account.shortname)))
    more = len(found) - _SESSIONS
    return (*found[:_SESSIONS], *((("others act in", counted(more, "more account")),) if more > 0 else ()))


@dataclass(frozen=True)
class Request:
    """A row of the requests, as texts; ``kind`` is the class of its status."""

    number: int
    time: str
    method: str
    path: str
    status: str
    kind: str
    note: str
    fault: str
    by: str


@dataclass(frozen=True)
class Requests:
    """The last requests, the newest first."""

    rows: tuple[Request, ...]
    total: int

    @property
    def summary(self) -> str:
        """How many there were, and how many are shown."""
        return shown_of(len(self.rows), self.total, "request")


def requests(emulator: Emulator) -> Requests:
    """Return the last requests, without any value of a body, header or query."""
    total = emulator.requests.total
    last = emulator.requests[-_SHOWN:]
    rows = [_request(total - len(last) + place, entry) for place, entry in enumerate(last, start=1)]
    return Requests(tuple(reversed(rows)), total)


def _request(number: int, entry: Entry) -> Request:
    return Request(
        number=number,
        time=time_of_day(entry.time),
        method=visible(entry.method, 16),
        path=visible(entry.path, 300),
        status="no answer" if entry.status is None else str(entry.status),
        kind="none" if entry.status is None else f"{entry.status // 100}xx",
        note=_note(entry),
        fault=visible(entry.fault or ""),
        by=_sender(entry),
    )


def _note(entry: Entry) -> str:
    """Return what the status alone doesn't show."""
    if entry.unmatched:
        return "the API has no such route"
    if entry.fault is None or entry.status == entry.genuine:
        return ""
    return "the service did not act" if entry.genuine is None else f"the service answered {entry.genuine}"


def _sender(entry: Entry) -> str:
    """Return the access token of a request, which is one per run of a program, and where another account's acts."""
    if entry.token is None:
        return ""
    return f"session {entry.token} in {visible(entry.account, 64)}" if entry.masquerade else f"run {entry.token}"


@dataclass(frozen=True)
class FaultRow:
    """An active fault: its line, which requests it affects, what the sender receives, and why it has no effect."""

    id: str
    text: str
    affects: str
    receives: str
    warning: str


@dataclass(frozen=True)
class ActiveFaults:
    """The first faults, the number of those that are not listed, and the last ones that ended with their requests."""

    rows: tuple[FaultRow, ...]
    hidden: int
    ended: tuple[tuple[str, str], ...]


def faults(emulator: Emulator) -> ActiveFaults:
    """Return the active faults and the last ones that ended."""
    active = list(emulator.faults)
    rows = tuple(
        FaultRow(
            id=fault_id(fault),
            text=visible(fault.text),
            affects=_affects(fault),
            receives=_rule(fault.kind).receives,
            warning=visible(emulator.faults.warning(fault) or ""),
        )
        for fault in active[:_SHOWN]
    )
    ended = tuple((visible(fault.text), counted(fault.used, "request")) for fault in emulator.faults.ended())
    return ActiveFaults(rows, len(active) - len(rows), ended)


def fault_id(fault: Fault) -> str:
    """Return what identifies a fault in a form; two of the same line are interchangeable."""
    return hashlib.sha256(fault.text.encode("utf-8", "replace")).hexdigest()[:16]


def _affects(fault: Fault) -> str:
    which = "every request" if fault.left is None else f"the next {counted(fault.left, 'request')}"
    after = f", after {counted(fault.skip, 'more match', 'more matches')}" if fault.skip else ""
    before = f"; {counted(fault.used, 'request')} so far" if fault.used else ""
    return which + after + before


def _rule(kind: str) -> Decisive | Colour:
    return DECISIVE.get(family(kind)) or COLOURS[kind]


def fault_kinds() -> tuple[tuple[str, str, str], ...]:
    """Return the kinds: the syntax, the side by default, and what the sender receives."""
    values = {"none": "", "optional": "[={}]", "required": "={}"}
    rules: list[tuple[str, str, Decisive | Colour]] = [
        *((name, rule.default, rule) for name, rule in DECISIVE.items()),
        *((name, "", rule) for name, rule in COLOURS.items()),
    ]
    return tuple(
        (f"{name}{values[rule.value].format(rule.example)}", side, rule.receives) for name, side, rule in rules
    )


@dataclass(frozen=True)
class Switch:
    """A switch: its values as texts, what it decides, and the values that can be chosen or else what is expected."""

    name: str
    value: str
    default: str
    meaning: str
    choices: tuple[str, ...]
    expected: str

    @property
    def changed(self) -> bool:
        """Whether it has another value than by default."""
        return self.value != self.default


def switches(active: Switches) -> tuple[Switch, ...]:
    """Return the switches in the order of their definition."""
    return tuple(
        Switch(
            name=each.name,
            value=text_of(getattr(active, each.name)),
            default=text_of(each.default),
            meaning=described()[each.name],
            choices=choices(each.name),
            expected=expected(each.name),
        )
        for each in fields(Switches)
    )


@dataclass(frozen=True)
class ClockView:
    """The emulator's time, in Unix seconds ahead of the machine's and as texts."""

    ahead: float
    time: str
    offset: str


def clock(clock: Clock) -> ClockView:
    """Return the time of the emulator's clock."""
    ahead = clock.ahead
    offset = f"{duration(abs(ahead))} {'ahead of' if ahead > 0 else 'behind'} this machine"
    return ClockView(ahead, moment(clock()), offset if ahead else "the time of this machine")


@dataclass(frozen=True)
class MailRow:
    """A mail that the real service would have sent."""

    id: str
    to: str
    customer: str


@dataclass(frozen=True)
class Mails:
    """The last mails, the newest first."""

    rows: tuple[MailRow, ...]
    total: int

    @property
    def summary(self) -> str:
        """How many there are, and how many are shown."""
        return shown_of(len(self.rows), self.total, "mail")


def mails(state: State) -> Mails:
    """Return the last mails."""
    rows = []
    for id_, mail in reversed(list(state.mails.items())[-_SHOWN:]):
        account = state.accounts.get(mail.account)
        rows.append(MailRow(id_, visible(mail.to), visible(account.shortname) if account else "(deleted)"))
    return Mails(tuple(rows), len(state.mails))
