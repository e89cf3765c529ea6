"""Every kind of fault on every step of every operation, and what it does to this customer and to all others.

Each cell of the table has the verdict for one fault:

``D``  done within the call, whatever the fault
``N``  no: an error, nothing changed on the service, and the same operation works when the fault is over
``U``  unknown: the error admits it, and running it again (for a create: with the adopt line that it prints) resolves it
``A``  "exists already", with the adopt line
``-``  cannot happen: the step has no such answer

"before" acts before the service executes the request, "after" afterwards; ``x1`` acts once, everything else during
the whole operation. The columns are the requests: ``free?`` is the GET before a create, ``same?`` the GET before an
update and before a delete; ``old`` is the deletion that ends a replacement.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import pytest
from _pytest.mark import ParameterSet

from fusion_emulator import Emulator, black_hole
from pulumi_fusion.errors import AlreadyExists
from tests.contract.faults.outcome import Outcome
from tests.contract.faults.stack import PROGRAM, Stack

NEW = {**PROGRAM, "shortname": "acme-new"}
CHANGED = {**PROGRAM, "dataRetention": 45, "organization": "Acme plc"}

SHORT = 3.0
"""Seconds: the deadline of an operation that waits until then."""

# column: operation, the requests that are hit
STEPS = {
    "auth": ("create", "POST /auth/token"),
    "free?": ("create", "GET /customer/*"),
    "create": ("create", "POST /customer"),
    "read": ("read", "GET /customer*"),
    "same?up": ("update", "GET /customer/*"),
    "update": ("update", "PUT /customer/*"),
    "same?del": ("delete", "GET /customer/*"),
    "delete": ("delete", "DELETE /customer/*"),
    "replace": ("replace", "POST /customer"),
    "old": ("replace", "DELETE /customer/*"),
}

SINGLE = """
fault                               auth free? create read same?up update same?del delete replace old
F4  reset-before x1                 D    D     D      D    D       D      D        D      D       D
F4  reset-before                    N    N     U      N    N       U      N        U      U       U
F5  reset-after x1                  D    -     D      -    -       D      -        D      D       D
F5  reset-after                     N    -     D      -    -       U      -        D      D       D
F6  hang-after x1                   D    D     D      D    D       D      D        D      D       D
F6  hang-after                      N    N     D      N    N       U      N        D      D       D
F7  cut-body x1                     D    D     D      D    D       D      D        D      D       D
F7  cut-body                        N    N     D      N    N       U      N        D      D       D
F8  slice                           D    D     D      D    D       D      D        D      D       D
F9  delay=0.1 jitter=0.1            D    D     D      D    D       D      D        D      D       D
F10 429 retry-after=1 x1            D    D     D      D    D       D      D        D      D       D
F11 429 retry-after-date=2 x1       D    -     D      D    -       D      -        D      -       -
F12 429 x1                          D    -     D      D    -       D      -        D      -       -
F13 429 retry-after=600             N    N     N      N    N       N      N        N      N       N
F14 500-before x1                   D    D     D      D    D       D      D        D      D       D
F14 500-before                      N    N     U      N    N       U      N        U      U       U
F15 500-after x1                    D    -     D      -    -       D      -        D      D       D
F15 500-after                       N    -     D      -    -       U      -        D      D       D
F16 502-after x1                    D    -     D      -    -       D      -        D      D       D
F17 504-after x1                    D    -     D      -    -       D      -        D      D       D
F17 408-after x1                    D    -     D      -    -       D      -        D      D       D
F18 503 retry-after=1 x1            D    D     D      D    D       D      D        D      D       D
F19 token-expired x1                -    D     D      D    D       D      D        D      D       D
F20 revoked                         N    N     N      N    N       N      N        N      N       N
F21 403                             N    N     N      N    N       N      N        N      N       N
F22 stale=2 x1                      -    -     D      -    -       -      -        -      D       -
F23 html-404-before x1              D    D     D      D    D       D      D        D      D       D
F23 html-404-before                 N    N     U      N    N       U      N        U      U       U
F24 exists-409-before x1            -    -     N      -    -       -      -        -      N       -
F24 exists-400-before x1            -    -     N      -    -       -      -        -      N       -
F24 exists-409-after x1             -    -     A      -    -       -      -        -      A       -
F24 exists-400-after x1             -    -     A      -    -       -      -        -      A       -
F25 html-200-before x1              D    D     D      D    D       D      D        D      D       D
F25 html-200-before                 N    N     U      N    N       U      N        U      U       U
F25 html-200-after                  N    -     D      -    -       U      -        D      D       D
F25 empty                           N    N     D      N    N       U      N        D      D       D
F25 not-json                        N    N     D      N    N       U      N        D      D       D
F26 unknown-fields                  D    -     D      D    D       D      D        D      D       D
F26 missing-fields                  D    D     D      D    D       D      N        D      D       D
F26 missing-fields=id               -    -     D      N    N       D      N        -      D       -
F26 wrong-types                     N    N     D      N    N       U      N        D      D       D
F26 other-account x1                -    D     D      D    D       D      D        -      D       -
F26 other-account                   -    -     D      N    N       U      N        -      D       -
F26 202-before                      N    N     U      N    N       U      N        U      U       U
F26 202-after x1                    D    D     D      D    D       D      D        D      D       D
F26 204-before x1                   D    D     D      D    D       D      D        U      D       U
F26 early-hints x1                  D    D     D      D    D       D      D        D      D       D
F27 redirect=http://127.0.0.1:1/    N    N     U      N    N       U      N        U      U       U
F28 huge=17000000                   N    -     D      N    N       U      N        -      D       -
F30 stale=2 x1                      -    -     -      -    -       D      -        -      -       -
"""

# Faults of all requests.
EVERYWHERE = """
fault                               create read update delete replace
F1  refused                         N      N    N      N      N
F2  tls                             N      N    N      N      N
F3  black-hole                      N      N    N      N      N
F6  hang-before                     N      N    N      N      N
F20 revoked                         N      N    N      N      N
F21 403                             N      N    N      N      N
F23 html-404                        N      N    N      N      N
F25 html-200                        N      N    N      N      N
F29 clock-skew=600                  D      D    D      D      D
F29 clock-skew=-600                 D      D    D      D      D
"""


VERDICTS = {"D", "N", "U", "A", "-"}


def cells(table: str) -> list[ParameterSet]:
    """Return a test case for each verdict of a table whose columns are the number, the fault, and one per step."""
    found = []
    head, *rows = table.strip().splitlines()
    steps = head.split()[1:]
    for row in rows:
        number, *words = row.split()
        kind, expected = " ".join(words[: -len(steps)]), words[-len(steps) :]
        assert set(expected) <= VERDICTS, row
        for step, outcome in zip(steps, expected, strict=True):
            if outcome != "-":
                found.append(
                    pytest.param(kind, step, outcome, id=f"{step}-{number}-{kind.replace(' ', ',')}-{outcome}")
                )
    return found


@pytest.mark.parametrize(("kind", "step", "expected"), cells(SINGLE))
def test_operation_with_a_fault_of_one_request(emulator: Emulator, kind: str, step: str, expected: str) -> None:
    operation, target = STEPS[step]
    with Stack(emulator) as stack:
        prepare(stack, operation)
        patience = stack.deadline
        if kind == "hang-after" and expected in ("N", "U"):
            stack.deadline = SHORT  # all of it is waited, for nothing can succeed
            stack.restart()
        emulator.faults.add(f"{target} {kind}")
        attempt(stack, operation, expected, hits_old=step == "old")
        emulator.faults.clear()
        stack.deadline = patience
        recover(stack, operation)


@pytest.mark.parametrize(("kind", "operation", "expected"), cells(EVERYWHERE))
def test_operation_with_a_fault_of_all_requests(emulator: Emulator, kind: str, operation: str, expected: str) -> None:
    with Stack(emulator) as stack:
        prepare(stack, operation)
        with everywhere(stack, kind):
            attempt(stack, operation, expected)
        recover(stack, operation)


@contextlib.contextmanager
def everywhere(stack: Stack, kind: str) -> Iterator[None]:
    emulator, patience = stack.emulator, stack.deadline
    if kind in ("black-hole", "hang-before"):
        stack.deadline = SHORT  # all of it is waited, for nothing can succeed
    with contextlib.ExitStack() as until_the_end:
        if kind == "refused":
            emulator.stop()
            until_the_end.callback(emulator.start)
        elif kind == "tls":
            stack.url = emulator.url.replace("http:", "https:")
        elif kind == "black-hole":
            stack.url = until_the_end.enter_context(black_hole())
        else:
            emulator.faults.add(f"* * {kind}")
            until_the_end.callback(emulator.faults.clear)
        stack.restart()
        yield
    stack.url, stack.deadline = None, patience


def prepare(stack: Stack, operation: str) -> None:
    """Create what the operation needs in an earlier run, so that nothing is cached."""
    if operation != "create":
        assert stack.up("acme", PROGRAM).ok
        stack.restart()


def run(stack: Stack, operation: str) -> Outcome:
    if operation == "read":
        return stack.refresh("acme")
    if operation == "delete":
        return stack.destroy("acme")
    return stack.up("acme", {"create": PROGRAM, "update": CHANGED, "replace": NEW}[operation])


def attempt(stack: Stack, operation: str, expected: str, *, hits_old: bool = False) -> None:
    before, stored = stack.emulator.accounts(), dict(stack.state)
    outcome = run(stack, operation)
    stack.require_unharmed()
    if expected == "D":
        assert outcome.ok, outcome.text
        require_reached(stack, operation)
        return
    assert not outcome.ok
    assert outcome.unknown == (expected == "U"), outcome.text
    if expected == "A":
        assert isinstance(outcome.error, AlreadyExists)
        assert outcome.adopt, outcome.text
    if expected == "N" and not hits_old:
        assert stack.emulator.accounts() == before
    if hits_old:
        assert stack.pending == stored  # the new one is kept, and the old one not forgotten
    else:
        assert stack.state == stored


def recover(stack: Stack, operation: str) -> None:
    """Recover as documented; service and state then match the program."""
    if operation == "delete":
        stack.restart()
        if "acme" in stack.state:
            assert stack.destroy("acme").ok
    elif operation == "read":
        stack.restart()
        assert stack.refresh("acme").ok
    else:
        outcome = stack.recover("acme", {"create": PROGRAM, "update": CHANGED, "replace": NEW}[operation])
        assert outcome.ok, outcome
    stack.require_unharmed()
    require_reached(stack, operation)
    assert max(stack.posts("acmecorp"), stack.posts("acme-new")) <= 1


def require_reached(stack: Stack, operation: str) -> None:
    stack.require_in_step()
    wanted = {"create": PROGRAM, "read": PROGRAM, "update": CHANGED, "replace": NEW}.get(operation)
    if wanted is None:
        assert stack.created() == []
        return
    assert [account.shortname for account in stack.created()] == [wanted["shortname"]]
    live = stack.created()[0]
    assert (live.organization, live.retention) == (wanted["organization"], wanted["dataRetention"])
    assert (live.type, live.rollup_retention, live.trial) == ("customer", 180, True)
