"""The access of a session: open it after all checks, limit its requests, and end it."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext, suppress
from datetime import datetime, timedelta, timezone
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

# The most ancestors of a customer that are read; trees of resellers are a few levels deep.
_LEVELS: Final = 16


class Term(Deadline):
    """The time of a session: every request ends with it, and a later one raises SessionEnded."""

    def __init__(self, seconds: float, customer: str) -> None:
        super().__init__(seconds)
        self._customer = customer
        self._over = now() + seconds
        self._forked = False

    def after_fork(self) -> None:
        """End the time in a forked child: a session belongs to the process that opened it."""
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
    """The token of a session and the counts of its requests. Safe to use from several threads.

    Attributes:
        id: The id of the session in the audit (str).
        customer: The customer as it was when the session began.
        home: The shortname of the account that opened it.
        appname: The name of the API key.
        url: The url of the service.
        term: The time of the session.
        expires: When the token expires, in seconds since the epoch; None if unknown.
    """

    def __init__(self, fusion: FusionClient, customer: Account, token: AccessToken, request: SessionRequest) -> None:
        self.id = uuid.uuid4().hex
        self.customer = customer
        self.request = request
        self.home = fusion.account
        self.appname = fusion.appname
        self.url = fusion.url
        self.expires = token.expires
        seconds = min(request.duration.total_seconds(), token.ends - time.monotonic())
        self.term = Term(seconds, customer.shortname)
        self._until = datetime.now(timezone.utc) + timedelta(seconds=seconds)
        self.client = fusion.with_credentials(customer.shortname, self).within(self.term)
        self._lock = Lock()
        self._token: AccessToken | None = token
        self._began = now()
        self._counts = Counts()
        renew_in_child(self)

    def after_fork(self) -> None:
        """Drop the token in a forked child."""
        self._drop_token()

    def token(self, deadline: Deadline, *, instead_of: Secret | None = None) -> Secret:
        """Return the session's only token. Raises SessionEnded, or Unauthorized if the service no longer accepts it."""
        self.term.check("use the session")
        with self._lock:
            token = self._token
        if token is None:
            raise self.term.ended("use the session")
        if instead_of is not None:
            raise Unauthorized(
                "use the session",
                "the service no longer accepts the session's token",
                shortname=self.customer.shortname,
                next_step="Nothing was changed. Open another session.",
                status=401,
            )
        return token.token

    @contextmanager
    def bound(self, deadline: Deadline) -> Iterator[Deadline]:
        """Yield a deadline that ends with the session as well. Raises SessionEnded for a call that this interrupted."""
        try:
            yield deadline if deadline is self.term else Both(self.term, deadline)
        except (NotSent, InDoubt, RateLimited) as failure:
            if self.term.remaining() > 0:
                raise
            raise self.term.ended(failure.attempted, failure) from None

    def authorize(self, method: str, path: str) -> None:
        """Count the request, or raise OutOfBounds or SessionEnded before anything is sent."""
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
                next_step="Nothing was sent. To change something, open a session with write=True or --write."
                if against == READ_ONLY
                else "Nothing was sent.",
            )

    def count_refused(self, kind: RefusedKind) -> None:
        """Count a request that was refused before it was sent."""
        self._counts.refused(kind)

    def record(self, method: str, path: str, changed: bool | None) -> None:
        """Count whether an authorized request changed something; None if its outcome is unknown."""
        self._counts.finished(method, path, changed)

    def counts(self) -> Mapping[str, Any]:
        """Return the seconds that the session took, and its requests by method, path, refusal and effect.

        For a session with a raw token, only the seconds are known.
        """
        seconds = round(now() - self._began, 1)
        if not self.request.raw_token:
            return {"seconds": seconds, **self._counts.facts()}
        return {"seconds": seconds, **Counts.no_facts()}

    def facts(self) -> Mapping[str, Any]:
        """Return the facts for the audit; with a raw token, also its expiry, since the session can't end it.

        ``until`` is when the time of the session is over, by the clock that also dates the records.
        """
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
            "until": self._until.isoformat(timespec="milliseconds"),
        }

    def close(self) -> None:
        """End the session: interrupt its requests and drop its token. A later request raises SessionEnded."""
        self.term.cancelled.set()
        self._drop_token()

    def _drop_token(self) -> None:
        with self._lock:
            token, self._token = self._token, None
        if token is not None:
            token.forget()

    def __repr__(self) -> str:
        return f"Access(customer={self.customer.shortname!r}, mode={self.request.mode!r})"


def open_access(fusion: FusionClient, request: SessionRequest) -> Access:
    """Return access to the customer, after verifying that it is below the account and that the token acts inside it.

    It sends only reads and token requests.

    Raises:
        SessionRefused: The session can't be opened.
        Unauthorized: The credential doesn't work.
        RequestFailed: The service failed.
    """
    wanted = request.customer
    if fusion.appname.startswith(KEY_PREFIX):
        raise _refused(
            wanted,
            f"the credential belongs to a session inside {fusion.home_account!r}",
            "A session inside another would hide who acts. Open it from your own account.",
        )
    if wanted in (fusion.account, fusion.home_account):
        raise _refused(wanted, "it is your own account", "Nothing was sent. Work in it without a session.")
    deadline = Deadline(fusion.seconds)
    client = fusion.within(deadline)
    customer, line = _customer_below(client, wanted)
    try:
        token = fusion.token_inside(wanted, deadline)
    except Unauthorized as failure:
        raise _refused(
            wanted,
            f"the credential works in {fusion.account!r}, but the service gives it no token inside: "
            f"{failure.came_back.removeprefix('no access token: ')}",
            "Give the role of the API key the right to masquerade (Settings > Roles), or use a key whose role has it.",
        ) from None
    with ExitStack() as stack:
        stack.callback(token.forget)
        problem = token_problem(customer, fusion.account, _evidence(client, customer, line, token))
        if problem is not None:
            raise _refused(
                wanted,
                problem,
                "The token was not used and was dropped: requests for one customer could reach others.",
            )
        stack.pop_all()
    return Access(fusion, customer, token, request)


def _refused(customer: str, came_back: str, next_step: str) -> SessionRefused:
    return SessionRefused(ATTEMPTED, came_back, shortname=customer, next_step=next_step)


def _customer_below(client: FusionClient, wanted: str) -> tuple[Account, Sequence[str]]:
    """Return the customer, verified to be below the client's account, and the shortnames from it up to there."""
    try:
        customer = client.get_customer(wanted)
    except (NotFound, BadRequest, Forbidden) as failure:
        raise _refused(
            wanted,
            f"{client.account!r} has no such customer: {failure.came_back}",
            "Nothing was started. `pulumi-fusion customers --tree` lists the customers.",
        ) from None
    above, line = customer.parent, [wanted]
    while above is not None and above != client.account and above not in line and len(line) < _LEVELS:
        line.append(above)
        try:
            above = client.get_customer(above).parent
        except (NotFound, BadRequest, Forbidden):
            above = None
    # A record may lack its parent; then the list of "all Accounts for the reseller" must contain the customer.
    if above == client.account or any(each.shortname == wanted for each in client.list_customers()):
        return customer, line
    raise _refused(wanted, f"there is no evidence that it is below {client.account!r}", "Nothing was started.")


class _TrialCredentials:
    """Credentials for the reads that verify where a token acts."""

    def __init__(self, token: AccessToken) -> None:
        self._token = token

    def token(self, deadline: Deadline, *, instead_of: Secret | None = None) -> Secret:
        if instead_of is not None:
            raise Unauthorized("verify where the token acts", "the service no longer accepts it", status=401)
        return self._token.token

    def bound(self, deadline: Deadline) -> AbstractContextManager[Deadline]:
        return nullcontext(deadline)

    def authorize(self, method: str, path: str) -> None:
        """Allow the request: only reads are sent with these credentials."""

    def record(self, method: str, path: str, changed: bool | None) -> None:
        """Do nothing: only reads are sent with these credentials."""


def _evidence(client: FusionClient, customer: Account, line: Sequence[str], token: AccessToken) -> Evidence:
    inside = client.with_credentials(customer.shortname, _TrialCredentials(token))
    # The own list first: a list may lack recent customers, and the first one must not seem longer for that reason.
    listed = client.list_customers()
    sibling_name = next(
        (each.shortname for each in listed if each.shortname not in line and each.parent == client.account), ""
    )
    new_list = record = sibling = None
    with suppress(Forbidden, BadRequest, NotFound):
        new_list = inside.list_customers()
    with suppress(Forbidden, BadRequest, NotFound):
        record = inside.get_customer(customer.shortname)
    if sibling_name:
        with suppress(Forbidden, BadRequest, NotFound):
            sibling = inside.get_customer(sibling_name)
    return Evidence(listed, new_list, record, claimed_account(token.token.reveal()), sibling)
