"""The client of the Fusion API for customers, usable on its own."""

from __future__ import annotations

import copy
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from types import TracebackType
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from pulumi_fusion.api import wire
from pulumi_fusion.api.answers import Relayed, was_done
from pulumi_fusion.api.retries import Precondition, retries_for
from pulumi_fusion.api.tokens import AccessToken, Netosecret, TokenSource
from pulumi_fusion.api.transport import Transport
from pulumi_fusion.binding import Binding
from pulumi_fusion.deadline import Deadline
from pulumi_fusion.errors import FusionError, InDoubt, NotSent, OutOfBounds, Unauthorized
from pulumi_fusion.redaction import Secret
from pulumi_fusion.settings import Settings, same_address

if TYPE_CHECKING:
    from pulumi_fusion.customer.model import Account, AccountType, User

__all__ = ["FusionClient", "Leave"]

T = TypeVar("T")


class Leave(Protocol):
    """Leave to act in an account: who holds it has a token, and may send what is admitted."""

    def token(self, deadline: Deadline, *, instead_of: Secret | None = None) -> Secret:
        """The access token, another one than ``instead_of``, which the service refused. Raises FusionError."""

    def bound(self, deadline: Deadline) -> AbstractContextManager[Deadline]:
        """Return the deadline of one call, made to end with the leave; as a context, it raises what ended the call."""

    def admit(self, method: str, path: str) -> None:
        """Let the request go out or raise why not."""

    def came_back(self, method: str, path: str, changed: bool | None) -> None:
        """Note whether a request that was let out was done; None where its outcome is unknown."""


def _what_binds(environ: Mapping[str, str], *, account: str | None) -> Mapping[str, str]:
    """Return the environment that settings from elsewhere must agree with; empty for an ordinary one."""
    if Binding.of(environ) is None:
        return {}
    return {name: value for name, value in environ.items() if name != "FUSION_ACCOUNT" or account is not None}


def _credential(settings: Settings, binding: Binding | None) -> Netosecret:
    """Return the credential, if it is one of the service that the environment is bound to. Raises SettingsError."""
    if binding is None:
        return Netosecret.parse(settings.credential(), api_url=settings.api_url)
    if settings.netosecret is None:
        raise binding.missing()
    credential = Netosecret.parse(settings.netosecret, api_url=settings.api_url)
    if binding.url is not None and not same_address(credential.url, binding.url):
        raise binding.refusal(["the address in NETOSECRET is another one"])
    if binding.session is not None:
        if not credential.appname.startswith(binding.session):
            raise binding.refusal(["the credential in NETOSECRET is not the session's"])
        if credential.url != Netosecret.parse(settings.netosecret).url:
            raise binding.refusal(["FUSION_API_URL names another address than the session's credential"])
    return credential


class FusionClient:
    """The customers of one Fusion account. Safe to use from many threads; one client serves a whole program.

    Forked children may use it as well: each keeps the token and opens connections of its own.

    ``FusionClient()`` takes its settings from the environment, each argument takes the place of one setting:
    ``netosecret`` (str or Secret) is the API credential, ``api_url`` the service's address, ``account`` the
    shortname of the sub-account to work in, ``deadline`` how many seconds one call may take with all its
    repeats. The constructor sends nothing. It raises MissingSetting or SettingsError; so it does inside the
    emulator's environment or a session's for whatever leads elsewhere than that environment.

    Every call may raise :class:`~pulumi_fusion.errors.RequestFailed`, whose subclass says whether the service
    may have acted, DeadlineExceeded, or Cancelled. A call that only reads, or asks for an access token, is
    repeated after faults; one that changes something only when it certainly did not reach the service, or was
    refused with a 401 or a 429. ``recheck`` is called before the latter, and before one that had to wait for more
    than a second to be sent at all, and may raise to keep it from going out: what held a while ago may hold no longer.

    ::

        with FusionClient() as fusion:
            for account in fusion.list_customers():
                print(account.shortname, account.ingest_ip, account.ingest_port)
    """

    def __init__(
        self,
        settings: Settings | None = None,
        *,
        netosecret: Secret | str | None = None,
        api_url: str | None = None,
        account: str | None = None,
        deadline: float | None = None,
    ) -> None:
        given = {"netosecret": netosecret, "api_url": api_url, "account": account, "deadline": deadline}
        if settings is None:
            settings = Settings.resolve(given)
        else:
            kept = {name: getattr(settings, name) for name in given}
            explicit = kept | {name: value for name, value in given.items() if value is not None}
            settings = Settings.resolve(explicit, environ=_what_binds(os.environ, account=explicit["account"]))
        self._binding = Binding.of(os.environ)
        credential = _credential(settings, self._binding)
        self._url = credential.url
        self._home = credential.shortname
        self._appname = credential.appname
        self._credential: Netosecret | None = credential
        self._account = settings.account or credential.shortname
        self._seconds = settings.deadline
        self._deadline: Deadline | None = None
        self._transport = Transport(self._url)
        self._retries = retries_for(self._url, self._account)
        self._leave: Leave = TokenSource(credential, self._account, self._transport, self._retries)

    @property
    def url(self) -> str:
        """Where the service is: ``https://host[:port]``."""
        return self._url

    @property
    def account(self) -> str:
        """The shortname of the account that the client acts in; new customers are made below it."""
        return self._account

    @property
    def home_account(self) -> str:
        """The shortname of the account that the credential belongs to."""
        return self._home

    @property
    def appname(self) -> str:
        """The name of the API key that the credential belongs to."""
        return self._appname

    @property
    def seconds(self) -> float:
        """How long one call may take with all its repeats."""
        return self._seconds

    @property
    def deadline(self) -> Deadline | None:
        """The deadline that all calls of this client share, if :meth:`within` gave it one."""
        return self._deadline

    def within(self, deadline: Deadline) -> FusionClient:
        """The same client, with its connections and its token, whose calls all end by ``deadline``."""
        bound = copy.copy(self)
        bound._deadline = deadline
        return bound

    def authenticate(self) -> None:
        """Have an access token, for which the service is asked unless there is one.

        Raises Unauthorized where the credential is refused, RateLimited, NotSent, DeadlineExceeded, Cancelled.
        """
        try:
            self._leave.token(self._deadline or Deadline(self._seconds))
        except FusionError as failure:
            raise self._advised(failure) from None

    def list_customers(self) -> list[Account]:
        """All customers that the account shows, by shortname.

        Whether that is the whole subtree or the direct children is not published.
        """
        accounts = self._call(wire.list_customers())
        return sorted(accounts, key=lambda account: account.shortname)

    def get_customer(self, shortname: str) -> Account:
        """One customer. Raises NotFound only when the service itself says that there is none."""
        return self._call(wire.get_customer(shortname))

    def create_customer(self, body: Mapping[str, Any], *, recheck: Callable[[], None] | None = None) -> Account:
        """Make a customer from the API's own fields (``shortname``, ``organization``, ``retention``, ...).

        https://docs.netography.com/api-reference/netography-apis/resellers lists them. Raises InDoubt when the
        customer may or may not exist now; the request is never sent a second time then.
        """
        return self._call(wire.create_customer(body), recheck)

    def update_customer(
        self, shortname: str, body: Mapping[str, Any], *, recheck: Callable[[], None] | None = None
    ) -> Account:
        """Replace the settings of a customer by ``body``, which must be complete: the API knows no partial update.

        Raises InDoubt when the change may or may not have been made.
        """
        return self._call(wire.update_customer(shortname, body), recheck)

    def delete_customer(self, shortname: str, *, recheck: Callable[[], None] | None = None) -> None:
        """Delete a customer. Raises NotFound when there was none, InDoubt when it may or may not be gone."""
        self._call(wire.delete_customer(shortname), recheck)

    def list_customer_types(self) -> list[AccountType]:
        """The account types of the service: the value that is sent and the label that its form shows."""
        return self._call(wire.list_customer_types())

    def list_users(self) -> list[User]:
        """The users of the account that the client acts in."""
        return self._call(wire.list_users())

    def request(self, method: wire.Method, path: str, body: Any = None) -> Any:
        """Whatever another route of the API answers to a JSON body: the value itself, without its envelope.

        ``path`` is as the vendor's reference writes it, ``/api/v1/users``. None where the answer has no body.
        """
        return self._call(wire.value_of(method, path, body))

    def token_inside(self, account: str, deadline: Deadline) -> AccessToken:
        """An access token that acts inside ``account``, for the caller alone: no refusal is repeated, nothing is kept.

        Raises Unauthorized where the credential may not act there, OutOfBounds in a client on leave, which holds no
        credential, NotSent, RateLimited, DeadlineExceeded.
        """
        if self._credential is None:
            raise _on_leave(account)
        tokens = TokenSource(self._credential, account, self._transport, retries_for(self._url, account))
        return tokens.ask(deadline)

    def inside(self, shortname: str) -> FusionClient:
        """Return a client that acts in a sub-account, with the same connections and deadline. Nothing is sent.

        Raises OutOfBounds in a client on leave, which holds no credential.
        """
        if self._credential is None:
            raise _on_leave(shortname)
        other = copy.copy(self)
        other._account = shortname
        other._retries = retries_for(self._url, shortname)
        other._leave = TokenSource(self._credential, shortname, self._transport, other._retries)
        return other

    def on_leave(self, account: str, leave: Leave) -> FusionClient:
        """The same service for as long as ``leave`` lasts, which stands for what is sent inside ``account``."""
        other = copy.copy(self)
        other._account = account
        other._leave = leave
        other._credential = None
        other._retries = retries_for(self._url, account)
        return other

    @contextmanager
    def relay(
        self, method: str, path: str, headers: Mapping[str, str], body: Any, deadline: Deadline
    ) -> Iterator[Relayed]:
        """Pass one request of somebody else on, once, and its answer back as it comes; see ``Transport.relay``."""
        with self._leave.bound(deadline) as bounded, self._admitted(method, path) as note:
            token = self._leave.token(bounded)
            with self._transport.relay(method, path, headers, body, bounded, token=token) as answer:
                note(was_done(answer.status))
                yield answer

    def break_off_interrupted(self) -> None:
        """Break off what is being relayed under a deadline that an interrupt ended."""
        self._transport.break_off_interrupted()

    def close(self) -> None:
        """Close the connections that are not in use and break off what is relayed; a later call opens new ones."""
        self._transport.close()

    def __enter__(self) -> FusionClient:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"FusionClient(url={self._url!r}, account={self._account!r})"

    def _call(self, request: wire.Request[T], recheck: Callable[[], None] | None = None) -> T:
        # Made before the wait for a token, during which it grows old.
        precondition = Precondition(recheck) if recheck else None
        try:
            with self._leave.bound(self._deadline or Deadline(self._seconds)) as deadline:
                return self._sent(request, deadline, precondition)
        except FusionError as failure:
            raise self._advised(failure.during(request.operation, request.shortname)) from None

    def _sent(self, request: wire.Request[T], deadline: Deadline, precondition: Precondition | None) -> T:
        def send(token: Secret) -> T:
            def attempt() -> T:
                return request.read(self._transport.exchange(request, deadline, token=token))

            return self._retries.run(
                attempt,
                deadline,
                operation=request.operation,
                repeatable=request.repeatable,
                precondition=precondition,
            )

        with self._admitted(request.method, request.path) as note:
            token = self._leave.token(deadline)
            try:
                value = send(token)
            except Unauthorized:
                # The token may have ended early. A 401 means that nothing was done, so any verb repeats.
                token = self._leave.token(deadline, instead_of=token)
                if precondition:
                    precondition.recheck()
                value = send(token)
            note(True)
        return value

    @contextmanager
    def _admitted(self, method: str, path: str) -> Iterator[Callable[[bool | None], None]]:
        """Let a request out, and have its outcome noted once: as the block says, else by what it raises."""
        self._leave.admit(method, path)
        noted = False

        def note(changed: bool | None) -> None:
            nonlocal noted
            if not noted:
                noted = True
                self._leave.came_back(method, path, changed)

        try:
            yield note
        except InDoubt:
            note(None)
            raise
        except FusionError:  # refused, or not sent
            note(False)
            raise

    def _advised(self, failure: FusionError) -> FusionError:
        """Return the failure with the way out where the emulator or the session may have ended."""
        if self._binding is None or not isinstance(failure, NotSent):
            return failure
        return failure.advising(self._binding.unreachable())


def _on_leave(account: str) -> OutOfBounds:
    return OutOfBounds(
        "get an access token",
        "a session takes no other tokens than its own",
        shortname=account,
        next_step="Nothing was sent. Use the client of your own account.",
    )
