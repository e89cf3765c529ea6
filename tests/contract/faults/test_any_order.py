"""Programs, refreshes, deletions, changes from outside, faults and restarts in any order.

Nothing is lost or doubled, and nothing foreign is changed.

One emulator serves all steps of a run. It accepts a second customer of the same name, so that a double shows.
"""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from fusion_emulator import Emulator, Fault, Switches
from pulumi_fusion.errors import AlreadyExists, NotOurs
from tests.contract.faults.outcome import Outcome
from tests.contract.faults.stack import PROGRAM, Stack
from tests.contract.faults.timing import set_read_timeout
from tests.scale import NIGHTLY, scaled

NAMES = ("tenant-a", "tenant-b", "tenant-c")

# No client can be correct where a commit or a read lags longer than the consistency timeout, so these lag less.
KINDS = (
    *(f"{kind}-{side}" for kind in ("reset", "500", "502", "503", "504") for side in ("before", "after")),
    *("hang-before", "hang-after", "cut-body", "empty", "not-json", "wrong-types", "unknown-fields", "missing-fields"),
    *(
        "missing-fields=id",
        "html-404",
        "html-200-before",
        "html-200-after",
        "html-403",
        "exists-409",
        "exists-400-after",
    ),
    *("400", "401", "403", "404-before", "409", "429", "429 retry-after=1", "429 retry-after=600", "revoked"),
    *("redirect=http://127.0.0.1:1/", "delay=0.02", "slice", "clock-skew=600", "token-expired", "stale=1", "stale=2"),
)
TARGETS = (
    "POST /auth/token",
    "POST /customer",
    "GET /customer/*",
    "GET /customers",
    "GET /customers/types",
    "PUT /customer/*",
    "DELETE /customer/*",
    "* /customer*",
    "* *",
)


def makes_sense(line: str) -> bool:
    """Return False for a 404 of an account that exists: no client can see that the service is wrong."""
    return "404-before" not in line or line.startswith(("POST", "PUT"))


LINES = st.builds(
    "{} {} {}".format,
    st.sampled_from(TARGETS),
    st.sampled_from(KINDS),
    st.sampled_from(["x1", "x2", "x3", "skip=1 x1", "skip=2 x2", ""]),
).filter(makes_sense)
FAULTS = st.lists(LINES, max_size=2)

PROGRAMS = st.fixed_dictionaries(
    {
        "dataRetention": st.sampled_from([7, 45, 90]),
        "rollupRetention": st.sampled_from([90, 180, 365]),
        "status": st.sampled_from(["Trial Active", "Active"]),
        "organization": st.sampled_from(["Acme, Inc.", "Acme plc"]),
        "type": st.sampled_from(["SLG", "MSSP", "customer"]),
    },
    optional={"contractualFlowsPerSecond": st.sampled_from([1, 500]), "internal": st.booleans()},
).filter(lambda program: not (program["type"] == "customer" and program.get("internal")))


class AnyOrder(RuleBasedStateMachine):
    """``reported`` has the names whose last error is an unknown outcome, or names what to do."""

    steps = 0

    @initialize(extended=st.booleans(), put_keeps=st.booleans())
    def start(self, extended: bool, put_keeps: bool) -> None:
        self.emulator = Emulator(
            Switches(
                unique_shortnames=False,
                record="extended" if extended else "strict",
                put_omitted="keeps" if put_keeps else "resets",
            )
        )
        self.emulator.start()
        self.emulator.seed("neighbour")
        self.stack = Stack(self.emulator, deadline=2).__enter__()
        self.reported: dict[str, Outcome] = {}
        self.programs: dict[str, dict[str, Any]] = {}

    # What the user does.

    @rule(name=st.sampled_from(NAMES), fields=PROGRAMS, faults=FAULTS, restarts=st.booleans())
    def up(self, name: str, fields: dict[str, Any], faults: list[str], restarts: bool) -> None:
        if restarts:
            self.stack.restart()
        self.apply(name, fields, faults)

    def apply(self, name: str, fields: dict[str, Any], faults: list[str]) -> None:
        program = {**PROGRAM, **fields, "shortname": name, "deletionProtection": False}
        before = self.stack.state.get(name)
        outcome = self.under(faults, name, lambda: self.stack.up(name, program))
        if outcome.ok:
            self.programs[name] = program
            stored = self.stack.state[name].outputs
            live = self.emulator.account(name)
            assert live is not None or before is not None
            assert stored["dataRetention"] == program["dataRetention"]
        else:
            assert self.stack.state.get(name) == before

    @rule(
        name=st.sampled_from(NAMES),
        hit=st.sampled_from(["POST /customer", "PUT /customer/*", "GET /customer/*"]),
        kind=st.sampled_from(KINDS).filter(lambda kind: kind != "404-before"),
        retention=st.sampled_from([7, 45, 90]),
    )
    def up_and_again(self, name: str, hit: str, kind: str, retention: int) -> None:
        """One fault where it hurts, and the same run again without it."""
        for faults in ([f"{hit} {kind} x1"], []):
            self.stack.restart()
            self.apply(name, {"dataRetention": retention}, faults)

    @precondition(lambda self: self.stack.state)
    @rule(data=st.data(), faults=FAULTS, restarts=st.booleans())
    def refresh(self, data: st.DataObject, faults: list[str], restarts: bool) -> None:
        if restarts:
            self.stack.restart()
        name = data.draw(st.sampled_from(sorted(self.stack.state)))
        before = self.stack.state[name]
        outcome = self.under(faults, name, lambda: self.stack.refresh(name))
        if name not in self.stack.state:
            ids = [account.id for account in self.emulator.accounts()]
            assert before.outputs.get("customerId") not in ids, "dropped, though it is there"
        elif not outcome.ok:
            assert self.stack.state[name] == before

    @precondition(lambda self: self.stack.state)
    @rule(data=st.data(), faults=FAULTS, restarts=st.booleans())
    def destroy(self, data: st.DataObject, faults: list[str], restarts: bool) -> None:
        if restarts:
            self.stack.restart()
        name = data.draw(st.sampled_from(sorted(self.stack.state)))
        before = self.stack.state[name]
        outcome = self.under(faults, name, lambda: self.stack.destroy(name))
        if outcome.ok:
            ids = [account.id for account in self.emulator.accounts()]
            assert before.outputs.get("customerId") not in ids, "a deletion that left it there"
        else:
            assert self.stack.state[name] == before

    @precondition(lambda self: any(isinstance(outcome.error, NotOurs) for outcome in self.reported.values()))
    @rule()
    def follow_the_advice(self) -> None:
        """`pulumi state delete` of a customer that another user replaced."""
        for name, outcome in list(self.reported.items()):
            if isinstance(outcome.error, NotOurs) and "pulumi state delete" in outcome.text:
                self.stack.forget(name)
                del self.reported[name]

    # What others do.

    @rule(
        act=st.sampled_from(["edit", "remove", "recreate", "seed"]),
        name=st.sampled_from([*NAMES, "neighbour"]),
        retention=st.sampled_from([7, 45, 90]),
    )
    def another_user(self, act: str, name: str, retention: int) -> None:
        account = self.emulator.account(name)
        if act == "seed" and account is None:
            self.stack.foreign(self.emulator.seed(name, retention=retention, trial=True))
        elif act == "edit" and account is not None:
            edited = self.emulator.edit(name, retention=retention)
            if self.stack.is_foreign(edited.id):
                self.stack.foreign(edited)
        elif act in ("remove", "recreate") and account is not None:
            self.stack.gone(account)
            if act == "remove":
                self.emulator.remove(name)
            else:
                self.stack.foreign(self.emulator.recreate(name))

    # What must hold.

    @invariant()
    def unharmed(self) -> None:
        if hasattr(self, "stack"):
            AnyOrder.steps += 1
            self.stack.require_unharmed()

    @invariant()
    def nothing_is_lost(self) -> None:
        """Each customer that the stack created is in the state, or the last error named how it gets there."""
        if not hasattr(self, "stack"):
            return
        kept = {stored.outputs.get("customerId") for stored in self.stack.state.values()}
        names = {stored.id for stored in self.stack.state.values() if "customerId" not in stored.outputs}
        for account in self.stack.created():
            assert account.id in kept or account.shortname in names or account.shortname in self.reported, (
                f"{account.shortname} was created and lost"
            )

    def under(self, faults: list[str], name: str, act: Any) -> Outcome:
        for line in faults:
            Fault.parse(line)
        if name not in self.stack.state and self.emulator.account(name) is not None:
            # A GET that hides a customer of an earlier step would lag longer than the consistency timeout.
            faults = [line for line in faults if "stale" not in line or line.startswith(("POST", "PUT", "DELETE"))]
        self.emulator.faults.add(*faults)
        posts = self.stack.posts(name)
        outcome: Outcome = act()
        self.emulator.faults.clear()
        assert self.stack.posts(name) <= posts + 1
        if outcome.ok:
            self.reported.pop(name, None)
        elif outcome.unknown or isinstance(outcome.error, (AlreadyExists, NotOurs)):
            self.reported[name] = outcome
        return outcome

    def teardown(self) -> None:
        """At the end the documented recovery brings every customer that the stack created into the state."""
        if not hasattr(self, "stack"):
            return
        try:
            self.stack.deadline = 20.0
            self.stack.restart()
            for account in self.stack.created():
                name = account.shortname
                stored = self.stack.state.get(name)
                if stored is not None and stored.outputs.get("customerId") not in (None, account.id):
                    self.stack.forget(name)
                if stored is not None and "customerId" not in stored.outputs:
                    assert self.stack.refresh(name).ok
                program = {**PROGRAM, **self.programs.get(name, {}), "shortname": name, "deletionProtection": False}
                outcome = self.stack.recover(name, program)
                assert outcome.ok, outcome
                assert self.stack.state[name].outputs["customerId"] == account.id
            self.stack.require_unharmed()
        finally:
            self.stack.__exit__(None, None, None)
            self.emulator.stop()


def test_steps_in_any_order_lose_and_double_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    # Slowness of this machine is one more lost answer, which must do no harm either.
    set_read_timeout(monkeypatch, 0.3)
    run_state_machine_as_test(
        AnyOrder,
        settings=settings(
            max_examples=scaled(30, nightly=500),
            stateful_step_count=scaled(20, nightly=40),
            suppress_health_check=list(HealthCheck),
            # Shrinking takes minutes: the nightly run does it, the others report the failure at once.
            phases=list(Phase) if NIGHTLY else [Phase.explicit, Phase.reuse, Phase.generate],
        ),
    )
    assert AnyOrder.steps >= scaled(300, nightly=10_000)
