"""What the life cycle needs of the service."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from pulumi_fusion.deadline import Deadline

if TYPE_CHECKING:
    from pulumi_fusion.customer.model import Account, AccountType

__all__ = ["Service"]


class Service(Protocol):
    """The service's verbs. Each raises a :class:`~pulumi_fusion.errors.RequestFailed` whose class is the phase
    in which it failed, and repeats on its own only what provably changed nothing.

    ``recheck`` is called before a request that the service refused (401, 429) is sent once more, and before one that
    had to wait to be sent at all, for minutes may have passed since what it relies on was proved; what it raises keeps
    the request back.
    """

    @property
    def account(self) -> str:
        """The shortname of the account that customers are created below."""

    @property
    def deadline(self) -> Deadline | None:
        """What :meth:`within` bound it to."""

    def within(self, deadline: Deadline) -> Service:
        """The same service, with every request bound to the deadline."""

    def inside(self, shortname: str) -> Service:
        """Return the same service, acting in an account below. Nothing is sent; raises OutOfBounds in a session."""

    def authenticate(self) -> None:
        """Have an access token. Raises Unauthorized where the credential is refused, RateLimited, NotSent."""

    def list_customers(self) -> Sequence[Account]:
        """All accounts that the service lists for this account, 1000 at most."""

    def get_customer(self, shortname: str) -> Account:
        """One account. Raises NotFound on proof of absence."""

    def create_customer(self, body: Mapping[str, Any], *, recheck: Callable[[], None]) -> Account:
        """Create an account; one request is all that is ever sent whose outcome is in doubt."""

    def update_customer(self, shortname: str, body: Mapping[str, Any], *, recheck: Callable[[], None]) -> Account:
        """Replace what the service holds of an account."""

    def delete_customer(self, shortname: str, *, recheck: Callable[[], None]) -> None:
        """Delete an account. Raises NotFound where it is gone already."""

    def list_customer_types(self) -> Sequence[AccountType]:
        """The account types that the service knows."""
