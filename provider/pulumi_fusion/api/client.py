"""The client of the Fusion API for customers, usable on its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from types import TracebackType
from typing import Any, Protocol, TypeVar

from pulumi_fusion.api import requests
from pulumi_fusion.api.connection import Connection
from pulumi_fusion.api.messages import Method, Request
from pulumi_fusion.api.relayed import Relayed, was_done
from pulumi_fusion.api.responses import read
from pulumi_fusion.api.retries import Precondition
from pulumi_fusion.api.tokens import AccessToken
from pulumi_fusion.customer.model import Account, AccountType, User
from pulumi_fusion.deadline import Deadline
from pulumi_fusion.errors import FusionError, InDoubt
from pulumi_fusion.redaction import Secret
from pulumi_fusion.settings import Settings

__all__ = ["Credentials", "FusionClient"]

T = TypeVar("T")


class Credentials(Protocol):
    """Credentials for one account: they provide the access token and authorize each request."""

    def token(self, deadline: Deadline, *, instead_of: Secret | None = None) -> Secret:
        """Return the access token; another one than ``instead_of``, which the service refused. Raises FusionError."""

    def bound(self, deadline: Deadline) -> AbstractContextManager[Deadline]:
        """Return the deadline of one call, cut to the end of the credentials; the context raises its error."""

    def authorize(self, method: str, path: str) -> None:
        """Raise FusionError for a request that must not be sent."""

    def record(self, method: str, path: str, changed: bool | None) -> None:
        """Note whether a request that was authorized was processed; None where its outcome is unknown."""


class FusionClient:
    """The customers of one Fusion account. Safe to use from many threads; one client serves a whole program.

    Forked children may use it as well: each keeps the token and opens connections of its own.

    ``FusionClient()`` takes its settings from the environment, and each argument replaces one setting. Inside the
    emulator's environment or a masquerade session, a setting that leads to another service is refused.

    Args:
        settings: Settings that were read elsewhere.
        netosecret: The API credential.
        api_url: The address of the service.
        account: The shortname of the sub-account to work in.
        deadline: How many seconds one call may take, with all its retries.

    Raises:
        MissingSetting, SettingsError: Nothing was sent; the constructor sends nothing.

    Every call may raise a :class:`~pulumi_fusion.errors.RequestFailed`, whose class is the phase in which it failed,
    DeadlineExceeded, or Cancelled. A call that only reads, or requests an access token, is repeated after faults. One
    that changes something is repeated only if it was certainly not sent, or was refused with a 401 or a 429. Its
    ``recheck`` is called before the request is sent again, or late, because it waited for more than a second. It
    verifies what the change relies on, and raises to keep the request from being sent.

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
        explicit = {"netosecret": netosecret, "api_url": api_url, "account": account, "deadline": deadline}
        connection = Connection.open(settings, explicit)
        self._use(connection, connection.account, connection.tokens(connection.account), None)

    def _use(self, connection: Connection, account: str, credentials: Credentials, deadline: Deadline | None) -> None:
        self._connection = connection
        self._account = account
        self._credentials = credentials
        self._deadline = deadline

    @property
    def url(self) -> str:
        """The address of the service: ``https://host[:port]``."""
        return self._connection.url

    @property
    def account(self) -> str:
        """The shortname of the account that the client acts in; new customers are created below it."""
        return self._account

    @property
    def home_account(self) -> str:
        """The shortname of the account that the credential belongs to."""
        return self._connection.home

    @property
    def appname(self) -> str:
        """The name of the API key that the credential belongs to."""
        return self._connection.appname

    @property
    def seconds(self) -> float:
        """How long one call may take, with all its retries."""
        return self._connection.seconds

    @property
    def deadline(self) -> Deadline | None:
        """The deadline that all calls of this client share, if :meth:`within` set one."""
        return self._deadline

    def within(self, deadline: Deadline) -> FusionClient:
        """Return the same client, with its connections and its token, whose calls all end by ``deadline``."""
        return _Derived(self._connection, self._account, self._credentials, deadline)

    def inside(self, shortname: str) -> FusionClient:
        """Return a client that acts in a sub-account, with the same connections and deadline. Nothing is sent.

        Raises:
            OutOfBounds: This client belongs to a masquerade session, which has no credential.
        """
        return _Derived(self._connection, shortname, self._connection.tokens(shortname), self._deadline)

    def with_credentials(self, account: str, credentials: Credentials) -> FusionClient:
        """Return a client of the same service that acts inside ``account`` by these credentials alone."""
        return _Derived(self._connection.without_credential(), account, credentials, self._deadline)

    def authenticate(self) -> None:
        """Get an access token, unless there is one.

        Raises:
            Unauthorized: The credential is refused.
            RateLimited, NotSent, DeadlineExceeded, Cancelled
        """
        try:
            self._credentials.token(self._deadline or Deadline(self.seconds))
        except FusionError as failure:
            raise self._connection.advised(failure) from None

    def token_inside(self, account: str, deadline: Deadline) -> AccessToken:
        """Return a new access token that acts inside ``account``, for the caller alone.

        Raises:
            Unauthorized: The credential may not act there.
            OutOfBounds: This client belongs to a masquerade session, which has no credential.
            NotSent, RateLimited, DeadlineExceeded
        """
        return self._connection.tokens(account).fetch(deadline)

    def list_customers(self) -> list[Account]:
        """Return all customers that the account lists, by shortname.

        Whether that is the whole subtree or the direct children is not published.
        """
        accounts = self._call(requests.list_customers())
        return sorted(accounts, key=lambda account: account.shortname)

    def get_customer(self, shortname: str) -> Account:
        """Return one customer. Raises NotFound only if the service itself reports that there is none."""
        return self._call(requests.get_customer(shortname))

    def create_customer(self, body: Mapping[str, Any], *, recheck: Callable[[], None] | None = None) -> Account:
        """Create a customer from the API's own fields (``shortname``, ``organization``, ``retention``, ...).

        https://docs.netography.com/api-reference/netography-apis/resellers lists them.

        Raises:
            InDoubt: The customer may or may not exist now; the request is never sent a second time then.
        """
        return self._call(requests.create_customer(body), recheck)

    def update_customer(
        self, shortname: str, body: Mapping[str, Any], *, recheck: Callable[[], None] | None = None
    ) -> Account:
        """Replace the settings of a customer by ``body``, which must be complete: the API has no partial update.

        Raises:
            InDoubt: The change may or may not have been made.
        """
        return self._call(requests.update_customer(shortname, body), recheck)

    def delete_customer(self, shortname: str, *, recheck: Callable[[], None] | None = None) -> None:
        """Delete a customer.

        Raises:
            NotFound: There is none.
            InDoubt: It may or may not exist now.
        """
        self._call(requests.delete_customer(shortname), recheck)

    def list_customer_types(self) -> list[AccountType]:
        """Return the account types of the service: the value that is sent, and the label in its form."""
        return self._call(requests.list_customer_types())

    def list_users(self) -> list[User]:
        """Return the users of the account that the client acts in."""
        return self._call(requests.list_users())

    def request(self, method: Method, path: str, body: Any = None) -> Any:
        """Return what another route of the API answers to a JSON body: the value itself, without its envelope.

        Args:
            method: GET, POST, PUT or DELETE.
            path: As the vendor's reference writes it, ``/api/v1/users``.
            body: What is sent as JSON.

        Returns:
            The value; None for a response without a body.
        """
        return self._call(requests.value_of(method, path, body))

    @contextmanager
    def relay(
        self, method: str, path: str, headers: Mapping[str, str], body: Any, deadline: Deadline
    ) -> Iterator[Relayed]:
        """Send one request of another client, once, and yield its response; see ``Transport.relay``."""
        with self._credentials.bound(deadline) as bounded, self._authorized(method, path) as record:
            token = self._credentials.token(bounded)
            with self._connection.transport.relay(method, path, headers, body, bounded, token=token) as response:
                record(was_done(response.status))
                yield response

    def close(self) -> None:
        """Close the connections that are not in use, and break off what is relayed; a later call opens new ones."""
        self._connection.transport.close()

    def __enter__(self) -> FusionClient:
        """Return the client."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close its connections."""
        self.close()

    def __repr__(self) -> str:
        """Return the address and the account; there is no secret in it."""
        return f"FusionClient(url={self.url!r}, account={self._account!r})"

    def _call(self, request: Request[T], recheck: Callable[[], None] | None = None) -> T:
        """Send a request with an access token, again where that does no harm, and return the value of its response."""
        # Created before the wait for a token: its age counts from here.
        precondition = Precondition(recheck) if recheck else None
        token = None

        def renew() -> None:
            nonlocal token
            token = self._credentials.token(deadline, instead_of=token)

        def send() -> T:
            return read(request, self._connection.transport.exchange(request, deadline, token=token))

        try:
            with (
                self._credentials.bound(self._deadline or Deadline(self.seconds)) as deadline,
                self._authorized(request.method, request.path),
            ):
                renew()
                return self._connection.retries(self._account).run(
                    send,
                    deadline,
                    operation=request.operation,
                    repeatable=request.repeatable,
                    precondition=precondition,
                    renew=renew,
                )
        except FusionError as failure:
            raise self._connection.advised(failure.during(request.operation, request.shortname)) from None

    @contextmanager
    def _authorized(self, method: str, path: str) -> Iterator[Callable[[bool | None], None]]:
        """Record the outcome of an authorized request once: as the block reports it, or by how the block ends."""
        self._credentials.authorize(method, path)
        outcomes: list[bool | None] = []

        def record(changed: bool | None) -> None:
            if not outcomes:
                outcomes.append(changed)
                self._credentials.record(method, path, changed)

        try:
            yield record
            record(True)
        except InDoubt:
            record(None)
            raise
        except FusionError:  # refused, or not sent
            record(False)
            raise


class _Derived(FusionClient):
    """A client that shares the connection of another one."""

    def __init__(
        self, connection: Connection, account: str, credentials: Credentials, deadline: Deadline | None
    ) -> None:
        self._use(connection, account, credentials, deadline)
