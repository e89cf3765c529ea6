"""How a customer comes, stays right, and goes. The policies are here; the requests are the gateway's.

What is certain decides what may happen next:

* *Absent* is proved by a 404 with the service's own error body, and by nothing else.
* *Ours* is an account whose immutable id is in the state; or one that appeared after its absence was proved and
  after a POST of ours, and that shows nothing else than what we sent.
* *In doubt* is every request whose answer was lost. It is looked into, and repeated only where the look shows
  that a repeat cannot double or hit anything.

Neither PUT nor DELETE is ever sent to an account that is not proved ours.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import Any, Final

from pulumi_fusion.customer import preflight
from pulumi_fusion.customer.changes import Change, Kind, changes, history_lost
from pulumi_fusion.customer.check import Checked, check
from pulumi_fusion.customer.directory import Directory
from pulumi_fusion.customer.gateway import Gateway
from pulumi_fusion.customer.mapping import api_type, echoes, known_type, merge, to_create, to_update
from pulumi_fusion.customer.model import Account, Inputs, State
from pulumi_fusion.deadline import Deadline, backoff
from pulumi_fusion.errors import (
    AbsenceNotProved,
    AlreadyExists,
    BadRequest,
    Cancelled,
    Conflict,
    DeadlineExceeded,
    FusionError,
    HasSubAccounts,
    InDoubt,
    InvalidInput,
    NotFound,
    NotOurs,
    OutcomeUnknown,
    Protected,
    Rejected,
    RequestFailed,
)
from pulumi_fusion.settings import Preflight

__all__ = ["Lifecycle"]

# How long an answer may lag behind a write. Inference: no delay is published; the API has no job resource and
# reads as if it were synchronous.
SETTLE_SECONDS: Final = 20.0
SETTLE_SHARE: Final = 0.25  # of the deadline, so that a short one leaves time for the rest
LOOKS_BEFORE_GONE: Final = 3
ATTEMPTS: Final = 3


def adopt_only(shortname: str, customer_id: str | None) -> str:
    """How to take over an existing customer where ``pulumi import`` cannot be had."""
    return (
        f"It is not taken over silently. If it is yours to manage, add adopt={customer_id!r} to this Customer "
        "and run `pulumi up`; otherwise choose another shortname."
    )


class Lifecycle:
    """check, diff, create, read, update and delete of customers, for one account.

    ``connect`` returns the gateway or raises SettingsError; ``deadline`` is the seconds that one operation may
    take; ``warn`` takes sentences for the user; ``ways_in(shortname, id)`` tells how an existing customer is taken
    over, which differs per face; setting ``cancelled`` ends all waits, and no request that changes anything
    follows. Safe to use from several threads.
    """

    def __init__(
        self,
        connect: Callable[[], Gateway],
        *,
        deadline: float = 300.0,
        mode: Preflight = "auto",
        warn: Callable[[str], None] = lambda sentence: None,
        ways_in: Callable[[str, str | None], str] = adopt_only,
        cancelled: threading.Event | None = None,
    ) -> None:
        self._connect = connect
        self._seconds = deadline
        self._mode = mode
        self._warn = warn
        self._ways_in = ways_in
        self._cancelled = cancelled or threading.Event()
        self._directory = Directory()
        self._settle_seconds = min(SETTLE_SECONDS, SETTLE_SHARE * deadline)

    # What a preview runs.

    def check(self, raw: Mapping[str, Any], old: Mapping[str, Any] | None) -> Checked:
        """All failures of the inputs at once; asks the service as far as the preflight setting lets it."""
        gateway, listed, failures = preflight.ask(self._connect_within, self._directory, self._mode, self._warn)
        checked = check(raw, old, listed)
        if gateway is not None:
            before = State.recall(old or {}).shortname
            try:
                failures += preflight.already_taken(checked.inputs, before, gateway, self._directory, self._ways_in)
            except FusionError as failure:
                self._warn(f"Whether the shortname is taken could not be asked. {failure}")
        return Checked(checked.inputs, [*checked.failures, *failures])

    def diff(self, old: State, new: Mapping[str, Any]) -> list[Change]:
        """What `up` would change; a retention that shrinks is called out, because its history is lost."""
        found = changes(old, new)
        for sentence in history_lost(found):
            self._warn(f"{old.shortname}: {sentence}")
        return found

    # create: absence proved -> POST once -> settle.

    def create(self, inputs: Inputs) -> State:
        """Create the customer, or take over the one that ``adopt`` names.

        Raises AlreadyExists, AbsenceNotProved, NotOurs, InvalidInput, RequestFailed: nothing was created; and
        OutcomeUnknown: the error says how the next run finds out.
        """
        attempted, name = "create the customer", inputs.shortname
        gateway, deadline = self._begin()
        account_type = self._account_type(gateway, inputs)
        if inputs.adopt is not None:
            return self._take_over(gateway, deadline, inputs, account_type)
        body = to_create(inputs, account_type)
        self._prove_absence(gateway, attempted, name)
        account = self._post(gateway, deadline, body)
        if account.id is None:
            account = self._with_id(gateway, deadline, account, body)
        self._directory.wrote(name, account)
        return merge(account, State.recall(inputs.model_dump()), self._directory.types_if_told(gateway))

    def _prove_absence(self, gateway: Gateway, attempted: str, name: str) -> None:
        try:
            account = gateway.get_customer(name)
        except NotFound:
            return
        except BadRequest as unclear:
            raise AbsenceNotProved(
                attempted,
                f"asked for this shortname, {unclear.came_back}, which is no proof that it is free",
                shortname=name,
                next_step="Nothing was sent. A customer is created only under a name that is proved to be free, "
                "for otherwise nobody could tell it from one that existed before.",
            ) from None
        except FusionError as failure:
            raise failure.during(f"{attempted} (nothing was sent yet: is the shortname free?)", name) from None
        raise AlreadyExists(attempted, shortname=name, customer_id=account.id, ways_in=self._ways_in(name, account.id))

    def _post(self, gateway: Gateway, deadline: Deadline, body: Mapping[str, Any]) -> Account:
        """POST; settle what is in doubt; and a second POST only after absence was proved for the whole window."""
        attempted, name = "create the customer", str(body["shortname"])
        doubt: InDoubt | None = None
        for _ in range(2):
            try:
                return gateway.create_customer(body)
            except InDoubt as lost:
                doubt = lost
            except Rejected as refused:
                if doubt is None or not isinstance(refused, (BadRequest, Conflict)):
                    raise self._refused(gateway, refused, name, doubt) from None
                # The first POST may be what the second one collides with.
            except (Cancelled, DeadlineExceeded, RequestFailed) as failure:
                if doubt is None:
                    raise failure.during(attempted, name) from None
                raise self._unknown(doubt, name) from None
            if (settled := self._settle(gateway, deadline, body, doubt)) is not None:
                return settled
        raise self._unknown(doubt or InDoubt(attempted, "no answer"), name)

    def _settle(self, gateway: Gateway, deadline: Deadline, body: Mapping[str, Any], doubt: InDoubt) -> Account | None:
        """Look until the account that our POST made is seen, or until it was absent for the whole window (None).

        Raises NotOurs where what appeared is not what we sent, OutcomeUnknown where nothing can be proved.
        """
        name = str(body["shortname"])
        absent_since: float | None = None
        for pause in backoff(cap=2.0):
            try:
                account = gateway.get_customer(name)
            except NotFound:
                left = deadline.remaining()
                absent_since = left if absent_since is None else absent_since
                if absent_since - left >= self._settle_seconds:
                    return None
            except (Cancelled, DeadlineExceeded):
                raise self._unknown(doubt, name) from None
            except RequestFailed:
                absent_since = None
            else:
                self._require_ours(gateway, account, body)
                return account
            try:
                deadline.wait(max(0.05, pause))
            except (Cancelled, DeadlineExceeded):
                raise self._unknown(doubt, name) from None
        raise AssertionError("the backoff never ends")

    def _with_id(self, gateway: Gateway, deadline: Deadline, created: Account, body: Mapping[str, Any]) -> Account:
        """The created account with its id, looked up where the answer lacked it. The creation is certain, so
        nothing raises: a failure would make Pulumi forget the customer.
        """
        unread = InDoubt("read the answer", "it tells no id")
        try:
            found = self._settle(gateway, deadline, body, unread)
        except FusionError:
            found = None
        if found is None or found.id is None:
            self._warn(f"{created.shortname}: the service told no id; `pulumi refresh` looks it up.")
            return created
        return found

    def _require_ours(self, gateway: Gateway, account: Account, body: Mapping[str, Any]) -> None:
        others = echoes(account, body)
        if account.parent is not None and account.parent != gateway.account:
            others.append("parent")
        if others:
            raise NotOurs(
                "create the customer",
                f"the answer to the request was lost, and the customer that exists now (id {account.id}) differs in "
                f"{', '.join(others)} from what was sent, so somebody else may have made it",
                shortname=account.shortname,
                next_step=f"It was neither taken over nor changed. {self._ways_in(account.shortname, account.id)}",
            )

    def _refused(self, gateway: Gateway, refused: Rejected, name: str, doubt: InDoubt | None) -> FusionError:
        """What a rejected POST means. "Exists already" has no published status, so a look decides."""
        attempted = "create the customer"
        if doubt is not None:
            return self._unknown(doubt, name)
        if isinstance(refused, (BadRequest, Conflict)):
            try:
                account = gateway.get_customer(name)
            except FusionError:
                return refused.during(attempted, name)
            return AlreadyExists(
                attempted, shortname=name, customer_id=account.id, ways_in=self._ways_in(name, account.id)
            )
        return refused.during(attempted, name)

    def _unknown(self, doubt: InDoubt, name: str) -> OutcomeUnknown:
        return OutcomeUnknown(
            "create the customer",
            f"the request was sent, {doubt.came_back}, and whether the customer exists could not be settled since",
            shortname=name,
            next_step="Run `pulumi up` again: if the customer was not made, it makes it; if it was, the error then "
            'names its id, and adopt="<that id>" on this Customer keeps it.',
        )

    def _take_over(self, gateway: Gateway, deadline: Deadline, inputs: Inputs, account_type: str) -> State:
        """Adopt the account that the program names by its id; what the service shows otherwise is brought in line."""
        attempted, name = "adopt the customer", inputs.shortname
        account = self._live(gateway, attempted, name)
        if account.id != inputs.adopt or name == gateway.account:
            raise NotOurs(
                attempted,
                "it is the account that you work in"
                if name == gateway.account
                else f"adopt names the id {inputs.adopt!r}, but the customer has the id {account.id!r}",
                shortname=name,
                next_step="Nothing was changed. Look the id up with `pulumi-fusion customers` and correct adopt.",
            )
        body = to_update(inputs, account_type, live=account)
        if echoes(account, body):
            account = self._put(gateway, deadline, name, account.id, body)
        return merge(account, State.recall(inputs.model_dump()), self._directory.types_if_told(gateway))

    # read

    def read(self, shortname: str, state: State) -> State | None:
        """The live facts laid over the state; None where the customer is proved to be gone.

        Raises NotOurs where another account lives under the shortname, RequestFailed where nothing is proved.
        """
        attempted = "read the customer"
        gateway, deadline = self._begin()
        account = self._look(gateway, deadline, shortname)
        if account is None:
            return None
        listed = self._directory.types_if_told(gateway)
        if state.customer_id is None:
            self._require_match(gateway, account, state, known_type(state, listed))
        elif account.id is not None:
            self._require_same(attempted, account, state)
        return merge(account, state, listed)

    def _look(self, gateway: Gateway, deadline: Deadline, shortname: str) -> Account | None:
        """The list where it tells, else a GET; absence is believed when it is seen several times in a row."""
        attempted = "read the customer"
        pauses = backoff(cap=2.0)
        for look in range(LOOKS_BEFORE_GONE):
            try:
                listed = self._directory.find(gateway, shortname)
            except RequestFailed:
                listed = None
            if listed is not None:
                return listed
            try:
                return gateway.get_customer(shortname)
            except NotFound:
                if look < LOOKS_BEFORE_GONE - 1:
                    deadline.wait(0.2 + next(pauses), attempted)
            except FusionError as failure:
                raise failure.during(f"{attempted} (its state is kept)", shortname) from None
        return None

    # update

    def update(self, old: State, inputs: Inputs) -> State:
        """Bring the service in line with the inputs; fields that the program leaves out stay as they are.

        Raises NotOurs, NotFound, OutcomeUnknown, RequestFailed; the state then stays as it was, and the next run
        sees the same difference.
        """
        wanted = inputs.model_dump(by_alias=True, exclude_none=True)
        desired = old.model_copy(update=inputs.model_dump(exclude_none=True))
        if not any(change.kind is Kind.UPDATE for change in changes(old, wanted)):
            return desired
        attempted, name = "update the customer", inputs.shortname
        gateway, deadline = self._begin()
        managed = inputs.model_copy(update={"multi_account": desired.multi_account, "internal": desired.internal})
        account_type = self._account_type(gateway, managed)
        live = self._live(gateway, attempted, name)
        self._require_same(attempted, live, old)
        body = to_update(inputs, account_type, live=live, known=old)
        account = self._put(gateway, deadline, name, live.id, body)
        return merge(account, desired, self._directory.types_if_told(gateway))

    def _put(
        self, gateway: Gateway, deadline: Deadline, name: str, customer_id: str | None, body: Mapping[str, Any]
    ) -> Account:
        """PUT the complete object, repeated only after the account was seen again under the same id."""
        attempted = "update the customer"
        account = self._insist(
            deadline,
            attempted,
            name,
            lambda: gateway.update_customer(name, body),
            self._same(gateway, name, customer_id),
        )
        shown = account if account is not None else self._live(gateway, attempted, name)
        shown = self._wait_until_shown(gateway, deadline, name, body, shown)
        self._directory.wrote(name, shown)
        return shown

    def _wait_until_shown(
        self, gateway: Gateway, deadline: Deadline, name: str, body: Mapping[str, Any], answered: Account
    ) -> Account:
        """A GET that shows what was written, waited for as long as an answer may lag; else the PUT's own answer."""
        started = deadline.remaining()
        for pause in backoff(cap=2.0):
            try:
                live = gateway.get_customer(name)
                if not echoes(live, body):
                    return live
                if started - deadline.remaining() >= self._settle_seconds:
                    break
                deadline.wait(max(0.05, pause))
            except FusionError:
                break  # the write is done; not seeing it is no failure of it
        self._warn(f"{name}: the update was accepted, but the service does not show it yet.")
        return answered

    # delete

    def delete(self, shortname: str, state: State) -> None:
        """Delete the customer; one that is gone already is a success.

        Raises Protected, NotOurs, HasSubAccounts: nothing was sent; OutcomeUnknown, RequestFailed: the state is kept.
        """
        attempted = "delete the customer"
        if state.deletion_protection:
            raise Protected(
                attempted,
                "deletion protection is on, and a deletion destroys the customer's data",
                shortname=shortname,
                next_step="If that is meant, set deletionProtection=false, run `pulumi up`, then delete again.",
            )
        gateway, deadline = self._begin()
        try:
            live = gateway.get_customer(shortname)
        except NotFound:
            return
        except FusionError as failure:
            raise failure.during(attempted, shortname) from None
        self._require_same(attempted, live, state)
        self._require_childless(gateway, live)
        self._insist(
            deadline,
            attempted,
            shortname,
            lambda: gateway.delete_customer(shortname),
            self._same(gateway, shortname, live.id),
            gone_is_done=True,
        )
        self._directory.wrote(shortname, None)

    def _require_childless(self, gateway: Gateway, live: Account) -> None:
        attempted = "delete the customer"
        if live.children is None and live.is_parent is None:
            try:
                names = self._directory.below(gateway, live.shortname)
            except FusionError as failure:
                raise failure.during(f"{attempted} (has it customers of its own?)", live.shortname) from None
        else:
            names = []
        if live.children or live.is_parent or names:
            raise HasSubAccounts(
                attempted,
                f"it has {live.children or len(names) or 'some'} customers of its own",
                shortname=live.shortname,
                next_step="Nothing was deleted. Delete or move them first: their data would be lost with it.",
            )

    # What several operations share.

    def _begin(self) -> tuple[Gateway, Deadline]:
        deadline = Deadline(self._seconds, cancelled=self._cancelled)
        return self._connect().within(deadline), deadline

    def _connect_within(self) -> Gateway:
        return self._begin()[0]

    def _account_type(self, gateway: Gateway, inputs: Inputs) -> str:
        attempted = "find the account type for the customer"
        try:
            listed = self._directory.types_if_told(gateway)
        except FusionError as failure:
            raise failure.during(attempted, inputs.shortname) from None
        resolved = api_type(
            inputs.type, multi_account=bool(inputs.multi_account), internal=bool(inputs.internal), listed=listed
        )
        if resolved is None:
            raise InvalidInput(
                attempted,
                f"neither we nor the service know the type {inputs.type!r}",
                shortname=inputs.shortname,
                next_step="Nothing was sent. `pulumi-fusion types` lists what the service offers.",
            )
        return resolved

    def _live(self, gateway: Gateway, attempted: str, shortname: str) -> Account:
        try:
            return gateway.get_customer(shortname)
        except NotFound as gone:
            told = gone.during(attempted, shortname)
            told.next_step = (
                "It may have been deleted outside: `pulumi refresh` drops it, and the next up makes it anew."
            )
            raise told.during(attempted) from None
        except FusionError as failure:
            raise failure.during(attempted, shortname) from None

    def _same(self, gateway: Gateway, name: str, customer_id: str | None) -> Callable[[], bool]:
        def still_there() -> bool:
            try:
                return gateway.get_customer(name).id == customer_id
            except NotFound:
                return False

        return still_there

    def _insist(
        self,
        deadline: Deadline,
        attempted: str,
        name: str,
        send: Callable[[], Account | None],
        still_the_same: Callable[[], bool],
        *,
        gone_is_done: bool = False,
    ) -> Account | None:
        """Send; where the outcome is in doubt, look, and send again only at the account that was meant."""
        doubt: FusionError | None = None
        for pause, _ in zip(backoff(), range(ATTEMPTS), strict=False):
            try:
                if doubt is not None:
                    deadline.wait(pause)
                    if not still_the_same():
                        if gone_is_done:
                            return None
                        break
                return send()
            except InDoubt as lost:
                doubt = lost
            except NotFound as gone:
                if gone_is_done:
                    return None
                raise gone.during(attempted, name) from None
            except FusionError as failure:
                if doubt is None:
                    raise failure.during(attempted, name) from None
                break
        raise OutcomeUnknown(
            attempted,
            f"the request was sent, {doubt.came_back if doubt else 'no answer came'}, "
            "and its effect could not be settled since",
            shortname=name,
            next_step="The state is kept as it was. Run it again: what holds on the service is looked up first.",
        )

    def _require_same(self, attempted: str, live: Account, state: State) -> None:
        if state.customer_id is not None and live.id == state.customer_id:
            return
        raise NotOurs(
            attempted,
            "the state holds no id of it, so it is not proved to be the same customer"
            if state.customer_id is None
            else f"the state holds the customer with the id {state.customer_id!r}, but under this shortname lives "
            f"another one now (id {live.id!r}): somebody deleted it and made it anew",
            shortname=live.shortname,
            next_step="Nothing was changed. "
            + (
                "`pulumi refresh` looks the id up."
                if state.customer_id is None
                else "To forget the old one run `pulumi state delete` on it. " + self._ways_in(live.shortname, live.id)
            ),
        )

    def _require_match(self, gateway: Gateway, account: Account, state: State, account_type: str | None) -> None:
        """A state without an id is that of a create of ours whose answer was lost: it must match as in settling."""
        sent = {
            "retention": state.data_retention,
            "rollupRetention": state.rollup_retention,
            "organization": state.organization,
            "type": account_type,
        }
        others = echoes(account, {key: value for key, value in sent.items() if value is not None})
        if others or (account.parent is not None and account.parent != gateway.account):
            raise NotOurs(
                "read the customer",
                f"the state holds no id of it, and the customer that lives there (id {account.id}) differs in "
                f"{', '.join(others) or 'its parent'} from what was to be created",
                shortname=account.shortname,
                next_step=f"Nothing was changed. {self._ways_in(account.shortname, account.id)}",
            )
