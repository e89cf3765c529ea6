"""One user with one project: the program as it is now, the commands that were run, and the model that judges them."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import Final

from fusion_emulator import Emulator
from tests.engine.machine.cli import Ran, Workspace
from tests.engine.machine.oracle import MAIN, OTHER, Intent, Oracle, ViolationError, World
from tests.engine.machine.program import Declared, Place, Program, source
from tests.engine.machine.state import Row, rows
from tests.engine.test_secrets import canaries_of, found, left_in

# Seconds: the answers of the emulator do not lag, and what has to be waited for is a quarter of it.
DEADLINE: Final = "12"
TRIES: Final = 4


def make_template(folder: Path, home: Path, host: str) -> Path:
    """A workspace with its stacks, to be copied, since each `stack init` takes as long as an `up`."""
    workspace = Workspace(folder, home, host)
    for stack in (MAIN, OTHER):
        made = workspace.run("stack", "init", stack)
        assert made.ok, made.text
    return folder


class Session:
    """``commands`` counts what was run by all of them."""

    commands = 0

    def __init__(self, emulator: Emulator, template: Path, folder: Path, host: str) -> None:
        shutil.copytree(template, folder)
        self.emulator = emulator
        environ = {
            "NETOSECRET": emulator.netosecret,
            "FUSION_API_URL": emulator.url,
            "FUSION_DEADLINE": DEADLINE,
        }
        self.workspace = Workspace(folder, template.parent / "home", host, environ)
        self.oracle = Oracle(emulator, self.rows)
        self.program: Program = ()
        self.history: list[str] = []
        self.failed = False
        self._shown: Program | None = None
        self._applied: Program = ()
        self._unchanged_after: tuple[Program, World] | None = None

    def rows(self, stack: str = MAIN) -> list[Row]:
        """The customers in the state of a stack."""
        return rows(self.workspace.resources(stack))

    def world(self) -> World:
        return self.oracle.world()

    # The program.

    def find(self, name: str) -> Declared | None:
        return next((each for each in self.program if each.place.name == name), None)

    def declare(self, declared: Declared) -> None:
        self.program = (*self.program, declared)

    def change(self, old: Declared, new: Declared) -> None:
        self.program = tuple(new if each is old else each for each in self.program)

    def remove(self, declared: Declared) -> None:
        self.program = tuple(each for each in self.program if each is not declared)

    # Commands.

    def note(self, line: str) -> None:
        """What happens between commands."""
        self.history.append(f"# {line}")

    def run(self, intent: Intent, *flags: str, word: str = "", kill_when: Callable[[], bool] | None = None) -> Ran:
        """Run a command and judge it; ``word`` is the command where it is not the verb."""
        Session.commands += 1
        before = self.world()
        self.emulator.requests.clear()
        self._show(intent)
        arguments = [*(word or intent.verb).split(), "--stack", intent.stack, *flags]
        ran = self.workspace.run(*arguments, program=intent.program, kill_when=kill_when)
        self.history.append(f"$ {ran.command}{'   # killed' if ran.killed is not None else ''}")
        self.history += [f"#   {line}" for line in _gist(ran)]
        try:
            self.oracle.judge(intent, ran, before)
            self._still_applied(intent, ran, before)
        except ViolationError as violation:
            raise self.failure(violation) from None
        return ran

    def up(
        self,
        *flags: str,
        targets: Iterable[Place] = (),
        excluded: Iterable[Place] = (),
        replaced: Iterable[Place] = (),
        stack: str = MAIN,
        disturbed: bool = False,
        kill_when: Callable[[], bool] | None = None,
    ) -> Ran:
        """`pulumi up` of the program as it is."""
        intent = Intent(
            "up",
            stack,
            self.program,
            targets=frozenset(targets) or None,
            excluded=frozenset(excluded),
            replaced=frozenset(replaced),
            disturbed=disturbed,
        )
        named = [f"--target={place.urn(stack)}" for place in sorted(intent.targets or ())]
        named += [f"--exclude={place.urn(stack)}" for place in sorted(intent.excluded)]
        named += [f"--replace={place.urn(stack)}" for place in sorted(intent.replaced)]
        ran = self.run(intent, "--yes", *named, *flags, kill_when=kill_when)
        if ran.ok and not named:
            self._applied = self.program
        return ran

    def _still_applied(self, intent: Intent, ran: Ran, before: World) -> None:
        """Nothing is left to do where the same program was applied before and nothing has changed since."""
        if not intent.is_whole or intent.verb != "up" or intent.program is None or intent.stack != MAIN:
            return
        # A refresh may find what others changed before that.
        if self._unchanged_after == (intent.program, before) and "--refresh" not in ran.command:
            if not ran.ok:
                raise ViolationError("the same up succeeded before, and nothing has changed since")
            if self.oracle.changing():
                raise ViolationError(f"the same up was applied before, and it sent {self.oracle.changing()}")
        self._unchanged_after = (intent.program, self.world()) if ran.ok else None

    def unlock(self) -> None:
        """Go on after a killed CLI, in the order of the README."""
        self.workspace.restore()
        self.run(Intent("cancel"), "--yes", word="cancel")

    def revert(self) -> None:
        """Take back what was edited since the last success."""
        self.program = self._applied

    def preview(self, *flags: str) -> Ran:
        return self.run(Intent("preview", program=self.program), *flags)

    def forget(self, urn: str) -> Ran:
        """`pulumi state delete`."""
        return self.run(Intent("forget"), urn, "--yes", "--force", word="state delete")

    def failure(self, problem: object) -> ViolationError:
        """The problem with all that led to it."""
        self.failed = True
        story = "\n".join(self.history)
        return ViolationError(f"{problem}\n\nA program and the commands that show it:\n\n{story}\n")

    def _show(self, intent: Intent) -> None:
        if intent.program is not None and intent.program != self._shown:
            self._shown = intent.program
            self.history.append(f'cat > __main__.py <<"END"\n{source(intent.program)}\nEND')

    # The documented way back.

    def recover(self) -> None:
        """Follow the messages until the service and the state agree, and show that nothing is left to do."""
        self.emulator.faults.clear()
        self.note("from here on: the documented recovery")
        for _ in range(TRIES):
            self._reconcile()
            if self.workspace.pending(MAIN):
                self.run(Intent("refresh"), "--yes", "--skip-preview", "--clear-pending-creates")
            ran = self.up("--skip-preview", "--refresh")
            if ran.ok:
                break
            self._follow(ran)
        else:
            raise self.failure(f"not recovered after {TRIES} attempts")
        resolved = self.preview("--expect-no-changes")
        if not resolved.ok:
            raise self.failure("a preview after the recovery is not empty")
        self._agree()
        leaks = found(canaries_of(self.emulator), left_in(self.workspace.folder))
        if leaks:
            raise self.failure(f"a secret is left: {leaks}")

    def _follow(self, ran: Ran) -> None:
        """Do what the messages of a failure say."""
        text = " ".join(ran.text.split())
        if "pulumi cancel" in text:
            self.run(Intent("cancel"), "--yes", word="cancel")
        for customer_id in set(re.findall(r"adopt=['\"]([0-9a-f]+)|adopt: ['\"]?([0-9a-f]{8,})", text)):
            self._adopt("".join(customer_id))

    def _adopt(self, customer_id: str) -> None:
        account = next((each for each in self.emulator.accounts() if each.id == customer_id), None)
        for declared in self.program:
            if account is not None and declared.shortname == account.shortname:
                self.change(declared, declared.with_fields(adopt=customer_id))

    def _reconcile(self) -> None:
        """Return a program that declares what the state has, and what the user wants in addition."""
        live = {account.shortname: account.id for account in self.emulator.accounts()}
        kept: dict[str, Declared] = {}
        seen: set[str] = set()
        for row in self.rows():
            lost = row.customer_id is not None and live.get(row.shortname) != row.customer_id
            if (lost and row.shortname in live) or row.customer_id in seen:
                self.forget(row.urn)  # as the error advises for one that another user replaced
                continue
            if row.tainted:
                self.run(Intent("untaint"), row.urn, "--yes", word="state untaint")
            if row.customer_id is not None:
                seen.add(row.customer_id)
            if not row.replaced:
                kept[row.shortname] = self._as_in_state(row)
        places = {each.place for each in kept.values()}
        for number, declared in enumerate(self.program):
            if declared.shortname in kept:
                continue
            place = declared.place
            if place in places:
                place = place._replace(name=f"new-{number}")
            places.add(place)
            plain = replace(declared, place=place, aliases=(), options={}).with_fields(adopt=None)
            kept[declared.shortname] = plain.with_fields(adopt=live.get(declared.shortname))
        self.program = tuple(kept.values())

    def _as_in_state(self, row: Row) -> Declared:
        wanted = next((each for each in self.program if each.shortname == row.shortname), None)
        declared = wanted or Declared(row.place, row.shortname)
        options = {key: value for key, value in declared.options.items() if key in ("protect", "retain_on_delete")}
        kept = replace(declared, place=row.place, aliases=(), options=options).with_fields(adopt=None)
        # As the error about a create-only field advises.
        return kept if row.email in (None, kept.inputs["email"]) else kept.with_fields(email=row.email)

    def _agree(self) -> None:
        """The service holds what the state holds, and what is foreign."""
        accounts = {account.id for account in self.emulator.accounts()}
        ids = [row.customer_id for stack in (MAIN, OTHER) for row in self.rows(stack)]
        if sorted(map(str, ids)) != sorted(accounts - set(self.oracle.foreign)):
            raise self.failure(f"the state holds {ids}, the service {accounts - set(self.oracle.foreign)}")
        live = {account.shortname: account for account in self.emulator.accounts()}
        for declared in self.program:
            account, inputs = live[declared.shortname], declared.inputs
            shown = (account.retention, account.rollup_retention, account.trial)
            wanted = (inputs["dataRetention"], inputs["rollupRetention"], inputs["status"] == "Trial Active")
            if shown != wanted:
                raise self.failure(f"{declared.shortname} is {shown} on the service, and {wanted} in the program")


def _gist(ran: Ran) -> list[str]:
    """The lines of a command's output that say what went wrong or was done."""
    marks = (
        "error:",
        "warning:",
        "Could not",
        "has a problem",
        "created",
        "deleted",
        "updated",
        "replaced",
        "unchanged",
    )
    lines = [line.strip() for line in ran.text.splitlines() if any(mark in line for mark in marks)]
    return [line[:300] for line in dict.fromkeys(lines) if "from $PATH" not in line][:14]
