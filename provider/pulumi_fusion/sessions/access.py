"""Leave to act inside a customer: opened after every refusal, bounded in time and scope, and ended for good."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext, suppress
from datetime import datetime, timezone
from typing import Any, Final

from pulumi_fusion.api.client import FusionClient
from pulumi_fusion.api.tokens import AccessToken
from pulumi_fusion.customer.model import Account
from pulumi_fusion.deadline import Both, Deadline
from pulumi_fusion.errors import (
    BadRequest,
    Forbidden,
    InDoubt,
    NotFound,
    NotSent,
    OutOfBounds,
    RateLimited,
    RequestFailed,
    SessionEnded,
    SessionRefused,
    Unauthorized,
    capped,
)
from pulumi_fusion.forking import Lock, renew_in_child
from pulumi_fusion.redaction import Secret
from pulumi_fusion.sessions.bounds import READ_ONLY, RefusedKind, kind_of, refusal
from pulumi_fusion.sessions.clock import now
from pulumi_fusion.sessions.counts import UNKNOWN, Counts
from pulumi_fusion.sessions.request import ATTEMPTED, KEY_PREFIX, SessionRequest, format_duration
from pulumi_fusion.sessions.token_evidence import Evidence, claimed_account, token_problem

__all__ = ["Access", "open_access"]

# How far above a customer its line is followed; trees of resellers are a few levels deep.
_LEVELS: Final = 16


class Term(Deadline):
    """The time of a session: every request ends with it, and every later one is told that it is over."""

    def __init__(self, seconds: float, customer: str) -> None:
        super().__init__(seconds)
        self._customer = customer
        self._over = now() + seconds
        self._forked = False

    def after_fork(self) -> None:
        """Be over: a session belongs to the process that opened it."""
        super().after_fork()
        self._forked = True
        self.cancelled.set()

    @property
    def forked(self) -> bool:
        """Whether this is the copy in a forked child."""
        return self._forked

    def remaining(self) -> float:
        """Seconds left, never below 0; 0 once the session was left."""
        return 0.0 if self.interrupted() else max(0.0, self._over - now())

    def read_time(self) -> float:
        """Return all that is left: after the end nothing can be asked any more, so no time is kept for that."""
        return self.remaining()

    def check(self, attempted: str) -> None:
        """Raise SessionEnded once it is over or was left."""
        if self.remaining() <= 0:
            raise self.ended(attempted)

    def ended(self, attempted: str, cut_off: RequestFailed | None = None) -> SessionEnded:
        """Return the error about its end, which ``cut_off`` a request that was under way."""
        if self._forked:
            return SessionEnded(
                attempted,
                "this process was forked inside it, and a session belongs to the process that opened it",
                shortname=self._customer,
                next_step="Nothing was sent. Open a session of its own in this process.",
            )
        why = "the session was left" if self.interrupted() else f"its {format_duration(self.seconds)} are over"
        if cut_off is None:
            return SessionEnded(attempted, why, shortname=self._customer)
        step = "Open another session, and check there whether it was done." if isinstance(cut_off, InDoubt) else None
        return SessionEnded(attempted, f"{why}: {cut_off.came_back}", shortname=self._customer, next_step=step)


class Access:
    """The one holder of a session's token, and the one who counts. Safe to use from several threads.

    ``id`` (str) names the session in the audit, ``customer`` is the account as it was when the session began,
    ``home`` the account that opened it, ``appname`` the API key, ``url`` the service, ``term`` its time, ``expires``
    the token's own end in seconds since the epoch, where that is known.
    """

    def __init__(self, fusion: FusionClient, customer: Account, held: AccessToken, request: SessionRequest) -> None:
        self.id = uuid.uuid4().hex
        self.customer = customer
        self.request = request
        self.home = fusion.account
        self.appname = fusion.appname
        self.url = fusion.url
        self.expires = held.expires
        seconds = min(request.duration.total_seconds(), held.ends - time.monotonic())
        self.term = Term(seconds, customer.shortname)
        self.client = fusion.with_credentials(customer.shortname, self).within(self.term)
        self._lock = Lock()
        self._held: AccessToken | None = held
        self._began = now()
        self._counts = Counts()
        renew_in_child(self)

    def after_fork(self) -> None:
        """Keep no token: its term is over in a child."""
        self._drop_token()

    def token(self, deadline: Deadline, *, instead_of: Secret | None = None) -> Secret:
        """The session's only token. Raises SessionEnded, or Unauthorized where the service takes it no more."""
        self.term.check("use the session")
        with self._lock:
            held = self._held
        if held is None:
            raise self.term.ended("use the session")
        if instead_of is not None:
            raise Unauthorized(
                "use the session",
                "the service takes the session's token no more",
                shortname=self.customer.shortname,
                next_step="Nothing was changed. Open another session.",
                status=401,
            )
        return held.token

    @contextmanager
    def bound(self, deadline: Deadline) -> Iterator[Deadline]:
        """Return a deadline that ends with the session as well. Raises SessionEnded for a call that this cut off."""
        try:
            yield deadline if deadline is self.term else Both(self.term, deadline)
        except (NotSent, InDoubt, RateLimited) as failure:
            if self.term.remaining() > 0:
                raise
            raise self.term.ended(failure.attempted, failure) from None

    def authorize(self, method: str, path: str) -> None:
        """Count the request, or raise OutOfBounds or SessionEnded before anything leaves the machine."""
        self.term.check("use the session")
        against = refusal(method, path, write=self.request.write)
        if against is None:
            self._counts.sent(method, path)
        else:
            self._counts.refused(kind_of(against))
            raise OutOfBounds(
                f"send {capped(method)} {capped(path.partition('?')[0])}",
                against,
                shortname=self.customer.shortname,
                next_step="Nothing was sent. A session that may change things is opened with write=True or --write."
                if against == READ_ONLY
                else "Nothing was sent.",
            )

    def count_refused(self, kind: RefusedKind) -> None:
        """Count something that was refused before it could be asked of the service."""
        self._counts.refused(kind)

    def record(self, method: str, path: str, changed: bool | None) -> None:
        """Count whether a request that was admitted changed something; None where its outcome is unknown."""
        self._counts.came_back(method, path, changed)

    def counts(self) -> Mapping[str, Any]:
        """Return the seconds that the session took, and its requests: by method, path, refusal and effect.

        All but the seconds is unknown in a session with a raw token.
        """
        seconds = round(now() - self._began, 1)
        if not self.request.raw_token:
            return {"seconds": seconds, **self._counts.facts()}
        return {"seconds": seconds, **Counts.no_facts()}

    def facts(self) -> Mapping[str, Any]:
        """Who is whom here, for the audit; and when a raw token ends, since the session does not end it."""
        ends = self.expires and datetime.fromtimestamp(self.expires, timezone.utc).isoformat(timespec="seconds")
        return {
            **({"token_ends": ends or UNKNOWN} if self.request.raw_token else {}),
            "account": self.home,
            "app": self.appname,
            "customer": self.customer.shortname,
            "customer_id": self.customer.id,
            "reason": self.request.reason,
            "ticket": self.request.ticket,
            "mode": self.request.mode,
        }

    def close(self) -> None:
        """End the session: its requests break off, its token is dropped, and whoever asks again is told so."""
        self.term.cancelled.set()
        self._drop_token()

    def _drop_token(self) -> None:
        with self._lock:
            held, self._held = self._held, None
        if held is not None:
            held.forget()

    def __repr__(self) -> str:
        return f"Access(customer={self.customer.shortname!r}, mode={self.request.mode!r})"


def open_access(fusion: FusionClient, request: SessionRequest) -> Access:
    """Leave to act inside the customer, once it is proved to be ours and the token to be the customer's.

    Reads only. Raises SessionRefused for all that will not do, Unauthorized for a credential that does not work at
    all, and the other RequestFailed for a service that does not answer.
    """
    wanted = request.customer
    if fusion.appname.startswith(KEY_PREFIX):
        raise _refused(
            wanted,
            f"the credential at hand is that of a session inside {fusion.home_account!r}",
            "A session inside another would hide who acts. Open it from your own account.",
        )
    if wanted in (fusion.account, fusion.home_account):
        raise _refused(wanted, "it is your own account", "Nothing was sent. Work in it without a session.")
    deadline = Deadline(fusion.seconds)
    ours = fusion.within(deadline)
    customer, line = _customer_below(ours, wanted)
    try:
        held = fusion.token_inside(wanted, deadline)
    except Unauthorized as failure:
        raise _refused(
            wanted,
            f"the credential works in {fusion.account!r}, but the service gives it no token inside: "
            f"{failure.came_back.removeprefix('no access token: ')}",
            "Give the role of the API key the right to masquerade (Settings > Roles), or use a key whose role has it.",
        ) from None
    with ExitStack() as stack:
        stack.callback(held.forget)
        problem = token_problem(customer, fusion.account, _evidence(ours, customer, line, held))
        if problem is not None:
            raise _refused(
                wanted,
                problem,
                "Nothing was done with it, and it was dropped: what was meant for one customer could reach others.",
            )
        stack.pop_all()
    return Access(fusion, customer, held, request)


def _refused(customer: str, came_back: str, next_step: str) -> SessionRefused:
    return SessionRefused(ATTEMPTED, came_back, shortname=customer, next_step=next_step)


def _customer_below(ours: FusionClient, wanted: str) -> tuple[Account, Sequence[str]]:
    """The customer, proved to stand below the account that we work in, and the shortnames from it up to there."""
    try:
        customer = ours.get_customer(wanted)
    except (NotFound, BadRequest, Forbidden) as failure:
        raise _refused(
            wanted,
            f"{ours.account!r} has no such customer: {failure.came_back}",
            "Nothing was started. `pulumi-fusion customers --tree` shows which there are.",
        ) from None
    above, line = customer.parent, [wanted]
    while above is not None and above != ours.account and above not in line and len(line) < _LEVELS:
        line.append(above)
        try:
            above = ours.get_customer(above).parent
        except (NotFound, BadRequest, Forbidden):
            above = None
    # A record need not tell its parent; the list of "all Accounts for the reseller" then has to.
    if above == ours.account or any(each.shortname == wanted for each in ours.list_customers()):
        return customer, line
    raise _refused(wanted, f"nothing shows that it stands below {ours.account!r}", "Nothing was started.")


class _Trial:
    """Leave to look where a token acts, before anything is done with it."""

    def __init__(self, held: AccessToken) -> None:
        self._held = held

    def token(self, deadline: Deadline, *, instead_of: Secret | None = None) -> Secret:
        if instead_of is not None:
            raise Unauthorized("prove where the token acts", "the service takes it no more", status=401)
        return self._held.token

    def bound(self, deadline: Deadline) -> AbstractContextManager[Deadline]:
        return nullcontext(deadline)

    def authorize(self, method: str, path: str) -> None:
        """Only reads are asked on trial."""

    def record(self, method: str, path: str, changed: bool | None) -> None:
        """Only reads are asked on trial."""


def _evidence(ours: FusionClient, customer: Account, line: Sequence[str], held: AccessToken) -> Evidence:
    inside = ours.with_credentials(customer.shortname, _Trial(held))
    # Ours first: a list that lags behind can only grow meanwhile, and ours must not seem longer than theirs for that.
    listed = ours.list_customers()
    beside = next((each.shortname for each in listed if each.shortname not in line and each.parent == ours.account), "")
    new_list = record = sibling = None
    with suppress(Forbidden, BadRequest, NotFound):
        new_list = inside.list_customers()
    with suppress(Forbidden, BadRequest, NotFound):
        record = inside.get_customer(customer.shortname)
    if beside:
        with suppress(Forbidden, BadRequest, NotFound):
            sibling = inside.get_customer(beside)
    return Evidence(listed, new_list, record, claimed_account(held.token.reveal()), sibling)
