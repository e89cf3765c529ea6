"""The errors of this package. Each has what was attempted, on which shortname, what came back, and what to do.

::

    FusionError
    ├── SettingsError           a setting is malformed; nothing was sent
    │   └── MissingSetting      a setting is needed and was not given
    ├── InvalidInput            the inputs break rules; nothing was sent
    ├── Refusal                 the provider refuses to act; nothing that changes the service was sent
    │   ├── AlreadyExists       the shortname is taken by an account that this run did not create
    │   ├── AbsenceNotProved    the service does not confirm that the shortname is available
    │   ├── Protected           deletion protection is on
    │   ├── StillManaged        another resource of the stack manages the customer that is to be deleted
    │   ├── TooManyDeletes      the run has deleted as many customers as maxDeletes allows
    │   ├── WrongAccount        the stack's customers belong to another account than the one of this run
    │   ├── HasSubAccounts      the customer has sub-accounts
    │   ├── NotOurs             the live account is not known to be the one in the state
    │   ├── SessionRefused      a masquerade session is not opened
    │   ├── NotAudited          the audit file cannot be written, so no session starts
    │   └── OutOfBounds         the session does not allow the request
    ├── RequestFailed           one request to the service failed; its phase is its class
    │   ├── NotSent             nothing reached the service: any verb may be repeated
    │   ├── Rejected            the service answered and did not act
    │   │   ├── BadRequest      400, 422
    │   │   ├── Unauthorized    401
    │   │   ├── Forbidden       403
    │   │   ├── NotFound        404 with the service's own error body, which confirms absence
    │   │   ├── Conflict        409
    │   │   └── RateLimited     429
    │   └── InDoubt             the service may or may not have acted
    │       └── Unrecognised    the response isn't one that Fusion sends
    ├── OutcomeUnknown          a request that changes something was sent, and its effect could not be found out
    ├── SessionEnded            the masquerade session is over
    ├── AuditIncomplete         the masquerade session is over, and the audit lacks its start or its end
    ├── DeadlineExceeded        the time of the operation was over before the next request
    └── Cancelled               the operation was interrupted before the next request

The phase decides what may be repeated, never the text: no value of the service's ``name`` or ``message``
is published.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from pulumi_fusion.characters import printable
from pulumi_fusion.documentation import about_error
from pulumi_fusion.redaction import redact

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = [
    "AbsenceNotProved",
    "AlreadyExists",
    "AuditIncomplete",
    "BadRequest",
    "Cancelled",
    "Conflict",
    "DeadlineExceeded",
    "Forbidden",
    "FusionError",
    "HasSubAccounts",
    "InDoubt",
    "InvalidInput",
    "MissingSetting",
    "NotAudited",
    "NotFound",
    "NotOurs",
    "NotSent",
    "OutOfBounds",
    "OutcomeUnknown",
    "Protected",
    "RateLimited",
    "Refusal",
    "Rejected",
    "RequestFailed",
    "SessionEnded",
    "SessionRefused",
    "SettingsError",
    "StillManaged",
    "TooManyDeletes",
    "Unauthorized",
    "Unrecognised",
    "WrongAccount",
]

_LONGEST = 300


def presentable(text: str) -> str:
    """Return a sentence that may quote foreign text as it may be shown: redacted and printable."""
    return printable(redact(text))


def capped(text: str) -> str:
    """Return foreign text as it may be shown: redacted, on one line, printable, at most 300 characters."""
    line = "".join(c if c.isprintable() else " " for c in redact(text))
    line = " ".join(line.split())
    return line if len(line) <= _LONGEST else line[: _LONGEST - 1] + "…"


class FusionError(Exception):
    """Anything that this package raises on purpose. ``str()`` joins its attributes to a text.

    Args:
        attempted: An infinitive: "create the customer".
        came_back: Why it failed.
        shortname: The customer.
        next_step: What to do; each class has a default.
    """

    next_step: str = "Run it again; if it stays, ask the service's support."

    def __init__(
        self, attempted: str, came_back: str, *, shortname: str | None = None, next_step: str | None = None
    ) -> None:
        self.attempted = presentable(attempted)
        self.came_back = presentable(came_back)
        self.shortname = shortname
        if next_step is not None:
            self.next_step = presentable(next_step)
        super().__init__(self._text())

    def _text(self) -> str:
        subject = f" {self.shortname!r}" if self.shortname else ""
        return presentable(f"Could not {self.attempted}{subject}: {self.came_back}. {self.next_step}")

    def during(self, attempted: str, shortname: str | None = None) -> Self:
        """Return a copy of this error for the operation that it ended, and for its customer."""
        return self.replace(attempted=attempted, shortname=shortname or self.shortname)

    def with_reference(self) -> Self:
        """Return a copy whose text ends with the section of the documentation about it, for people who read it."""
        return self.replace(next_step=f"{self.next_step} {about_error(type(self).__name__)}")

    def replace(self, **fields: Any) -> Self:
        """Return a copy of this error with other values of some attributes."""
        for name in ("attempted", "came_back", "next_step"):
            if name in fields:
                fields[name] = presentable(fields[name])
        copy = type(self).__new__(type(self))
        copy.__dict__.update(self.__dict__, **fields)
        copy.args = (copy._text(),)
        return copy


class SettingsError(FusionError):
    """A setting is malformed; nothing was sent."""


class MissingSetting(SettingsError):
    """A setting is needed and was not given; nothing was sent."""


class InvalidInput(FusionError):
    """The inputs break rules of the resource; nothing was sent."""


class Refusal(FusionError):
    """The provider refuses to act; nothing that changes the service was sent."""


class AlreadyExists(Refusal):
    """The shortname is taken by an account that this run did not create; ``customer_id`` is its id."""

    def __init__(self, attempted: str, *, shortname: str, customer_id: str | None, next_step: str) -> None:
        self.customer_id = customer_id
        super().__init__(
            attempted,
            f"a customer with this shortname exists already (id {customer_id or 'not shown by the service'})",
            shortname=shortname,
            next_step=next_step,
        )


class AbsenceNotProved(Refusal):
    """The service does not confirm that the shortname is available."""


class Protected(Refusal):
    """Deletion protection is on."""


class StillManaged(Refusal):
    """Another resource of the stack manages the customer that is to be deleted, or may do so."""


class TooManyDeletes(Refusal):
    """The run has deleted as many customers as maxDeletes allows."""


class WrongAccount(Refusal):
    """The customers in the state of the stack belong to another account than the one that this run works in."""


class HasSubAccounts(Refusal):
    """The customer has sub-accounts."""


class NotOurs(Refusal):
    """The account that has the shortname is not known to be the one in the state."""


class SessionRefused(Refusal):
    """A masquerade session is not opened; nothing was started."""


class NotAudited(Refusal):
    """The audit file cannot be written, so no session starts."""


class OutOfBounds(Refusal):
    """The masquerade session does not allow this request; nothing was sent."""


class RequestFailed(FusionError):
    """One request to the service failed; its class is the phase.

    Attributes:
        status: The HTTP status.
        name: The name in the service's error body.
        message: The message there.
        retry_after: The seconds of Retry-After.
        permanent: Sending it again can't help.
    """

    def __init__(
        self,
        attempted: str,
        came_back: str,
        *,
        shortname: str | None = None,
        next_step: str | None = None,
        status: int | None = None,
        name: str | None = None,
        message: str | None = None,
        retry_after: float | None = None,
        permanent: bool = False,
    ) -> None:
        self.permanent = permanent
        self.status = status
        self.name = name
        self.message = message
        self.retry_after = retry_after
        super().__init__(attempted, came_back, shortname=shortname, next_step=next_step)


class NotSent(RequestFailed):
    """Nothing was sent: any verb may be repeated."""

    next_step = "Nothing was sent. Check the api url, the network and any proxy, then run it again."


class Rejected(RequestFailed):
    """The service answered and did not act."""


class BadRequest(Rejected):
    """400 or 422: the service found the request invalid."""

    next_step = "Nothing was changed. Correct what the service names, then run it again."


class Unauthorized(Rejected):
    """401: the credential or the access token was not accepted."""

    next_step = (
        "Nothing was changed. Check that the netosecret is current "
        "(the portal shows it once, and a regenerated shared secret ends the old one), then run it again."
    )


class Forbidden(Rejected):
    """403: the role of the API key does not allow it, or the account is not below the one of the credential."""

    next_step = "Nothing was changed. Give the API key a role that may manage customers, or use another account."


class NotFound(Rejected):
    """404 with the service's own error body, which confirms absence."""

    next_step = (
        "Check the shortname and the account that you work in; "
        "if it was deleted outside, `pulumi refresh` drops it and the next `pulumi up` creates it again."
    )


class Conflict(Rejected):
    """409: it conflicts with the data of the service."""

    next_step = "Nothing was changed. Check the customer in Fusion, then run it again."


class RateLimited(Rejected):
    """429: too many requests."""

    next_step = "Nothing was changed. Wait and run it again, with fewer customers at once."


class InDoubt(RequestFailed):
    """The service may or may not have acted."""

    next_step = "Run it again: it reads what was done before it sends anything."


class Unrecognised(InDoubt):
    """Something other than Fusion answered: a proxy, a login page, another path or host."""

    next_step = "Check the api url and any proxy in between. This answer proves nothing, and the state was not changed."


class OutcomeUnknown(FusionError):
    """A request that changes something was sent, and its effect could not be found out.

    Attributes:
        partial_state: Properties to save in the state, so that the next run can find out; None to keep the state.
    """

    partial_state: Mapping[str, object] | None = None


class SessionEnded(FusionError):
    """The masquerade session is over; its token is gone."""

    next_step = "Open another session."


class AuditIncomplete(FusionError):
    """The masquerade session took place and is over, and the audit lacks its start or its end."""


class DeadlineExceeded(FusionError):
    """The time of the operation was over before the next request."""

    next_step = "Run it again, or allow more seconds with fusion:deadline or FUSION_DEADLINE."


class Cancelled(FusionError):
    """The operation was interrupted before the next request."""

    next_step = "Run it again when you are ready: it reads first what was done."
