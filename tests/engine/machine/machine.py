"""The rules: what users do to programs, to stacks and to the service."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from fusion_emulator import Emulator, Switches
from tests.engine.machine.choices import CHANGES, FAULTS, MOMENTS, NAMES, OPTIONS, SHORTNAMES, WAYS
from tests.engine.machine.oracle import OTHER, Intent
from tests.engine.machine.program import TYPES, Declared, Frontend, Place
from tests.engine.machine.session import Session


class AnyProgram(RuleBasedStateMachine):
    """Edits of the program cost nothing; commands take about a second each."""

    frontend: ClassVar[Frontend] = "plugin"
    template: ClassVar[Path]
    host: ClassVar[str]

    @initialize(extended=st.booleans(), unique=st.booleans(), cascades=st.booleans(), explicit=st.booleans())
    def start(self, extended: bool, unique: bool, cascades: bool, explicit: bool) -> None:
        """A neighbour that nobody manages, and a stack with two customers."""
        self.folder = Path(tempfile.mkdtemp(prefix="machine-"))
        self.emulator = Emulator(
            Switches(
                record="extended" if extended else "strict",
                unique_shortnames=unique,
                delete_parent="cascades" if cascades else "refused",
            )
        )
        self.emulator.start()
        self.session = Session(self.emulator, self.template, self.folder / "project", self.host)
        self.session.oracle.outside(self.emulator.seed("neighbour"))
        for name, shortname in (("a", "alpha"), ("b", "bravo")):
            self.session.declare(self._new(name, shortname, explicit=explicit))
        self.session.up("--skip-preview")

    def _new(self, name: str, shortname: str, **rest: Any) -> Declared:
        explicit = rest.pop("explicit", False) and self.frontend == "plugin"
        return Declared(Place(self.frontend, name), shortname, explicit=explicit, **rest)

    def _free(self, pool: Sequence[str], used: set[str]) -> list[str]:
        return [each for each in pool if each not in used]

    def _names(self) -> list[str]:
        return self._free(NAMES, {each.place.name for each in self.session.program})

    def _shortnames(self) -> list[str]:
        return self._free(SHORTNAMES, {each.shortname for each in self.session.program})

    def _declared(self, data: st.DataObject) -> Declared:
        return data.draw(st.sampled_from(self.session.program), label="customer")

    # Edits of the program.

    @precondition(lambda self: self._names() and self._shortnames())
    @rule(data=st.data())
    def add(self, data: st.DataObject) -> None:
        name = data.draw(st.sampled_from(self._names()), label="name")
        self.session.declare(self._new(name, data.draw(st.sampled_from(self._shortnames()), label="shortname")))

    @precondition(lambda self: self.session.program and self._names())
    @rule(data=st.data())
    def declare_again(self, data: st.DataObject) -> None:
        """One customer in two resources."""
        twin = self._new(self._names()[0], self._declared(data).shortname)
        self.session.declare(twin)

    @precondition(lambda self: self.session.program)
    @rule(data=st.data())
    def remove(self, data: st.DataObject) -> None:
        self.session.remove(self._declared(data))

    @precondition(lambda self: self.session.program and self._names())
    @rule(data=st.data(), way=WAYS)
    def rename(self, data: st.DataObject, way: str) -> None:
        old = self._declared(data)
        self._relocate(old, old.place._replace(name=data.draw(st.sampled_from(self._names()), label="name")), way)

    @precondition(lambda self: self.session.program)
    @rule(data=st.data(), way=WAYS)
    def move(self, data: st.DataObject, way: str) -> None:
        """Below the component, or out of it."""
        old = self._declared(data)
        self._relocate(old, old.place._replace(grouped=not old.place.grouped), way)

    @precondition(lambda self: self.session.program)
    @rule(data=st.data(), way=WAYS)
    def change_frontend(self, data: st.DataObject, way: str) -> None:
        old = self._declared(data)
        other: Frontend = "dynamic" if old.place.frontend == "plugin" else "plugin"
        self._relocate(replace(old, explicit=False), old.place._replace(frontend=other), way, was=old)

    def _relocate(self, declared: Declared, place: Place, way: str, was: Declared | None = None) -> None:
        new = replace(declared, place=place)
        account = self.emulator.account(declared.shortname)
        if way == "alias":
            new = replace(new, aliases=(declared.place, *declared.aliases))
        elif way == "adopt" and account is not None:
            new = new.with_fields(adopt=account.id)
        self.session.change(was or declared, new)

    @precondition(lambda self: len(self.session.program) > 1)
    @rule(data=st.data())
    def add_a_wrong_alias(self, data: st.DataObject) -> None:
        declared, other = self._declared(data), self._declared(data)
        if declared is not other:
            self.session.change(declared, replace(declared, aliases=(other.place,)))

    @precondition(lambda self: any(each.aliases for each in self.session.program))
    @rule()
    def drop_aliases(self) -> None:
        self.session.program = tuple(replace(each, aliases=()) for each in self.session.program)

    @precondition(lambda self: self.session.program)
    @rule(data=st.data())
    def change_provider(self, data: st.DataObject) -> None:
        old = self._declared(data)
        if old.place.frontend == "plugin":
            self.session.change(old, replace(old, explicit=not old.explicit))

    @precondition(lambda self: self.session.program)
    @rule(data=st.data(), change=CHANGES)
    def change_field(self, data: st.DataObject, change: tuple[str, Any]) -> None:
        old = self._declared(data)
        self.session.change(old, old.with_fields(**{change[0]: change[1]}))

    @precondition(lambda self: self.session.program and self._shortnames())
    @rule(data=st.data())
    def change_shortname(self, data: st.DataObject) -> None:
        old = self._declared(data)
        shortname = data.draw(st.sampled_from(self._shortnames()), label="shortname")
        self.session.change(old, replace(old, shortname=shortname, fields={**old.fields, "email": old.inputs["email"]}))

    @precondition(lambda self: self.session.program)
    @rule(data=st.data(), option=OPTIONS)
    def set_option(self, data: st.DataObject, option: tuple[str, Any]) -> None:
        old = self._declared(data)
        self.session.change(old, old.with_options(**{option[0]: option[1]}))

    @precondition(lambda self: self.session.program)
    @rule(data=st.data(), which=st.sampled_from(["right", "wrong", "stale", "none"]))
    def adopt(self, data: st.DataObject, which: str) -> None:
        old = self._declared(data)
        account = self.emulator.account(old.shortname)
        neighbour = self.emulator.account("neighbour")
        ids = {"right": account and account.id, "wrong": neighbour and neighbour.id, "stale": "0" * 24, "none": None}
        self.session.change(old, old.with_fields(adopt=ids[which]))

    # Commands.

    @rule(
        flags=st.lists(st.sampled_from(["--parallel=1", "--continue-on-error", "--refresh"]), max_size=2, unique=True),
        preview=st.booleans(),
        again=st.booleans(),
        revert=st.booleans(),
    )
    def up(self, flags: list[str], preview: bool, again: bool, revert: bool) -> None:
        """What fails is tried once more, or taken back."""
        flags = [*flags, *([] if preview else ["--skip-preview"])]
        ran = self.session.up(*flags)
        if not ran.ok and again:
            ran = self.session.up(*flags)
        if not ran.ok and revert:
            self.session.revert()

    @precondition(lambda self: self.session.program and self._names() and self._shortnames())
    @rule(
        data=st.data(), edit=st.sampled_from(["rename", "move", "change_frontend", "change_shortname", "add"]), way=WAYS
    )
    def edit_and_up(self, data: st.DataObject, edit: str, way: str) -> None:
        """What is applied at once, as most edits are; what fails is taken back."""
        arguments = {"way": way} if edit in ("rename", "move", "change_frontend") else {}
        getattr(self, edit)(data=data, **arguments)
        if not self.session.up("--skip-preview").ok:
            self.session.revert()

    @precondition(lambda self: self.session.program)
    @rule(data=st.data(), change=CHANGES)
    def change_and_up(self, data: st.DataObject, change: tuple[str, Any]) -> None:
        self.change_field(data=data, change=change)
        if not self.session.up("--skip-preview").ok:
            self.session.revert()

    @rule(revert=st.booleans())
    def preview(self, revert: bool) -> None:
        if not self.session.preview().ok and revert:
            self.session.revert()

    @rule(preview=st.booleans())
    def refresh(self, preview: bool) -> None:
        self.session.run(Intent("refresh"), "--yes", *([] if preview else ["--skip-preview"]))

    def _places(self) -> list[Place]:
        return sorted({each.place for each in self.session.program} | {row.place for row in self.session.rows()})

    @precondition(lambda self: self._places())
    @rule(data=st.data(), exclude=st.booleans())
    def up_of_some(self, data: st.DataObject, exclude: bool) -> None:
        chosen = data.draw(st.lists(st.sampled_from(self._places()), min_size=1, max_size=2, unique=True))
        if exclude:
            self.session.up("--skip-preview", excluded=chosen)
        else:
            self.session.up("--skip-preview", targets=chosen)

    @precondition(lambda self: self.session.program)
    @rule(data=st.data())
    def up_with_replacement(self, data: st.DataObject) -> None:
        self.session.up("--skip-preview", replaced=[self._declared(data).place])

    @precondition(lambda self: self.session.rows())
    @rule(data=st.data(), up=st.booleans())
    def taint(self, data: st.DataObject, up: bool) -> None:
        row = data.draw(st.sampled_from(self.session.rows()))
        self.session.run(Intent("taint"), row.urn, "--yes", word="state taint")
        if up:
            self.session.up("--skip-preview")

    @precondition(lambda self: self.session.rows())
    @rule(data=st.data())
    def destroy_one(self, data: st.DataObject) -> None:
        row = data.draw(st.sampled_from(self.session.rows()))
        intent = Intent("destroy", targets=frozenset([row.place]))
        self.session.run(intent, "--yes", "--skip-preview", f"--target={row.urn}")

    @precondition(lambda self: self.session.rows())
    @rule(preview=st.booleans())
    def destroy(self, preview: bool) -> None:
        self.session.run(Intent("destroy"), "--yes", *([] if preview else ["--skip-preview"]))

    @precondition(lambda self: self.session.rows())
    @rule(data=st.data())
    def forget(self, data: st.DataObject) -> None:
        self.session.forget(data.draw(st.sampled_from(self.session.rows())).urn)

    @rule(data=st.data(), name=st.sampled_from(NAMES), shortname=st.sampled_from([*SHORTNAMES, "neighbour", "nowhere"]))
    def import_it(self, data: st.DataObject, name: str, shortname: str) -> None:
        intent = Intent("import", imported=shortname)
        flags = ("--yes", "--skip-preview", "--generate-code=false", "--protect=false")
        self.session.run(intent, *flags, TYPES["plugin"], name, shortname)

    @rule(fault=FAULTS)
    def up_under_a_fault(self, fault: str) -> None:
        self.emulator.faults.add(fault)
        self.session.note(f"a fault: {fault}")
        self.session.up("--skip-preview", disturbed=True)
        self.emulator.faults.clear()

    @rule(moment=MOMENTS)
    def killed_up(self, moment: str) -> None:
        """kill -9 of the CLI while a request is under way, if there is one."""
        self.emulator.faults.add(moment)
        self.session.note(f"killed at: {moment}")
        ran = self.session.up("--skip-preview", disturbed=True, kill_when=lambda: not self.emulator.faults)
        self.emulator.faults.clear()
        if ran.killed is not None:
            self.session.unlock()

    @precondition(lambda self: self._live())
    @rule(preview=st.booleans())
    def second_stack(self, preview: bool) -> None:
        """Of the same program, for customers that are there already: it must not touch them."""
        program = tuple(each.with_fields(adopt=None) for each in self._live())
        self.session.run(Intent("up", OTHER, program), "--yes", *([] if preview else ["--skip-preview"]))

    def _live(self) -> list[Declared]:
        live = {account.shortname for account in self.emulator.accounts()}
        return [each for each in self.session.program if each.shortname in live]

    # What others do.

    @rule(
        act=st.sampled_from(["edit", "remove", "recreate", "seed", "child"]),
        shortname=st.sampled_from(SHORTNAMES),
        retention=st.sampled_from([7, 45, 90]),
    )
    def outside(self, act: str, shortname: str, retention: int) -> None:
        account, oracle = self.emulator.account(shortname), self.session.oracle
        self.session.note(f"another user: {act} {shortname}")
        if account is None:
            if act == "seed":
                oracle.outside(self.emulator.seed(shortname, retention=retention, trial=True))
            return
        if act == "edit":
            edited = self.emulator.edit(shortname, retention=retention)
            if edited.id in oracle.foreign:
                oracle.outside(edited)
        elif act in ("remove", "recreate"):
            self._gone(shortname)
            if act == "recreate":
                oracle.outside(self.emulator.recreate(shortname))
            else:
                self.emulator.remove(shortname)
        elif act == "child" and self.emulator.account(f"{shortname}-child") is None:
            oracle.outside(self.emulator.seed(f"{shortname}-child", parent=shortname))

    def _gone(self, shortname: str) -> None:
        """The account and what is below it are removed from outside."""
        for name in (shortname, f"{shortname}-child"):
            account = self.emulator.account(name)
            if account is not None:
                self.session.oracle.foreign.pop(account.id, None)

    def teardown(self) -> None:
        if not hasattr(self, "session"):
            return
        try:
            if not self.session.failed:
                self.session.recover()
        finally:
            self.emulator.stop()
            shutil.rmtree(self.folder, ignore_errors=True)
