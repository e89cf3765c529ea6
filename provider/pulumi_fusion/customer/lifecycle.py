"""How a customer comes, stays right, and goes. The policies are here; the requests are the gateway's.

What is certain decides what may happen next:

* *Absent* is proved by a 404 with the service's own error body; where many are created in a row, also by a list of the
  last second that vouches for itself (:class:`~pulumi_fusion.customer.listing.Listing`); and by nothing else.
* *Ours* is an account whose immutable id is in the state; or one that appeared after its absence was proved and after
  a POST of ours, and that shows nothing else than what we sent.
* *In doubt* is every request whose answer was lost. It is looked into, and repeated only where the look shows that a
  repeat can neither double nor hit anything else.

Neither PUT nor DELETE is ever sent to an account that is not proved ours.
"""

from __future__ import annotations

import copy
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Final, TypeVar

from pulumi_fusion.customer import preflight
from pulumi_fusion.customer.changes import Change, Kind, changes, history_lost, is_imported, unsettled
from pulumi_fusion.customer.check import Checked, check
from pulumi_fusion.customer.directory import Directory
from pulumi_fusion.customer.gateway import Gateway
from pulumi_fusion.customer.hints import Hints, about_existing
from pulumi_fusion.customer.imports import Imports
from pulumi_fusion.customer.listing import LONGEST_LIST
from pulumi_fusion.customer.mapping import (
    API_TYPES,
    api_type,
    echoes,
    from_state,
    known_type,
    merge,
    to_create,
    to_update,
)
from pulumi_fusion.customer.model import Account, AccountType, CustomerStatus, Inputs, State, label
from pulumi_fusion.customer.rules import Failure, could_be_an_id, is_dns_label
from pulumi_fusion.customer.rules import shortname as require_shortname
from pulumi_fusion.customer.stack import Stack
from pulumi_fusion.deadline import Deadline, backoff
from pulumi_fusion.errors import (
    AbsenceNotProved,
    AlreadyExists,
    BadRequest,
    Conflict,
    FusionError,
    HasSubAccounts,
    InDoubt,
    InvalidInput,
    NotFound,
    NotOurs,
    OutcomeUnknown,
    Protected,
    RateLimited,
    Rejected,
    RequestFailed,
    SettingsError,
    StillManaged,
    WrongAccount,
)
from pulumi_fusion.settings import PREFLIGHT_SECONDS, Preflight

__all__ = ["DYNAMIC_HINTS", "RUN_AGAIN", "Lifecycle", "adopt_only"]

# How long an answer may lag behind a write. Inference: no delay is published, and the API reads as if there were none.
SETTLE_SECONDS: Final = 20.0
# No more than this part of the deadline, so that a short one leaves time for the rest.
SETTLE_SHARE: Final = 0.25
LOOKS_BEFORE_GONE: Final = 3
# Seconds between them at least, for looks within one moment are told the same.
LOOK_PAUSE: Final = 0.2
# Seconds after a deletion that a look follows it, so that it is the second to arrive.
LOOK_BESIDE: Final = 0.01
SENDS_IN_DOUBT: Final = 3
# Seconds that a count of customers is waited for where nobody can see whether they are there.
COUNT_SECONDS: Final = 3.0
# How many of the listed customers are read, each by a GET.
MANY_BELOW: Final = 5
# Seconds before each GET for an ingest address that the answer to a create lacked.
ADDRESS_PAUSES: Final = (0.0, 0.3, 1.0)

# Write-only by the documented record, so nobody can compare them.
_NOT_IN_RECORD: Final = ("organization", "type", "fps")

# What every PUT must hold: a field that is left out may be reset.
_NEEDED: Final = ("organization", "type", "trial", "retention", "rollupRetention")

# Likewise of an import, and the first admin is in no record at all.
_TOLD_BY_PROGRAM: Final = (
    "email",
    "given_name",
    "family_name",
    "organization",
    "type",
    "contractual_flows_per_second",
)

T = TypeVar("T")


def adopt_only(shortname: str, customer_id: str | None) -> str:
    """How to manage an existing customer where ``pulumi import`` isn't available."""
    adopt = "adopt with its immutable id" if customer_id is None else f"adopt={customer_id!r}"
    return (
        f"It isn't adopted automatically. If no stack manages it, set {adopt} on this Customer "
        "and run `pulumi up`; otherwise choose another shortname."
    )


def _python_alias(urn: str) -> str:
    return f'opts=pulumi.ResourceOptions(aliases=["{urn}"])'


RUN_AGAIN: Final = (
    "Run `pulumi up` again: a customer that was not made is made then; for one that was made, "
    'the error then names its id, and adopt="<that id>" on this Customer keeps it.'
)
"""What follows a create in doubt where nothing can be kept in the state."""

DYNAMIC_HINTS: Final = Hints(adopt_only, _python_alias, RUN_AGAIN)
"""The texts of the dynamic provider."""


_CUT: Final = (
    f"The service lists {LONGEST_LIST} customers at most, and this account has as many or more. Those that are not "
    "listed are asked for one by one, which takes longer and is as safe; a shortname that one of them has shows at "
    "`pulumi up`."
)

_ID_FORMAT: Final = "5 to 16 characters as `pulumi-fusion customers` and Settings > Customers list them"


def _exists(gateway: Gateway, shortname: str) -> bool:
    """Return whether a GET finds the account. A list may lag behind its deletion."""
    try:
        gateway.get_customer(shortname)
    except NotFound:
        return False
    return True


@dataclass(frozen=True)
class _Operation:
    """One operation on one customer: what it is called, and the service bound to its deadline."""

    attempted: str
    shortname: str
    gateway: Gateway
    deadline: Deadline
    by_list: bool = False
    """Whether a list proved the absence of what is created."""

    def live(self) -> Account:
        return self.gateway.get_customer(self.shortname)


class _Beside:
    """A look that leaves soon after a request, if that is still under way then, so that both answers come together."""

    def __init__(self, look: Callable[[], Account]) -> None:
        self._look = look
        self._answer: Future[Account] = Future()
        self._timer = threading.Timer(LOOK_BESIDE, self._run)
        self._timer.daemon = True

    def __enter__(self) -> _Beside:
        self._timer.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._timer.cancel()
        self._answer.cancel()

    def _run(self) -> None:
        if self._answer.set_running_or_notify_cancel():
            try:
                self._answer.set_result(self._look())
            except Exception as failure:  # noqa: BLE001  # whatever it is, it must not keep the deletion waiting
                self._answer.set_exception(failure)

    def found_none(self) -> bool:
        """Whether the look took place, and the service said that there is no such account."""
        return not self._answer.cancelled() and isinstance(self._answer.exception(), NotFound)


def _took_all_for_done(failure: FusionError) -> bool:
    """Whether something between answered, which takes all that it does not understand for done, deletions as well."""
    return isinstance(failure, InDoubt) and failure.status is not None and failure.status < 400


_ADDRESS: Final = {"ingest_ip", "ingest_port"}


def _has_address(known: Account | State) -> bool:
    return known.ingest_ip is not None and known.ingest_port is not None


@contextmanager
def _kept_in_doubt(handle: State) -> Iterator[None]:
    """What is in doubt is told together with what a state has to keep of it."""
    try:
        yield
    except OutcomeUnknown as unknown:
        unknown.handle = unknown.handle or handle.properties()
        raise


def _handle(op: _Operation, inputs: Inputs) -> State:
    """What a state has to keep of a create in doubt: what was sent, and below which account."""
    return State.recall(inputs.model_dump()).model_copy(update={"parent": op.gateway.account})


class Lifecycle:
    """check, diff, create, read, update and delete of customers, for one account.

    ``connect`` returns the gateway or raises SettingsError; ``deadline`` is the seconds that one operation may take;
    ``warn`` takes sentences for the user; ``hints`` are the texts of the frontend; ``stack`` is what is known of the
    other resources; ``account_source`` names the setting that decides the account; setting ``cancelled`` ends all
    waits, and no request that changes anything follows, nor where ``alive`` returns False.
    Safe to use from several threads.
    """

    def __init__(
        self,
        connect: Callable[[], Gateway],
        *,
        deadline: float = 300.0,
        mode: Preflight = "auto",
        warn: Callable[[str], None] = lambda sentence: None,
        hints: Hints = DYNAMIC_HINTS,
        stack: Stack | None = None,
        account_source: str = "the credential",
        cancelled: threading.Event | None = None,
        alive: Callable[[], bool] = lambda: True,
    ) -> None:
        self._connect = connect
        self._seconds = deadline
        self._mode = mode
        self._warn = warn
        self._hints = hints
        self._stack = stack or Stack()
        self._account_source = account_source
        self._urn = ""
        self._cancelled = cancelled or threading.Event()
        self._alive = alive
        self._directory = Directory()
        self._imports = Imports()
        # Until then an answer may lag behind what the run before this one wrote.
        self._lagging = Deadline(self._settle_seconds)

    def within(
        self,
        *,
        deadline: float | None = None,
        warn: Callable[[str], None] | None = None,
        hints: Hints | None = None,
        urn: str = "",
    ) -> Lifecycle:
        """The same life cycle, with all that it has learned, for a call about the resource ``urn``."""
        bound = copy.copy(self)
        bound._seconds = deadline or self._seconds
        bound._warn = warn or self._warn
        bound._hints = hints or self._hints
        bound._urn = urn
        return bound

    @property
    def _settle_seconds(self) -> float:
        return min(SETTLE_SECONDS, SETTLE_SHARE * self._seconds)

    def end(self) -> None:
        """Say what is said once for a whole run."""
        if sentence := self._imports.summary():
            self._warn(sentence)

    # What a preview runs.

    def check(self, raw: Mapping[str, Any], old: Mapping[str, Any] | None) -> Checked:
        """All failures of the inputs at once; asks the service as far as the preflight setting lets it."""
        if raw == old and is_imported(State.recall(raw)):
            # An import checks what the service told against itself. What it did not tell, no program was asked yet.
            return Checked(dict(raw), [])
        before = State.recall(old or {}).shortname
        names_next = preflight.is_new(raw.get("shortname"), before)
        checked = check(raw, old)
        unchanged = checked == Checked(dict(old or {}), [])
        gateway, listed, failures = preflight.ask(
            self._bound, self._directory, self._mode, self._warn, unchanged=unchanged, names_next=names_next
        )
        if listed:
            checked = check(raw, old, listed)
        # One that breaks the rule is not among the inputs, and is told as a failure already.
        name = checked.inputs.get("shortname")
        failures += self._declared_twice(name)
        if names_next and isinstance(name, str):
            failures += preflight.adopts_its_own(checked.inputs, self._stack, self._urn)
        if isinstance(name, str) and names_next and not is_dns_label(name):
            # Inference: each customer's portal is https://<shortname>.fusion.netography.com, as single sign-on has it.
            self._warn(
                f"{name}: the shortname is no DNS label (lower-case letters, digits, hyphens inside), so an address "
                "of the customer that is made of it may not work. It cannot be changed later without a new customer."
            )
        if gateway is not None:
            try:
                find = partial(self._directory.find, gateway)
                taken, warning = preflight.already_taken(
                    checked.inputs, before, find, self._stack, self._hints, self._urn
                )
                failures += taken
                if warning:
                    self._warn(warning)
            except FusionError as failure:
                lost = "Whether the shortname is taken could not be asked."
                failures += preflight.untold(failure, self._mode, self._warn, lost)
            if names_next:
                self._say_if_cut()
        else:
            failures += preflight.renamed_in_state(checked.inputs, before, self._stack, self._hints, self._urn)
        return Checked(checked.inputs, [*checked.failures, *failures])

    def _declared_twice(self, shortname: Any) -> list[Failure]:
        other = self._stack.declare(shortname, self._urn) if isinstance(shortname, str) else None
        if other is None:
            return []
        return [
            Failure(
                "shortname",
                f"Shortname {shortname!r} is declared by two resources of this program: {other} and {self._urn}. One "
                "customer can have one resource only. Remove one of them, or choose another shortname",
            )
        ]

    def diff(self, old: State, new: Mapping[str, Any]) -> list[Change]:
        """What `up` would change; a retention that shrinks is called out, because its history is lost.

        Raises WrongAccount where the customer belongs to another account than the one of this run.
        """
        with suppress(SettingsError):
            self._require_account(old.shortname, old.parent, self._connect().account)
        found = changes(old, new)
        for sentence in history_lost(found):
            self._warn(f"{old.shortname}: {sentence}")
        return found or self._address_assigned(old)

    def _address_assigned(self, old: State) -> list[Change]:
        """Return the ingest address as a change where the state lacks it and the service shows one by now."""
        if _has_address(old) or old.customer_id is None or old.shortname is None or self._mode == "off":
            return []
        try:
            gateway = self._bound()
            account = self._directory.find(gateway, old.shortname)
            if account is not None and not _has_address(account):
                account = gateway.get_customer(old.shortname)
        except FusionError:
            return []
        if account is None or account.id != old.customer_id:
            return []
        return [
            Change(field, Kind.RECORD, None, shown)
            for field in _ADDRESS
            if getattr(old, field) is None and (shown := getattr(account, field)) is not None
        ]

    # create: absence proved -> POST once -> settle.

    def create(self, inputs: Inputs) -> State:
        """Create the customer, or take over the one that ``adopt`` names.

        Raises AlreadyExists, AbsenceNotProved, NotOurs, InvalidInput, RequestFailed: nothing was created; and
        OutcomeUnknown: the error says how the next run finds out.
        """
        with self._operation("create the customer", inputs.shortname) as op, _kept_in_doubt(_handle(op, inputs)):
            for other in self._stack.other_parents(op.gateway.account):
                self._require_account(other.shortname, other.parent, op.gateway.account)
            listed = self._directory.types_if_told(op.gateway)
            account_type = self._account_type(op, inputs, listed)
            if inputs.adopt is not None:
                account = self._take_over(op, inputs, account_type)
                self._stack.note_managed(account.id, op.shortname, self._urn)
            else:
                if self._directory.found_free(op.gateway, op.shortname):
                    op = replace(op, by_list=True)
                else:
                    self._prove_absence(op)
                body = to_create(inputs, account_type)
                account = self._with_address(op, self._with_id(op, self._post(op, body), body))
                self._directory.created(op.shortname, account)
            return merge(account, State.recall(inputs.model_dump()), listed)

    def _require_account(self, shortname: str | None, parent: str | None, account: str) -> None:
        """Raise WrongAccount for a customer in the state that isn't one of the account's."""
        if parent in (None, account):
            return
        raise WrongAccount(
            "work in this account with the customer",
            f"the state holds it as a customer of {parent!r}, but this run works in the account {account!r} "
            f"(by {self._account_source})",
            shortname=shortname,
            next_step="Nothing was changed. Set the account "
            f"(`pulumi config set fusion:account {parent}`, FUSION_ACCOUNT, or account of the provider) or use a "
            "netosecret of that account, then run `pulumi up`: refresh and destroy use the provider as the last run "
            "stored it. For customers of another account use another stack or explicit provider.",
        )

    def _prove_absence(self, op: _Operation) -> None:
        try:
            account = op.live()
        except NotFound:
            return
        except BadRequest as unclear:
            raise AbsenceNotProved(
                op.attempted,
                f"asked for this shortname, {unclear.came_back}, which is no proof that it is free",
                next_step="Nothing was created. A customer is created only under a name that is proved to be free, "
                "for otherwise nobody could tell it from one that existed before.",
            ) from None
        raise self._exists(op, account)

    def _post(self, op: _Operation, body: Mapping[str, Any]) -> Account:
        """POST; settle what is in doubt; and a second POST only after absence was proved for the whole window."""

        def post() -> Account:
            return op.gateway.create_customer(body, look_again=lambda: self._still_free(op))

        try:
            return post()
        except InDoubt as lost:
            doubt = lost
        except FusionError as failure:
            raise self._refused(op, failure) from None
        settled = self._settle(op, body, doubt)
        if settled is None:
            try:
                return post()
            except (InDoubt, BadRequest, Conflict, AlreadyExists):
                # One that is refused may have run into what the first one made after all.
                settled = self._settle(op, body, doubt)
            except FusionError:
                raise self._unknown(op, doubt) from None
        if settled is None:
            raise self._unknown(op, doubt)
        return settled

    def _still_free(self, op: _Operation) -> None:
        """The proof anew before a POST that had to wait: a 429 may have held it for minutes."""
        try:
            self._prove_absence(op)
        except RequestFailed as unclear:
            raise AbsenceNotProved(
                op.attempted,
                f"it had to wait, and whether the shortname is still free is not known: {unclear.came_back}",
                next_step="Nothing was created. Run it again: that is asked before anything is sent.",
            ) from None

    def _settle(self, op: _Operation, body: Mapping[str, Any], doubt: InDoubt) -> Account | None:
        """Look until the account that our POST made is seen, or until it was absent for the whole window (None).

        Raises NotOurs where what appeared is not what we sent, OutcomeUnknown where nothing can be proved.
        """
        absent_since: float | None = None
        for pause in backoff(cap=2.0):
            left = op.deadline.remaining()
            try:
                account = op.live()
            except NotFound:
                absent_since = left if absent_since is None else absent_since
                if absent_since - left >= self._settle_seconds:
                    return self._on_the_list(op, body)
            except RequestFailed:
                absent_since = None
            except FusionError:
                raise self._unknown(op, doubt) from None
            else:
                self._require_ours(op, account, body)
                return account
            try:
                op.deadline.wait(max(0.05, pause))
            except FusionError:
                break
        raise self._unknown(op, doubt)

    def _on_the_list(self, op: _Operation, body: Mapping[str, Any]) -> Account | None:
        """The account that our POST made, from a list that is fetched now, for the list may be ahead of a GET; None
        where it tells nothing. Raises NotOurs.
        """
        try:
            listed = op.gateway.list_customers()
        except FusionError:
            return None
        account = next((each for each in listed if each.shortname == op.shortname), None)
        if account is not None:
            self._require_ours(op, account, body)
        return account

    def _require_ours(self, op: _Operation, account: Account, body: Mapping[str, Any]) -> None:
        others = echoes(account, body)
        # A list may hold the account's own customers alone, so that one of another account was not in it.
        if account.parent != op.gateway.account and (op.by_list or account.parent is not None):
            others.append("parent")
        if others:
            raise NotOurs(
                op.attempted,
                f"the answer that told its id was lost, and the customer that lives there now (id {account.id}) "
                f"differs in {', '.join(others)} from what was sent, so somebody else may have made it",
                next_step=f"It was neither taken over nor changed. {self._about_existing(op.shortname, account.id)}",
            )

    def _with_id(self, op: _Operation, created: Account, body: Mapping[str, Any]) -> Account:
        """The created account with its id, looked up where the answer lacked it.

        The creation is certain, so nothing raises: a failure would make Pulumi forget the customer.
        """
        if created.id is not None:
            return created
        try:
            found = self._settle(op, body, InDoubt("read the answer", "the answer tells no id"))
        except FusionError:
            found = None
        if found is None or found.id is None:
            self._warn(f"{op.shortname}: it was created, but the service told no id; `pulumi refresh` looks it up.")
            return created
        return found

    def _with_address(self, op: _Operation, created: Account) -> Account:
        """Return the created account with its ingest address, by a GET where the answer lacked it.

        The creation is certain, so nothing raises.
        """
        for pause in ADDRESS_PAUSES:
            if _has_address(created):
                return created
            with suppress(FusionError):
                op.deadline.wait(pause)
                live = op.live()
                if live.id == created.id:
                    created = created.model_copy(update=live.model_dump(include=_ADDRESS, exclude_none=True))
        if not _has_address(created):
            self._warn(
                f"{op.shortname}: it was created, but the service has not assigned its ingest address yet. "
                "`pulumi refresh`, or the next `pulumi up`, records it."
            )
        return created

    def _refused(self, op: _Operation, failure: FusionError) -> FusionError:
        """What a refused POST means. "Exists already" has no published status, so a look decides.

        A look also where the refusal says something else: should the service have acted all the same, the user is
        told of the customer, with its id, and not that nothing was changed.
        """
        if isinstance(failure, Rejected) and not isinstance(failure, RateLimited):
            try:
                return self._exists(op, op.live())
            except FusionError:
                pass
        return failure

    def _exists(self, op: _Operation, account: Account) -> AlreadyExists:
        return AlreadyExists(
            op.attempted,
            shortname=op.shortname,
            customer_id=account.id,
            next_step=self._about_existing(op.shortname, account.id),
        )

    def _is_managed_elsewhere(self, op: _Operation, account: Account) -> bool:
        """Return whether the state holds the customer under another resource, which would delete it later."""
        owner = self._stack.owner(account.id, op.shortname)
        return owner is not None and owner.urn != (self._urn or self._stack.declared_as(op.shortname))

    def _about_existing(self, shortname: str, customer_id: str | None) -> str:
        urn = self._urn or self._stack.declared_as(shortname)
        return about_existing(self._hints, self._stack, urn, shortname, customer_id)

    def _unknown(self, op: _Operation, doubt: InDoubt) -> OutcomeUnknown:
        return OutcomeUnknown(
            op.attempted,
            f"the request was sent, {doubt.came_back}, and whether the customer exists could not be settled since",
            next_step=self._hints.unknown_outcome,
        )

    def _take_over(self, op: _Operation, inputs: Inputs, account_type: str) -> Account:
        """The account that the program names by its id; what it shows otherwise is brought in line."""
        try:
            account = op.live()
        except NotFound:
            account = None
        if account is None:
            problem = f"adopt names the id {inputs.adopt!r}, but no customer has this shortname"
        elif op.shortname == op.gateway.account:
            problem = "it is the account that you work in"
        elif account.parent not in (None, op.gateway.account):
            problem = f"it is a customer of {account.parent!r}, and you work in the account {op.gateway.account!r}"
        elif self._stack.owner(account.id, op.shortname) is not None:
            raise self._exists(op, account)
        elif account.id != inputs.adopt:
            problem = f"adopt names the id {inputs.adopt!r}, but the customer has the id {account.id!r}"
        else:
            body = to_update(inputs, account_type, live=account)
            if unseen := [field for field in _NOT_IN_RECORD if getattr(account, field) is None]:
                # Without a shortname it is said once for all customers of a run.
                self._warn(
                    f"The service does not show {', '.join(unseen)} of adopted customers. What the program states is "
                    "taken as true, and sent with the next update."
                )
            return self._put(op, account.id, body) if echoes(account, body) else account
        raise NotOurs(
            op.attempted,
            problem,
            next_step="Nothing was changed. `pulumi-fusion customers` lists the ids; correct adopt, or remove it "
            "to create a customer.",
        )

    # read

    def read(self, shortname: str, state: State) -> State | None:
        """The live facts laid over the state; None where the customer is proved to be gone.

        Raises NotOurs where another account lives under the shortname, RequestFailed where nothing is proved.
        """
        with self._operation("read the customer", shortname) as op:
            if state.shortname is None:
                self._require_shortname(op)
            self._directory.expect_types(op.gateway)
            try:
                account = self._shared(op)
                if account is None or not (_has_address(account) or _has_address(state)):
                    account = self._look(op, state)
            except NotFound:
                return None
            listed = self._directory.types_if_told(op.gateway)
            if state.customer_id is not None:
                self._require_same(op, account, state)
            elif state.shortname is not None:
                # A state without an id is that of a create of ours whose answer was lost: the same test as in settling.
                self._require_ours(op, account, from_state(state, listed))
            if state.customer_id is None:
                self._stack.note_managed(account.id, shortname, self._urn)
            return merge(account, state, listed)

    def take_in(self, shortname: str, *, imported: bool = True) -> State:
        """Return what the service shows of a customer that no state knows yet: an import, or else a mere look-up.

        Raises InvalidInput for an id that no customer can have, NotOurs if it isn't a customer of the account, NotFound
        if there is none, RequestFailed.
        """
        with self._operation("read the customer", shortname) as op:
            self._require_shortname(op)
            if shortname == op.gateway.account:
                raise self._outside(op, "it is the account that you work in, not one of its customers")
            account = self._shared(op)
            try:
                if account is None or account.id is None:
                    account = op.live()
            except NotFound as absent:
                absent.next_step = f"The id of a Customer is its shortname, {_ID_FORMAT}."
                raise absent.during(op.attempted) from None
            if account.parent not in (None, op.gateway.account):
                raise self._outside(
                    op, f"it is a customer of {account.parent!r}, and you work in the account {op.gateway.account!r}"
                )
            if account.id is None:
                raise self._outside(op, "the service does not tell its id, so nobody could tell it from another later")
            self._stack.note_managed(account.id, shortname, self._urn)
            self._warn_of_second_import(op, account)
            state = merge(account, State(), self._directory.types_if_told(op.gateway))
            if imported:
                self._imports.add(shortname, [label(name) for name in _TOLD_BY_PROGRAM if getattr(state, name) is None])
            return state

    def _require_shortname(self, op: _Operation) -> None:
        """Raise InvalidInput for an id that cannot be a shortname; nothing is sent, but for an immutable id.

        A path that holds such an id may be answered by anything but the service.
        """
        try:
            require_shortname(op.shortname)
        except ValueError as wrong:
            raise InvalidInput(
                op.attempted,
                f"the id of a Customer is its shortname, which {wrong}",
                next_step=f"{self._hint(op)}`pulumi-fusion customers` and Settings > Customers list the shortnames.",
            ) from None

    def _warn_of_second_import(self, op: _Operation, account: Account) -> None:
        if self._stack.command.imports and self._is_managed_elsewhere(op, account):
            self._warn(
                f"{op.shortname}: it is imported a second time. {self._about_existing(op.shortname, account.id)} Until "
                "one of the two is removed by `pulumi state delete`, neither can be deleted."
            )

    def _outside(self, op: _Operation, problem: str) -> NotOurs:
        return NotOurs(
            op.attempted,
            problem,
            next_step="Nothing was imported. `pulumi-fusion customers` lists what can be; another account is chosen "
            "by fusion:account or its own netosecret.",
        )

    def _hint(self, op: _Operation) -> str:
        """Return which customer was meant, if the id may be the immutable one."""
        if could_be_an_id(op.shortname):
            with suppress(FusionError):
                if account := self._directory.find_id(op.gateway, op.shortname):
                    return f"This is the immutable id of {account.shortname!r}: use that name. "
        return ""

    def _shared(self, op: _Operation) -> Account | None:
        """What the shared list tells; None leaves the question open."""
        try:
            found = self._directory.find(op.gateway, op.shortname)
        except RequestFailed:
            return None
        if found is None:
            self._say_if_cut()
        return found

    def _say_if_cut(self) -> None:
        if self._directory.is_cut():
            self._warn(_CUT)

    def _look(self, op: _Operation, state: State) -> Account:
        """The account by GET. Raises NotFound where it is gone.

        Absence is believed when it is seen several times in a row, at last when no answer can lag behind an earlier
        run any more, and the list knows nothing else; and from no other place than the account that the customer was
        made below, for everybody else is told the same 404.
        """
        looks, pauses = 0, backoff(cap=2.0)
        while True:
            believed = looks >= LOOKS_BEFORE_GONE - 1 and self._lagging.remaining() <= 0
            try:
                return op.live()
            except NotFound as absent:
                if believed:
                    return self._out_of_sight(op, state, absent)
            looks += 1
            op.deadline.wait(LOOK_PAUSE + next(pauses))

    def _out_of_sight(self, op: _Operation, state: State, absent: NotFound) -> Account:
        """What the list still holds of an account that GET does not find. Raises ``absent`` where it is gone."""
        self._require_in_sight(op, state)
        listed = self._directory.find(op.gateway, op.shortname)
        if listed is None:
            raise absent
        return listed

    def _require_in_sight(self, op: _Operation, state: State) -> None:
        """A 404 proves absence below the account that was asked, and nothing about any other."""
        if state.parent not in (None, op.gateway.account):
            raise AbsenceNotProved(
                op.attempted,
                f"the account {op.gateway.account!r} sees no such customer, but it was made below "
                f"{state.parent!r}, so it may only be out of sight",
                next_step=f"The state is kept. Work in the account {state.parent!r} (fusion:account, or its own "
                "netosecret) and run `pulumi up` first, since refresh and destroy use the provider as the last run "
                "stored it. If the customer is gone, `pulumi state delete` makes the stack forget it.",
            ) from None

    # update

    def update(self, old: State, inputs: Inputs | State, asked: State | None = None) -> State:
        """Bring the service in line with the inputs; fields that the program leaves out stay as they are.

        ``asked`` are the inputs that were applied last, told by a face whose state keeps what is in doubt: what they
        and the state disagree about is what an update in doubt left behind. A state without an id is that of a create
        in doubt, which is finished, or made anew where nothing came of it. ``inputs`` are a State where some are not
        known, neither from an import nor from the program.

        Raises NotOurs, NotFound, OutcomeUnknown, RequestFailed; the state then stays as it was, and the next run sees
        the same difference.
        """
        desired = old.model_copy(update=inputs.model_dump(exclude_none=True))
        name = desired.shortname or ""
        changed = self._to_send(old, inputs) or (asked is not None and unsettled(old, asked))
        in_doubt = asked is not None and old.customer_id is None and not is_imported(old)
        if not changed and not in_doubt:
            return desired if _has_address(old) else self._addressed(old, desired)
        with self._operation("update the customer", name) as op, _kept_in_doubt(old):
            listed = self._directory.types_if_told(op.gateway)
            account_type = self._account_type(op, desired, listed) if desired.type is not None else None
            if in_doubt and old.shortname == name and isinstance(inputs, Inputs):
                return merge(self._finish(op, old, inputs, account_type or "", listed), desired, listed)
            live = self._look(op, old)
            self._require_same(op, live, old)
            body = to_update(inputs, account_type or live.type, live=live, known=old)
            self._require_complete(op, body)
            return merge(self._put(op, live.id, body), desired, listed)

    def _addressed(self, old: State, desired: State) -> State:
        """Return the desired state with the ingest address that the service shows. Nothing is sent, nothing raises."""
        with suppress(FusionError), self._operation("read the customer", old.shortname or "") as op:
            live = op.live()
            self._require_same(op, live, old)
            return desired.model_copy(update=live.model_dump(include=_ADDRESS, exclude_none=True))
        return desired

    def _require_complete(self, op: _Operation, body: Mapping[str, Any]) -> None:
        """Raise InvalidInput for a body that lacks a field."""
        if missing := [field for field in _NEEDED if field not in body]:
            raise InvalidInput(
                op.attempted,
                f"an update sends every field, and {', '.join(missing)} is not known: the service does not show it, "
                "and the program does not state it, or names it in ignoreChanges",
                next_step="Nothing was sent. State it in the program, without ignoreChanges, and run it again.",
            )

    @staticmethod
    def _to_send(old: State, inputs: Inputs | State) -> bool:
        found = changes(old, inputs.model_dump(by_alias=True, exclude_none=True))
        return any(change.kind is Kind.UPDATE for change in found)

    def _finish(
        self, op: _Operation, old: State, inputs: Inputs, account_type: str, listed: Sequence[AccountType]
    ) -> Account:
        """What came of a create in doubt, by the same tests as right after it; made anew where nothing did."""
        if inputs.adopt is not None:
            return self._take_over(op, inputs, account_type)
        sent = from_state(old, listed)
        found = self._settle(op, sent, InDoubt("create the customer", "the answer was lost in an earlier run"))
        if found is None:
            self._require_in_sight(op, old)
            body = to_create(inputs, account_type)
            with _kept_in_doubt(_handle(op, inputs)):
                account = self._with_address(op, self._with_id(op, self._post(op, body), body))
            self._directory.created(op.shortname, account)
            return account
        account = self._with_address(op, self._with_id(op, found, sent))
        body = to_update(inputs, account_type, live=account, known=old)
        if not (self._to_send(old, inputs) or echoes(account, body)):
            return account
        if account.id is None:
            raise self._unknown(op, InDoubt("read the answer", "the service tells no id"))
        return self._put(op, account.id, body)

    def _put(self, op: _Operation, customer_id: str | None, body: Mapping[str, Any]) -> Account:
        """PUT the complete object and see it taken."""
        answered = self._send(
            op, customer_id, lambda look: op.gateway.update_customer(op.shortname, body, look_again=look)
        )
        shown = self._wait_until_shown(op, body, answered)
        self._directory.updated(op.shortname, shown)
        return shown

    def _wait_until_shown(self, op: _Operation, body: Mapping[str, Any], answered: Account) -> Account:
        """A GET that shows what was written, waited for as long as an answer may lag; else the PUT's own answer."""
        started = op.deadline.remaining()
        for pause in backoff(cap=2.0):
            try:
                live = op.live()
                if not echoes(live, body):
                    return live
                if started - op.deadline.remaining() >= self._settle_seconds:
                    break
                op.deadline.wait(max(0.05, pause))
            except FusionError:
                break  # the write is done; not seeing it is no failure of it
        self._warn(f"{op.shortname}: the update was accepted, but the service does not show it yet.")
        return answered

    # delete

    def delete(self, shortname: str, state: State) -> None:
        """Delete the customer; one that is gone already is a success.

        Raises Protected, NotOurs, HasSubAccounts: nothing was sent; OutcomeUnknown, RequestFailed: the state is kept.
        """
        self._require_sole(shortname, state)
        protected = state.deletion_protection
        # A state that does not say is read as the default would be.
        if protected or (protected is None and state.status != CustomerStatus.TRIAL_ACTIVE.value):
            raise Protected(
                "delete the customer",
                "deletion protection is on, and a deletion destroys the customer's data",
                shortname=shortname,
                next_step="If that is meant, set deletionProtection=false, run `pulumi up`, then delete again.",
            )
        with self._operation("delete the customer", shortname) as op:
            with suppress(NotFound):
                listed = self._listed(op, state)
                try:
                    self._delete(op, state, listed or self._look(op, state))
                except NotFound:
                    if listed is None:
                        raise
                    # A list may be ahead of the way by the name, where one 404 makes nobody gone.
                    self._delete(op, state, self._look(op, state))
            self._directory.deleted(shortname)

    def _require_sole(self, shortname: str, state: State) -> None:
        """Raise StillManaged where another resource manages the customer, or where that can't be seen."""
        others = self._stack.other_managers(self._urn, shortname, state.customer_id)
        own = f"'{self._urn}'" if self._urn else "<URN of this resource, see pulumi stack --show-urns>"
        if others:
            raise StillManaged(
                "delete the customer",
                f"another resource of the stack manages the same customer, or reads it ({', '.join(others)})",
                shortname=shortname,
                next_step="Nothing was deleted. If the resource was renamed or moved, make the stack forget the old "
                f"one: `pulumi state delete {own}`. If the other one isn't applied yet, give it the old URN as an "
                "alias instead. The customer stays on the service in both cases.",
            )
        if self._stack.is_unproved(shortname, state.customer_id):
            raise StillManaged(
                "delete the customer",
                "the state of the stack, by `pulumi stack export`, couldn't be read or lacks the customer, so it can't "
                "be seen whether another resource manages it",
                shortname=shortname,
                next_step="Nothing was deleted. Check that `pulumi stack export` works here, name the stack by "
                "--stack, and run `pulumi up` again.",
            )
        if self._stack.may_be_declared_elsewhere(self._urn, shortname, state.customer_id):
            raise StillManaged(
                "delete the customer",
                "this run is limited to a part of the program or goes on after errors, so it can't be seen whether "
                "another resource declares the same customer",
                shortname=shortname,
                next_step="Nothing was deleted. If the resource was renamed or moved, add its old URN as an alias. Run "
                "`pulumi up` without --target, --exclude, --continue-on-error and the variables that set them. "
                "Only if the customer is to be deleted, use `pulumi destroy --target`.",
            )

    def _listed(self, op: _Operation, state: State) -> Account | None:
        """The customer as a young list shows it, where that is enough to delete it; None where a look decides.

        Nothing vouches for what a list says of a customer's own customers, so only those pass that are of the type
        which is not to have any, besides.
        """
        account = self._directory.found(op.gateway, op.shortname)
        if account is None or account.id is None or account.id != state.customer_id or not account.is_childless:
            return None
        return account if known_type(state) == API_TYPES[0] else None

    def _delete(self, op: _Operation, state: State, live: Account) -> None:
        """Delete what a look or a list showed. Raises NotFound where it is gone already."""

        def require(account: Account) -> None:
            self._require_same(op, account, state)
            self._require_childless(op, account)

        live = self._once_childless(op, state, live)
        require(live)
        with _Beside(op.live) as beside:
            self._send(
                op, live.id, lambda look: op.gateway.delete_customer(op.shortname, look_again=look), require=require
            )
        if not beside.found_none():
            self._wait_until_gone(op, live.id)

    def _wait_until_gone(self, op: _Operation, customer_id: str | None) -> None:
        """See that an accepted deletion took effect, for as long as an answer may lag. One that was only said, by
        the service or by something between, would lose the customer.

        Raises OutcomeUnknown where the customer stays.
        """
        started = op.deadline.remaining()
        for pause in backoff(cap=2.0):
            try:
                if op.live().id != customer_id:
                    return  # somebody made it anew since
                shown = "the customer is still there"
            except FusionError as failure:
                if not _took_all_for_done(failure):
                    return  # gone; or not to be seen, which takes nothing from the answer to the deletion
                shown = f"since then {failure.came_back}"
            if started - op.deadline.remaining() >= self._settle_seconds:
                break
            op.deadline.wait(max(0.05, pause))
        raise self._open(op, f"the deletion was accepted, but {shown}")

    def _once_childless(self, op: _Operation, state: State, live: Account) -> Account:
        """Return the account as it is shown once the count of its customers is no longer behind their deletion.

        The count is waited for where no customer is found inside the account, and for a moment where that cannot be
        asked. Raises NotFound, NotOurs.
        """
        self._require_same(op, live, state)
        if live.is_childless or (live.children, live.is_parent) == (None, None):
            return live
        inside = self._has_customers(op)
        window = (
            0.0 if inside else self._settle_seconds if inside is False else min(COUNT_SECONDS, self._settle_seconds)
        )
        started = op.deadline.remaining()
        for pause in backoff(cap=2.0):
            if started - op.deadline.remaining() >= window:
                break
            op.deadline.wait(max(0.05, pause))
            live = op.live()
            self._require_same(op, live, state)
            if live.is_childless:
                break
        return live

    def _has_customers(self, op: _Operation) -> bool | None:
        """Return whether the account really has customers, or None where it does not let itself be asked."""
        try:
            inside = op.gateway.inside(op.shortname)
            listed = {account.shortname: account for account in inside.list_customers()}
            # A service that ignores whom the token is asked for lists the customers of our own account.
            is_doubtful = listed.pop(op.shortname, None) is not None
            below = [name for name, account in listed.items() if account.parent in (None, op.shortname)]
            if any(_exists(inside, name) for name in below[:MANY_BELOW]):
                return True
        except FusionError:
            return None
        return None if is_doubtful else False

    def _require_childless(self, op: _Operation, live: Account) -> None:
        if live.is_childless:
            return
        if live.children is None and live.is_parent is None:
            # Its absence from a list would prove nothing, and a service that cascades deletes whatever is below.
            raise HasSubAccounts(
                op.attempted,
                "the service does not tell whether it has customers of its own",
                next_step="Nothing was deleted. Delete it in Fusion; `pulumi refresh` then drops it from the stack.",
            )
        raise HasSubAccounts(
            op.attempted,
            f"it has {live.children or 'some'} customers of its own",
            next_step="Nothing was deleted. Delete them first: their data would be lost with it.",
        )

    # What several operations share.

    @contextmanager
    def _operation(self, attempted: str, shortname: str) -> Iterator[_Operation]:
        """An operation under its deadline; whatever fails in it is told as a failure of the operation."""
        deadline = Deadline(self._seconds, cancelled=self._cancelled, alive=self._alive)
        try:
            yield _Operation(attempted, shortname, self._connect().within(deadline), deadline)
        except FusionError as failure:
            raise failure.during(attempted, shortname) from None

    def _bound(self) -> Gateway:
        seconds = min(self._seconds, PREFLIGHT_SECONDS)
        return self._connect().within(Deadline(seconds, cancelled=self._cancelled, alive=self._alive))

    def _account_type(self, op: _Operation, inputs: Inputs | State, listed: Sequence[AccountType]) -> str:
        resolved = api_type(
            inputs.type or "",
            multi_account=bool(inputs.multi_account),
            internal=bool(inputs.internal),
            listed=listed,
        )
        if resolved is None:
            raise InvalidInput(
                op.attempted,
                f"the service does not know the type {inputs.type!r}",
                next_step="Nothing was sent. `pulumi-fusion types` lists what the service offers.",
            )
        return resolved

    def _send(
        self,
        op: _Operation,
        customer_id: str | None,
        send: Callable[[Callable[[], None]], T],
        *,
        require: Callable[[Account], None] = lambda live: None,
    ) -> T:
        """Send what changes an existing account; where its outcome is in doubt, look, and send again only at the
        account that was meant. ``send`` takes the look that comes before what was refused, or had to wait, is sent;
        ``require`` raises what else that look must not show.

        Raises NotFound where the account is gone; NotOurs where it is not proved, before anything was sent, that it
        still is the one that was meant; OutcomeUnknown where something was sent and what came of it is not proved.
        """

        def still_the_same() -> None:
            try:
                live = op.live()
            except NotFound:
                raise
            except RequestFailed as unclear:
                raise NotOurs(
                    op.attempted,
                    f"it had to wait, and whether the customer is still the same is not known: {unclear.came_back}",
                    next_step="Nothing was changed. Run it again: that is asked before anything is sent.",
                ) from None
            if live.id != customer_id:
                raise NotOurs(
                    op.attempted,
                    f"while it waited to be sent again, another customer (id {live.id!r}) took the place of the one "
                    f"with the id {customer_id!r}",
                    next_step="Nothing was changed. Run it again: the error then says what to do.",
                )
            require(live)

        try:
            return send(still_the_same)
        except InDoubt as lost:
            doubt = lost
        since = "is still in doubt"
        for _, pause in zip(range(SENDS_IN_DOUBT - 1), backoff(), strict=False):
            try:
                op.deadline.wait(pause)
                live = op.live()
                if live.id != customer_id:
                    since = f"cannot be seen, for another customer (id {live.id!r}) has taken the place of this one"
                    break
                require(live)
                return send(still_the_same)
            except InDoubt as lost:
                doubt = lost
            except NotFound:
                raise
            except FusionError as unclear:
                since = f"could not be settled since: {unclear.came_back}"
                break
        raise self._open(op, f"the request was sent, {doubt.came_back}, and its effect {since}")

    def _open(self, op: _Operation, came_back: str) -> OutcomeUnknown:
        return OutcomeUnknown(
            op.attempted,
            came_back,
            next_step="The state is kept as it was. Run it again: what holds on the service is looked up first.",
        )

    def _require_same(self, op: _Operation, live: Account, state: State) -> None:
        if state.customer_id is None:
            raise NotOurs(
                op.attempted,
                "the state holds no id of it, so it is not proved to be the same customer",
                next_step="Nothing was changed. `pulumi refresh` looks the id up.",
            )
        if live.id != state.customer_id:
            raise NotOurs(
                op.attempted,
                f"the state holds the customer with the id {state.customer_id!r}, but under this shortname lives "
                f"another one now (id {live.id!r}): somebody deleted it and made it anew",
                next_step="Nothing was changed. `pulumi state delete` makes the stack forget the old one. "
                + self._hints.adopt(op.shortname, live.id),
            )
