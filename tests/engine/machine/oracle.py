"""The model that judges every command: what it may change on the service and in the state, and say."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Final

from fusion_emulator import Account, Emulator, Entry
from tests.engine.machine.cli import Ran
from tests.engine.machine.program import Declared, Place, Program
from tests.engine.machine.state import Row
from tests.engine.stack import credential_parts, has_project_traceback

MAIN: Final = "one"
OTHER: Final = "two"
# Seconds in which a provider notices that its engine is gone.
GRACE: Final = 0.5

# Refusals of the engine itself, in its own words.
_OF_THE_ENGINE: Final = re.compile(
    r"it is protected|is protected|as it is currently marked for protection|marked for protection|Duplicate resource"
    r"|duplicate resource URN|currently locked|no resource named|No such resource|was not found in the stack"
    r"|resources to be targeted|not found in the stack|parent .* does not exist|depends on"
    r"|already exists|no changes were expected|both specified|refers to a resource that"
    r"|could not be found in the stack|untargeted|aliased to|pending operations"
)
_OWN: Final = re.compile(r"Could not (?P<operation>[a-z]+ [^:']*?)(?: '(?P<shortname>[^']*)')?: (?P<rest>.+)")
_ADVICE: Final = re.compile(r"adopt=['\"](?P<dynamic>[0-9a-f]+)['\"]|adopt: ['\"]?(?P<plugin>[0-9a-f]{8,})")
_IMPORT: Final = re.compile(r"pulumi import fusion:index:Customer \S+ (?P<shortname>[\w-]+)")


class ViolationError(AssertionError):
    """What must never happen."""


@dataclass(frozen=True)
class Intent:
    """What a user wants of a command.

    ``program`` is None for a command that runs none. ``targets`` None is everything. ``disturbed`` is a command that
    is killed or runs into a fault, so what it made may be missing in the state afterwards.
    """

    verb: str
    stack: str = MAIN
    program: Program | None = None
    targets: frozenset[Place] | None = None
    excluded: frozenset[Place] = frozenset()
    replaced: frozenset[Place] = frozenset()
    imported: str | None = None
    disturbed: bool = False

    @property
    def is_whole(self) -> bool:
        """Whether it applies, or shows, all of a program."""
        limited = self.targets is not None or self.excluded or self.replaced
        return self.program is not None and not limited and not self.disturbed

    def reaches(self, row: Row) -> bool:
        """Return whether the user permits the command to change the resource of the row."""
        places = {row.place, *(each.place for each in self.declaring(row.shortname) if row.place in each.aliases)}
        return (self.targets is None or bool(places & self.targets)) and not places & self.excluded

    def declaring(self, shortname: str) -> list[Declared]:
        """The resources of the program that declare that customer."""
        return [each for each in self.program or () if each.shortname == shortname]


@dataclass
class World:
    """The service and the states at one moment."""

    accounts: dict[str, Account]
    rows: dict[str, list[Row]]

    def managing(self, stack: str, customer_id: str) -> list[Row]:
        return [row for row in self.rows[stack] if row.customer_id == customer_id]

    def ids(self, stack: str) -> set[str]:
        return {row.customer_id for row in self.rows[stack] if row.customer_id is not None}


@dataclass
class Oracle:
    """``foreign`` are accounts that no stack may change, as they are to stay. ``loose`` are shortnames of customers
    that a disturbed command may have made without a trace in the state: the next commands find them.
    """

    emulator: Emulator
    rows: Callable[[str], list[Row]]
    foreign: dict[str, Account] = field(default_factory=dict)
    loose: set[str] = field(default_factory=set)

    def world(self) -> World:
        return World(
            {account.id: account for account in self.emulator.accounts()},
            {stack: self.rows(stack) for stack in (MAIN, OTHER)},
        )

    # What others do.

    def outside(self, *accounts: Account) -> None:
        """Return the accounts that another user created or changed."""
        self.foreign |= {account.id: account for account in accounts}

    # What a command did.

    def judge(self, intent: Intent, ran: Ran, before: World) -> None:
        """Raise ViolationError for what the command must not have done or said."""
        after = self.world()
        self._sent(intent, ran)
        self.judge_text(intent, ran, before)
        self._take_in_adopted(intent, before, after)
        self._nothing_foreign(after)
        self._deletions(intent, before, after)
        self._creations(intent, before, after)
        self._updates(intent, before, after)
        self._states(intent, before, after)
        if ran.ok and intent.is_whole:
            self._applied(intent, before, after)

    def changing(self) -> list[Entry]:
        """The requests of the command that may have changed a customer."""
        return [
            entry
            for entry in self.emulator.requests
            if entry.method in ("POST", "PUT", "DELETE") and "/customer" in entry.path
        ]

    def _sent(self, intent: Intent, ran: Ran) -> None:
        """Only `up` and `destroy` change anything, and no provider that survives its engine: nobody records that."""
        for entry in self.changing():
            if intent.verb not in ("up", "destroy"):
                raise ViolationError(f"{intent.verb} sent {entry.method} {entry.path}")
            if ran.killed is not None and entry.time > ran.killed + GRACE:
                late = round(entry.time - ran.killed, 1)
                raise ViolationError(f"{entry.method} {entry.path} was sent {late} s after the engine was killed")

    def _applied(self, intent: Intent, before: World, after: World) -> None:
        """Check that a command which succeeded for a whole program applied the program."""
        declared = Counter(each.shortname for each in intent.program or ())
        twice = [shortname for shortname, count in declared.items() if count > 1]
        if twice:
            raise ViolationError(f"{intent.verb} succeeds, and the program declares {twice} twice")
        if intent.verb != "up":
            return
        rows = {row.place: row for row in after.rows[intent.stack] if not row.replaced}
        for each in intent.program or ():
            row = rows.pop(each.place, None)
            if row is None or row.shortname != each.shortname:
                raise ViolationError(f"up succeeds, and {each.place.name} is not in the state as {each.shortname}")
            if row.customer_id not in after.accounts and row.customer_id not in before.ids(intent.stack):
                raise ViolationError(f"up succeeds, and {each.shortname} is not on the service")
        if rows:
            raise ViolationError(f"up succeeds, and {[str(place.name) for place in rows]} are still in the state")

    def _take_in_adopted(self, intent: Intent, before: World, after: World) -> None:
        """Foreign accounts that the user handed over in this command are the stack's from now on."""
        wanted = {
            account.id
            for account in before.accounts.values()
            if account.id in self.foreign
            and (
                account.shortname == intent.imported
                or any(each.fields.get("adopt") == account.id for each in intent.declaring(account.shortname))
            )
        }
        for customer_id in wanted & (after.ids(intent.stack) | (set(self.foreign) if intent.disturbed else set())):
            del self.foreign[customer_id]

    def _nothing_foreign(self, after: World) -> None:
        for customer_id, account in self.foreign.items():
            if customer_id not in after.accounts:
                raise ViolationError(f"{account.shortname} ({customer_id}) is foreign and was deleted")
            if after.accounts[customer_id] != account:
                raise ViolationError(f"{account.shortname} ({customer_id}) is foreign and was changed")
        for stack in (MAIN, OTHER):
            for customer_id in after.ids(stack) & set(self.foreign):
                raise ViolationError(f"{self.foreign[customer_id].shortname} was taken over without being asked for")

    def _deletions(self, intent: Intent, before: World, after: World) -> None:
        for customer_id in set(before.accounts) - set(after.accounts):
            account = before.accounts[customer_id]
            reason = self._unjustified(intent, account, before.managing(intent.stack, customer_id))
            if reason:
                raise ViolationError(f"{intent.verb} deleted {account.shortname} ({customer_id}): {reason}")

    def _unjustified(self, intent: Intent, account: Account, rows: list[Row]) -> str | None:
        """Why the deletion of an account is wrong, None if it is right."""
        if intent.verb not in ("up", "destroy"):
            return "this command deletes nothing"
        if not rows and account.shortname not in self.loose:
            return "the stack did not manage it"
        if any(row.deletion_protection for row in rows):
            return "deletion protection was on"
        if all(row.retained for row in rows) and rows:
            return "retainOnDelete was set"
        if intent.verb == "destroy":
            if any(row.protect for row in rows):
                return "it is protected"
            spared = [row.place.name for row in rows if not intent.reaches(row)]
            return f"{spared} manage it and were not to be destroyed" if spared else None
        return self._unjustified_by_up(intent, account, rows)

    @staticmethod
    def _unjustified_by_up(intent: Intent, account: Account, rows: list[Row]) -> str | None:
        if not any(intent.reaches(row) for row in rows) and rows:
            return "it was not a target"
        declaring = intent.declaring(account.shortname)
        if not declaring:
            return None
        for declared in declaring:
            old = [row for row in rows if row.place in (declared.place, *declared.aliases)]
            wished = (
                declared.place in intent.replaced
                or any(row.tainted for row in old)
                or "replace_on_changes" in declared.options
            )
            if wished and old:
                return None if "delete_before_replace" in declared.options else "without deleteBeforeReplace"
        return f"the program declares it as {[each.place.name for each in declaring]}"

    def _creations(self, intent: Intent, before: World, after: World) -> None:
        live = Counter(account.shortname for account in after.accounts.values())
        doubled = [shortname for shortname, count in live.items() if count > 1]
        if doubled:
            raise ViolationError(f"{doubled} were made twice")
        posts = Counter(
            entry.shortname for entry in self.emulator.requests.of("POST", "/customer") if entry.genuine == 201
        )
        for shortname, count in posts.items():
            if count > 1:
                raise ViolationError(f"{count} POSTs were accepted for {shortname} in one command")
        for customer_id in set(after.accounts) - set(before.accounts):
            account = after.accounts[customer_id]
            if intent.verb != "up" or not intent.declaring(account.shortname):
                raise ViolationError(f"{intent.verb} created {account.shortname}, which is not declared")
            if customer_id not in after.ids(intent.stack):
                if not intent.disturbed:
                    raise ViolationError(f"{account.shortname} was created and is not in the state")
                self.loose.add(account.shortname)

    def _updates(self, intent: Intent, before: World, after: World) -> None:
        for customer_id in set(before.accounts) & set(after.accounts):
            if before.accounts[customer_id] == after.accounts[customer_id]:
                continue
            shortname = before.accounts[customer_id].shortname
            declaring = intent.declaring(shortname)
            if intent.verb != "up" or not declaring:
                raise ViolationError(f"{intent.verb} changed {shortname}, which is not declared")
            if customer_id not in before.ids(intent.stack) | after.ids(intent.stack) and shortname not in self.loose:
                raise ViolationError(f"{shortname} was changed and is not managed")

    def _states(self, intent: Intent, before: World, after: World) -> None:
        """No customer that is still there leaves the state, unless the user wants that."""
        for customer_id in before.ids(intent.stack) - after.ids(intent.stack):
            if customer_id not in after.accounts:
                continue
            account, rows = after.accounts[customer_id], before.managing(intent.stack, customer_id)
            if intent.verb == "forget" or any(row.retained for row in rows):
                self.outside(account)
            elif not intent.disturbed:
                raise ViolationError(f"{intent.verb} dropped {account.shortname} from the state, and it is still there")
            else:
                self.loose.add(account.shortname)

    # The output of a command.

    def judge_text(self, intent: Intent, ran: Ran, before: World) -> None:
        """Raise ViolationError for a traceback, a secret, or advice that is missing or wrong."""
        self._require_no_leak(ran)
        if ran.ok or ran.killed is not None:
            return
        text = " ".join(ran.text.split())
        own = list(_OWN.finditer(text))
        if not own and "has a problem" not in text and not _OF_THE_ENGINE.search(text):
            raise ViolationError("the failure has no reason that a user can act on")
        for found in own:
            if not found["shortname"] and "customer" in found["operation"]:
                raise ViolationError(f"an error names no shortname: {found[0][:200]}")
        self._advice(text, before.rows[intent.stack], before)

    def _require_no_leak(self, ran: Ran) -> None:
        if has_project_traceback(ran.text):
            raise ViolationError("a traceback through the provider is shown")
        # After a failed check the engine cancels the program, whose own host may show where it was.
        if "runtime error: context canceled" not in ran.text:
            for mark in ("Traceback", "Unexpected <class", 'File "'):
                if mark in ran.text:
                    raise ViolationError(f"a traceback is shown: {mark}")
        for secret in (self.emulator.netosecret, *self._secrets()):
            if secret in ran.text:
                raise ViolationError("a secret is shown")

    def _advice(self, text: str, rows: Iterable[Row], before: World) -> None:
        """Adoption and import are for customers that the stack does not manage."""
        managed = {row.customer_id: row for row in rows if row.customer_id in before.accounts}
        by_shortname = {row.shortname for row in managed.values()}
        for found in _ADVICE.finditer(text):
            if (found["dynamic"] or found["plugin"]) in managed:
                raise ViolationError(f"it advises to adopt what the stack manages: {found[0]}")
        for found in _IMPORT.finditer(text):
            if found["shortname"] in by_shortname:
                raise ViolationError(f"it advises to import what the stack manages: {found[0]}")

    def _secrets(self) -> list[str]:
        parts = credential_parts(self.emulator.netosecret)
        return [parts["sharedsecret"], parts["appkey"]]
