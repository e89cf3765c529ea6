"""The verbs of the service, as the operations use them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from pulumi_fusion.deadline import Deadline

if TYPE_CHECKING:
    from pulumi_fusion.customer.model import Account, AccountType

__all__ = ["Service"]


class Service(Protocol):
    """The service's verbs.

    Each raises a :class:`~pulumi_fusion.errors.RequestFailed` whose class is the phase in which it failed, and repeats
    only what changed nothing. ``recheck`` runs before a change is sent again after a 401 or 429, or sent late. If it
    raises, the request isn't sent.
    """

    @property
    def account(self) -> str:
        """The shortname of the account that customers are created below."""

    @property
    def deadline(self) -> Deadline | None:
        """The deadline that :meth:`within` set."""

    def within(self, deadline: Deadline) -> Service:
        """Return the same service, with every request bound to the deadline."""

    def inside(self, shortname: str) -> Service:
        """Return the same service, acting in an account below. Nothing is sent; raises OutOfBounds in a session."""

    def authenticate(self) -> None:
        """Get an access token. Raises Unauthorized where the credential is refused, RateLimited, NotSent."""

    def list_customers(self) -> Sequence[Account]:
        """Return all accounts that the service lists for this account, 1000 at most."""

    def get_customer(self, shortname: str) -> Account:
        """Return one account. Raises NotFound for a confirmed absence."""

    def create_customer(self, body: Mapping[str, Any], *, recheck: Callable[[], None]) -> Account:
        """Create an account. A request with an unknown outcome is never repeated."""

    def update_customer(self, shortname: str, body: Mapping[str, Any], *, recheck: Callable[[], None]) -> Account:
        """Replace the settings of an account."""

    def delete_customer(self, shortname: str, *, recheck: Callable[[], None]) -> None:
        """Delete an account. Raises NotFound if there is none."""

    def list_customer_types(self) -> Sequence[AccountType]:
        """Return the account types of the service."""
