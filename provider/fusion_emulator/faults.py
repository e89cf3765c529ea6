"""Faults on demand: which request is hit, before or after the service acts on it, and what its sender then sees.

A fault is one line, ``METHOD PATH KIND[=VALUE] [skip=N] [xN]``:

- METHOD is a verb or ``*``; PATH a glob, with or without the API's ``/api/v1``; ``* *`` is every request.
- ``xN`` hits N requests, then is used up; without it every one. ``skip=N`` lets the first N matching ones pass.
- ``-before`` or ``-after`` behind a kind says whether the service has acted (committed) when the fault strikes;
  ``commit-then-KIND`` is another way to write ``KIND-after``. Without either each kind has its own default.

Some faults decide the answer, others colour the request (delay, slice, clock-skew, stale, token-expired). A request is
hit by at most one that decides and one of each kind that colours, each time the first added that matches; only those
are counted.

=====================  =======  ==============================================================================
kind                   default  what the sender sees
=====================  =======  ==============================================================================
``reset``              before   a TCP reset. before: F4; after: F5, the change is made and nobody is told
``hang[=SECONDS]``     before   silence, without end unless SECONDS are given; before: then a reset, nothing
                                done (black hole); after: then the answer (F6: it comes after the read timeout)
``cut-body``           after    the headers, half of the body, then the end of the connection (F7)
``NNN``                before   that status with the service's error body: F14 ``500``, F21 ``403``, F10-F13
                                ``429``, F18 ``503``; ``500-after`` F15, ``502-after`` F16, ``504-after`` F17.
                                Options: ``retry-after=SECONDS`` (F10, F13), ``retry-after-date=SECONDS`` from
                                now (F11), neither (F12). A success, such as ``202`` or ``204``, has no body
``html-NNN``           before   that status with a page of a proxy or portal: F23 ``html-404``, F25 ``html-200``
``exists-400``,        before   "already exists" in the service's own words (F24); ``-after`` makes it true
``exists-409``
``revoked``            before   401 on every request that it matches, whatever the token (F20)
``redirect=URL``       before   307 to URL, or ``status=NNN`` (F27)
``empty``              after    the genuine status with no body (F25)
``not-json``           after    the genuine status with a body that breaks off and still says it is JSON (F25)
``huge[=BYTES]``       after    the genuine answer with a field of that size, 20 MB by default (F28)
``unknown-fields``     after    the genuine answer with fields that nobody documented (F26)
``missing-fields``     after    the genuine records without ``=NAME,NAME`` (default: reseller, ingest_ip,
                                ingest_port) (F26)
``wrong-types``        after    the genuine records with numbers as texts, texts as numbers, flags as texts, in
                                every field or in ``=NAME,NAME`` (F26)
``other-account``      after    the genuine answer, but about an account of another name and id, as from a cache or
                                a connection that mixes up answers
``delay=SECONDS``      colours  the request waits before the service sees it; ``jitter=SECONDS`` more at most (F9)
``slice[=SECONDS]``    colours  the answer in pieces of ``size=16`` bytes, each SECONDS (0.002) after the last (F8)
``early-hints[=SECS]`` colours  a 103 before the answer, which follows SECS (0.05) later
``clock-skew=SECONDS`` colours  the service's clock is that far ahead (F29)
``token-expired``      colours  the access token of the request has just ended; a new one works (F19)
``stale=K``            colours  on a write: the next K reads of the account see what was before (F22 after POST,
                                F30 after PUT); on a read: this one does
=====================  =======  ==============================================================================

F1 (refused), F2 (TLS) and F3 (connect timeout) happen before there is a request to match: ``Emulator.stop()`` and
``start()`` again on the same port, an ``https:`` URL on the emulator's port, and ``black_hole()`` give them.
"""

from __future__ import annotations

import json
import random
import re
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from fusion_emulator.journal import matches
from fusion_emulator.records import error
from fusion_emulator.service import http_date

__all__ = ["Answer", "Delivery", "Drawn", "Fault", "Faults", "MalformedFault"]

Side = Literal["before", "after", "colours"]

ENDLESS: Final = float("inf")
HUGE: Final = 20 * 1024 * 1024


class MalformedFault(ValueError):
    """A line that is no fault; the text says what is wrong with it."""


@dataclass(frozen=True)
class Answer:
    """One HTTP answer, whole."""

    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True)
class Delivery:
    """What is put on the wire: an answer or, for None, a reset; after ``hold`` seconds; perhaps cut short."""

    answer: Answer | None
    hold: float = 0.0
    cut: bool = False

    @property
    def status(self) -> int | None:
        """The status that reaches the sender whole, None for none."""
        return None if self.answer is None or (self.cut and not self.answer.body) else self.answer.status


@dataclass
class Fault:
    """One fault; ``left`` counts down, None is without end."""

    text: str
    method: str
    path: str
    kind: str
    value: str | None
    side: Side
    options: Mapping[str, str] = field(default_factory=dict)
    skip: int = 0
    left: int | None = None

    @classmethod
    def parse(cls, text: str) -> Fault:
        """The fault that a line describes; raises MalformedFault."""
        return _parse(text)

    def number(self, name: str, default: float) -> float:
        """An option as a number."""
        return float(self.options.get(name, default))

    def strike(self, genuine: Answer | None, *, now: float) -> Delivery:
        """What is sent instead of the genuine answer, which is None when the service did not act."""
        return _DECISIVE[_family(self.kind)].strike(self, genuine, now)


@dataclass(frozen=True)
class Drawn:
    """The faults that hit one request."""

    colours: tuple[Fault, ...] = ()
    decisive: Fault | None = None

    @property
    def text(self) -> str | None:
        """Their lines, None for a request that is left alone."""
        faults = (*self.colours, *((self.decisive,) if self.decisive else ()))
        return "; ".join(fault.text for fault in faults) or None

    def colour(self, kind: str) -> Fault | None:
        """The first fault of that kind."""
        return next((fault for fault in self.colours if fault.kind == kind), None)

    @property
    def delay(self) -> float:
        """Seconds to wait before the service sees the request."""
        fault = self.colour("delay")
        if fault is None:
            return 0.0
        return float(fault.value or 0) + random.uniform(0, fault.number("jitter", 0))  # noqa: S311  # no secret

    @property
    def skew(self) -> float:
        """Seconds that the service's clock is ahead."""
        fault = self.colour("clock-skew")
        return float(fault.value or 0) if fault else 0.0


class Faults:
    """The faults in force, in the order in which they were added; safe to change while requests run."""

    def __init__(self, texts: Sequence[str] = ()) -> None:
        self._lock = threading.Lock()
        self._faults: list[Fault] = [Fault.parse(text) for text in texts]

    def add(self, *texts: str) -> None:
        """Puts faults in force, all or, when a line is malformed, none; raises MalformedFault."""
        faults = [Fault.parse(text) for text in texts]
        with self._lock:
            self._faults.extend(faults)

    def clear(self) -> None:
        """Ends all faults."""
        with self._lock:
            self._faults.clear()

    def draw(self, method: str, path: str) -> Drawn:
        """The faults that hit this request, counted as used."""
        colours: list[Fault] = []
        decisive: Fault | None = None
        with self._lock:
            for fault in self._faults:
                if fault.side == "colours":
                    spoken_for = any(each.kind == fault.kind for each in colours)
                else:
                    spoken_for = decisive is not None
                if spoken_for:
                    continue
                if not matches(method, path, method=fault.method, path=fault.path):
                    continue
                if fault.skip:
                    fault.skip -= 1
                    continue
                if fault.left is not None:
                    fault.left -= 1
                if fault.side == "colours":
                    colours.append(fault)
                else:
                    decisive = fault
            self._faults = [fault for fault in self._faults if fault.left is None or fault.left > 0]
        return Drawn(tuple(colours), decisive)

    def __len__(self) -> int:
        with self._lock:
            return len(self._faults)

    def __iter__(self) -> Iterator[Fault]:
        with self._lock:
            return iter(tuple(self._faults))


@dataclass(frozen=True)
class _Decisive:
    strike: Callable[[Fault, Answer | None, float], Delivery]
    default: Side = "before"
    only: Side | None = None
    value: Literal["none", "optional", "required"] = "none"
    number: bool = False
    options: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Colour:
    value: Literal["none", "optional", "required"]
    options: tuple[str, ...] = ()


def _reset(fault: Fault, genuine: Answer | None, now: float) -> Delivery:
    return Delivery(None)


def _hang(fault: Fault, genuine: Answer | None, now: float) -> Delivery:
    return Delivery(genuine, hold=float(fault.value) if fault.value else ENDLESS)


def _cut_body(fault: Fault, genuine: Answer | None, now: float) -> Delivery:
    return Delivery(genuine, cut=True)


def _status(fault: Fault, genuine: Answer | None, now: float) -> Delivery:
    headers = {}
    if "retry-after" in fault.options:
        headers["Retry-After"] = fault.options["retry-after"]
    if "retry-after-date" in fault.options:
        headers["Retry-After"] = http_date(now + float(fault.options["retry-after-date"]))
    status = int(fault.kind)
    return Delivery(Answer(status, headers, b"") if status < 300 else _refusal(status, "Injected fault", headers))


def _page(fault: Fault, genuine: Answer | None, now: float) -> Delivery:
    status = int(fault.kind.removeprefix("html-"))
    body = f"<!DOCTYPE html><html><head><title>{status}</title></head><body><h1>{status}</h1></body></html>\n"
    return Delivery(Answer(status, {"Content-Type": "text/html; charset=utf-8"}, body.encode()))


def _exists(fault: Fault, genuine: Answer | None, now: float) -> Delivery:
    return Delivery(_refusal(int(fault.kind.removeprefix("exists-")), "Account already exists"))


def _revoked(fault: Fault, genuine: Answer | None, now: float) -> Delivery:
    return Delivery(_refusal(401, "Access token is missing or invalid"))


def _redirect(fault: Fault, genuine: Answer | None, now: float) -> Delivery:
    return Delivery(Answer(int(fault.number("status", 307)), {"Location": fault.value or ""}, b""))


def _empty(fault: Fault, genuine: Answer | None, now: float) -> Delivery:
    answer = genuine or Answer(200, {"Content-Type": "application/json"}, b"")
    return Delivery(Answer(answer.status, answer.headers, b""))


def _not_json(fault: Fault, genuine: Answer | None, now: float) -> Delivery:
    # A 204 may have no body at all (RFC 9110 section 15.3.5), so garbage in its place needs another status.
    status = 200 if genuine is None or genuine.status == 204 else genuine.status
    return Delivery(Answer(status, {"Content-Type": "application/json"}, b'{"meta": {"code": 200, "count"'))


def _huge(fault: Fault, genuine: Answer | None, now: float) -> Delivery:
    def padded(document: Any) -> Any:
        return {**document, "padding": "x" * int(fault.value or HUGE)} if isinstance(document, dict) else document

    return _rewritten(genuine, padded)


def _unknown_fields(fault: Fault, genuine: Answer | None, now: float) -> Delivery:
    def record(fields: dict[str, Any]) -> dict[str, Any]:
        return {**fields, "x_unknown": {"nested": [1, None, "text"]}, "status": None}

    return _rewritten(genuine, lambda document: {**_records(document, record), "x_extra": [None]})


def _missing_fields(fault: Fault, genuine: Answer | None, now: float) -> Delivery:
    missing = set((fault.value or "reseller,ingest_ip,ingest_port").split(","))
    return _rewritten(genuine, lambda document: _records(document, lambda fields: _without(fields, missing)))


def _wrong_types(fault: Fault, genuine: Answer | None, now: float) -> Delivery:
    chosen = set(fault.value.split(",")) if fault.value else None
    return _rewritten(genuine, lambda document: _records(document, lambda fields: _mistyped(fields, chosen)))


def _other_account(fault: Fault, genuine: Answer | None, now: float) -> Delivery:
    def record(fields: dict[str, Any]) -> dict[str, Any]:
        return {**fields, "id": "0ther0acc0unt000000000000", "shortname": "someone-else"}

    return _rewritten(genuine, lambda document: _records(document, record))


_DECISIVE: Final[Mapping[str, _Decisive]] = {
    "reset": _Decisive(_reset),
    "hang": _Decisive(_hang, value="optional", number=True),
    "cut-body": _Decisive(_cut_body, default="after", only="after"),
    "NNN": _Decisive(_status, options=("retry-after", "retry-after-date")),
    "html-NNN": _Decisive(_page),
    "exists-400": _Decisive(_exists),
    "exists-409": _Decisive(_exists),
    "revoked": _Decisive(_revoked, only="before"),
    "redirect": _Decisive(_redirect, value="required", options=("status",)),
    "empty": _Decisive(_empty, default="after"),
    "not-json": _Decisive(_not_json, default="after"),
    "huge": _Decisive(_huge, default="after", only="after", value="optional", number=True),
    "unknown-fields": _Decisive(_unknown_fields, default="after", only="after"),
    "missing-fields": _Decisive(_missing_fields, default="after", only="after", value="optional"),
    "other-account": _Decisive(_other_account, default="after", only="after"),
    "wrong-types": _Decisive(_wrong_types, default="after", only="after", value="optional"),
}
_COLOURS: Final[Mapping[str, _Colour]] = {
    "delay": _Colour("required", options=("jitter",)),
    "slice": _Colour("optional", options=("size",)),
    "early-hints": _Colour("optional"),
    "clock-skew": _Colour("required"),
    "token-expired": _Colour("none"),
    "stale": _Colour("required"),
}
_METHODS: Final = ("*", "GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS")


def _parse(text: str) -> Fault:
    def wrong(reason: str) -> MalformedFault:
        return MalformedFault(f"fault {text!r}: {reason}; expected METHOD PATH KIND[=VALUE] [skip=N] [xN]")

    words = text.split()
    if len(words) < 3:
        raise wrong("too short")
    method, path, head, *rest = words
    if method.upper() not in _METHODS:
        raise wrong(f"no method {method!r}")
    if path != "*" and not path.startswith(("/", "*")):
        raise wrong("the path begins with neither / nor *")
    name, equals, value = head.partition("=")
    kind, side = _sided(name)
    family = _family(kind)
    rule: _Decisive | _Colour | None = _DECISIVE.get(family) or _COLOURS.get(kind)
    if rule is None:
        raise wrong(f"no kind {kind!r}; there are: {', '.join((*_DECISIVE, *_COLOURS))}")
    if (rule.value == "none" and equals) or (rule.value == "required" and not value) or (equals and not value):
        raise wrong(f"{kind} takes {'no' if rule.value == 'none' else 'a'} value")
    numeric = isinstance(rule, _Colour) or rule.number
    if value and numeric and not _is_number(value, signed=kind == "clock-skew"):
        raise wrong(f"{value!r} is no number")
    if isinstance(rule, _Colour):
        if side is not None:
            raise wrong(f"{kind} is neither before nor after")
        chosen: Side = "colours"
    else:
        chosen = side or rule.default
        if rule.only is not None and chosen != rule.only:
            raise wrong(f"{kind} is always {rule.only}")
    left: int | None = None
    options: dict[str, str] = {}
    for word in rest:
        if re.fullmatch(r"x[1-9][0-9]*", word):
            left = int(word[1:])
            continue
        option, _, setting = word.partition("=")
        if option not in (*rule.options, "skip") or not _is_number(setting):
            raise wrong(f"{word!r} is no option of {kind}")
        options[option] = setting
    try:
        skip = int(options.pop("skip", "0"))
    except ValueError:
        raise wrong("skip takes a whole number") from None
    return Fault(
        text=" ".join(words),
        method=method.upper(),
        path=path,
        kind=kind,
        value=value or None,
        side=chosen,
        options=options,
        skip=skip,
        left=left,
    )


def _sided(name: str) -> tuple[str, Side | None]:
    if name.startswith("commit-then-"):
        return name.removeprefix("commit-then-"), "after"
    if name.endswith("-before"):
        return name.removesuffix("-before"), "before"
    if name.endswith("-after"):
        return name.removesuffix("-after"), "after"
    return name, None


def _family(kind: str) -> str:
    """The row of the table that a kind belongs to."""
    if re.fullmatch(r"[2-5][0-9][0-9]", kind):
        return "NNN"
    if re.fullmatch(r"html-[2-5][0-9][0-9]", kind):
        return "html-NNN"
    return kind


def _is_number(text: str, *, signed: bool = False) -> bool:
    return re.fullmatch(r"-?\d+(\.\d+)?" if signed else r"\d+(\.\d+)?", text) is not None


def _refusal(status: int, message: str, headers: Mapping[str, str] | None = None) -> Answer:
    body = json.dumps(error(status, message)).encode()
    return Answer(status, {"Content-Type": "application/json", **(headers or {})}, body)


def _rewritten(genuine: Answer | None, change: Callable[[Any], Any]) -> Delivery:
    """The genuine answer with its JSON changed; one that has none stays as it is."""
    if genuine is None or not genuine.body:
        return Delivery(genuine)
    try:
        document = change(json.loads(genuine.body))
    except ValueError:
        return Delivery(genuine)
    return Delivery(Answer(genuine.status, genuine.headers, json.dumps(document).encode()))


def _records(document: Any, change: Callable[[dict[str, Any]], dict[str, Any]]) -> Any:
    """The document with every record changed: those of the envelope's data, else the document itself."""
    if isinstance(document, list):
        return [_records(each, change) for each in document]
    if not isinstance(document, dict):
        return document
    if "data" in document:
        data = document["data"]
        return {**document, "data": [change(each) for each in data] if isinstance(data, list) else change(data)}
    return change(document)


def _without(fields: dict[str, Any], names: set[str]) -> dict[str, Any]:
    return {
        name: _without(value, names) if isinstance(value, dict) else value
        for name, value in fields.items()
        if name not in names
    }


def _mistyped(fields: dict[str, Any], names: set[str] | None) -> dict[str, Any]:
    return {
        name: _other_type(value)
        if names is None or name in names
        else (_mistyped(value, names) if isinstance(value, dict) else value)
        for name, value in fields.items()
    }


def _other_type(value: Any) -> Any:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, str):
        return 42
    if isinstance(value, int | float):
        return str(value)
    if isinstance(value, dict):
        return [value]
    return {"0": value}
