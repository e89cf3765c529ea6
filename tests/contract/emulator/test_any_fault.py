"""Any line of a fault: it is refused with the reason, or every request that it affects has a well-formed outcome."""

from __future__ import annotations

import contextlib
import io
import json
import re
from collections.abc import Iterator
from http.client import HTTPConnection, HTTPException

import pytest
from hypothesis import event, example, given, settings
from hypothesis import strategies as st

from fusion_emulator import Emulator, Fault, MalformedFault
from fusion_emulator.faults.kinds import BYTES, COLOURS, DECISIVE, Decisive
from fusion_emulator.faults.numbers import Number
from tests.contract.emulator.caller import Caller, customer
from tests.scale import scaled

PATHS = {
    "*": "/api/v1/customers",
    "/customer": "/api/v1/customer",
    "/customer/*": "/api/v1/customer/acme-one",
    "/api/v1/customer/[a-z]*": "/api/v1/customer/acme-one",
    "/auth/token": "/api/v1/auth/token",
}
"""Patterns, and a path that each matches."""

ODD = ["", "-1", "1e3", "inf", "nan", "007", "٣", "1_0", "+1", "1.", "9" * 5000]
NUMBERS = st.sampled_from([*ODD, "0", "1", "0.01", "300", "400", "86400", "86400.5", "86401", "1000001", "315360001"])
STATUSES = st.integers(0, 1000).map(str) | st.sampled_from(["199", "200", "204", "205", "304", "599", "600", "0500"])
KINDS = (
    st.sampled_from(sorted((*DECISIVE, *COLOURS)))
    | STATUSES
    | STATUSES.map("html-{}".format)
    | st.from_regex(r"[a-z-]{1,8}", fullmatch=True)
)
VALUES = NUMBERS | st.sampled_from(
    ["id,billing", ",", "https://elsewhere.example/x", "ä", "\x00", "=", "https://x\x7f"]
)
OPTIONS = st.sampled_from(["retry-after", "retry-after-date", "status", "jitter", "size", "skip", "x", "nothing"])
WORDS = st.one_of(
    st.just("x1"),
    NUMBERS.map("x{}".format),
    st.tuples(OPTIONS, NUMBERS).map("=".join),
    st.text(max_size=4),
)


@st.composite
def lines(draw: st.DrawFn) -> str:
    method = draw(st.sampled_from(["*", "GET", "post", "PUT", "DELETE", "HEAD", "OPTIONS", "FETCH"]))
    side = draw(st.sampled_from(["{}", "{}", "{}", "{}-before", "{}-after", "commit-then-{}"]))
    kind = side.format(draw(KINDS))
    value = draw(st.none() | VALUES)
    words = [method, draw(st.sampled_from(sorted(PATHS))), kind if value is None else f"{kind}={value}"]
    return " ".join([*words, *draw(st.lists(WORDS, max_size=2))])


@st.composite
def faults(draw: st.DrawFn) -> str:
    """A line that is a fault: its numbers are the ends of their ranges, or small."""
    name = draw(st.sampled_from(sorted((*DECISIVE, *COLOURS))))
    rule = DECISIVE.get(name) or COLOURS[name]
    kind = name.replace(
        "NNN", str(draw(st.sampled_from([200, 206, 301, 404, 599] + [204, 205, 304] * (name == "NNN"))))
    )
    if isinstance(rule, Decisive):
        kind += f"-{rule.only or draw(st.sampled_from(['before', 'after']))}"
    if rule.value == "required" or (rule.value == "optional" and draw(st.booleans())):
        kind += f"={draw(_inside(rule.number)) if rule.number else 'id,billing'}"
    options = [f"{option}={draw(_inside(number))}" for option, number in rule.options.items()]
    chosen = draw(st.sampled_from(options)) if options else draw(st.sampled_from(["", "x1", "skip=0"]))
    method = draw(st.sampled_from(["*", "GET", "POST", "PUT", "DELETE", "HEAD", "OPTIONS"]))
    return f"{method} {draw(st.sampled_from(sorted(PATHS)))} {kind} {chosen}"


def _inside(number: Number) -> st.SearchStrategy[int]:
    ends = [number.least, number.most] if number is not BYTES else [number.least, 5000]
    return st.sampled_from([*ends, max(number.least, 0), max(number.least, 0) + 1])


@pytest.fixture(scope="module")
def service() -> Iterator[tuple[Emulator, Caller]]:
    with Emulator() as emulator:
        emulator.seed("acme-one")
        caller = Caller(emulator.netosecret)
        caller.authenticate()
        yield emulator, caller


@given(st.text(max_size=40) | lines())
@example("GET /customers 500 retry-after=1 retry-after=2")
@example("GET /customers 500 x1 x2")
@example(f"GET /{'x' * 2000} 500")
@settings(max_examples=scaled(120, nightly=5000))
def test_a_line_that_is_not_a_fault_is_refused_with_the_reason(line: str) -> None:
    try:
        Fault.parse(line)
    except MalformedFault as refused:
        syntax = r"METHOD PATH KIND\[=VALUE\] \[OPTION=VALUE\] \[skip=N\] \[xN\]"
        reason = re.fullmatch(rf"fault .*: (.+); expected {syntax}", str(refused))
        assert reason, refused
        assert len(str(refused)) < 600
        event("refused")
    else:
        event("a fault")


@given(faults())
@example("GET /customer/* huge=100000000")
@example("GET /customer/* clock-skew=-315360000")
@example("GET /customer/* 304")
@example("HEAD /customer/* html-404-after")
@example("DELETE /customer/* 204-after")
@settings(max_examples=scaled(80, nightly=1000))
def test_a_request_with_a_fault_has_a_well_formed_outcome(service: tuple[Emulator, Caller], line: str) -> None:
    emulator, caller = service
    fault = Fault.parse(line)
    emulator.faults.clear()
    emulator.faults.extend([line])
    connection = HTTPConnection("127.0.0.1", emulator.port, timeout=0.2 if _waits(fault) else 30)
    with contextlib.redirect_stderr(io.StringIO()) as stderr, contextlib.closing(connection):
        _exchange(emulator, caller, connection, fault)
    assert stderr.getvalue() == ""
    emulator.faults.clear()
    caller.authenticate()


def _exchange(emulator: Emulator, caller: Caller, connection: HTTPConnection, fault: Fault) -> None:
    """Send a request that the fault affects, and then one that it does not affect on the same connection."""
    method = "GET" if fault.method == "*" else fault.method
    headers = {"Authorization": f"Bearer {caller.token}", "Content-Type": "application/json"}
    with contextlib.suppress(TimeoutError, ConnectionError):
        connection.request(method, PATHS[fault.path], json.dumps(customer(shortname="acme-two")), headers)
        try:
            response = connection.getresponse()
            response.read()
        except HTTPException:
            assert fault.kind in ("cut-body", "reset", "hang")
            return
        if response.status == 103:
            return  # http.client takes it for the answer
        emulator.faults.clear()
        # The next answer on the connection begins where this one ends.
        connection.request("GET", "/nowhere")
        assert connection.getresponse().status == 404


def _waits(fault: Fault) -> bool:
    return fault.kind in ("hang", "delay", "slice", "early-hints")
