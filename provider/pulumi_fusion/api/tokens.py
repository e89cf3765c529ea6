"""The access token of an account: requested when it is first needed, kept, and renewed before it expires."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Final

from pulumi_fusion.api.credentials import Netosecret, request_token
from pulumi_fusion.api.records import Grant
from pulumi_fusion.api.requests import issue_token
from pulumi_fusion.api.responses import clock_offset, read
from pulumi_fusion.api.retries import Retries
from pulumi_fusion.api.transport import Transport
from pulumi_fusion.deadline import Deadline
from pulumi_fusion.errors import InDoubt, NotSent, Unauthorized
from pulumi_fusion.redaction import Secret
from pulumi_fusion.single_flight import SingleFlight

__all__ = ["AccessToken", "TokenSource"]

_OPERATION: Final = "get an access token"

# Where the service does not state how long a token lives; one that expires sooner is renewed on its 401.
_LIFETIME: Final = 3600.0

# Seconds. The vendor publishes no tolerance; a smaller difference is not why a request was refused.
_CLOCK_OFF: Final = 60.0


@dataclass(frozen=True)
class AccessToken:
    """An access token.

    Args:
        token: The token.
        ends: When it is replaced, by ``time.monotonic``: a little before it expires.
        unused: The other tokens that the service sent.
        expires: When it expires, in seconds since the epoch; None where the service did not state its lifetime.
    """

    token: Secret
    ends: float
    unused: tuple[Secret, ...] = ()
    expires: float | None = None

    def forget(self) -> None:
        """Remove every copy of these secrets from this process."""
        for secret in (self.token, *self.unused):
            secret.forget()


class TokenSource:
    """The credentials of the account's own API key; see :class:`~pulumi_fusion.api.client.Credentials`.

    Safe to use from many threads: one of them requests a token, and the others wait for it. The refresh token is not
    used: signing another request needs nothing that is stored.

    Args:
        netosecret: The credential.
        account: The account that the token acts in.
        transport: Sends the requests.
        retries: Repeats them.
        clock: Returns the time in seconds.
        wall_clock: Returns the seconds since the epoch.
    """

    def __init__(
        self,
        netosecret: Netosecret,
        account: str,
        transport: Transport,
        retries: Retries,
        *,
        clock: Callable[[], float] = time.monotonic,
        wall_clock: Callable[[], float] = time.time,
    ) -> None:
        self._netosecret = netosecret
        self._account = account
        self._transport = transport
        self._retries = retries
        self._clock = clock
        self._wall_clock = wall_clock
        self._tokens = SingleFlight[AccessToken](lambda requested, granted: clock() < granted.ends)
        # Seconds by which the service's clock is ahead: as used to sign, and by the Date of its last response.
        self._ahead = self._measured_ahead = 0.0

    def token(self, deadline: Deadline, *, instead_of: Secret | None = None) -> Secret:
        """Return a token that is not about to expire and is not ``instead_of``, which the service refused.

        Raises:
            Unauthorized, RateLimited: No token is granted.
            NotSent: The request for one failed in any other way.
            Cancelled, DeadlineExceeded: The wait ended. In all these cases the request that needs it was not sent.
        """
        return self._tokens.get(
            lambda: self.fetch(deadline),
            deadline,
            operation=_OPERATION,
            unless=lambda granted: granted.token is instead_of,
        ).token

    def bound(self, deadline: Deadline) -> AbstractContextManager[Deadline]:
        """Return the deadline as it is: the account's own credential doesn't expire."""
        return nullcontext(deadline)

    def authorize(self, method: str, path: str) -> None:
        """Accept every request: the service enforces the role of the credential."""

    def record(self, method: str, path: str, changed: bool | None) -> None:
        """Do nothing: only sessions count requests."""

    def fetch(self, deadline: Deadline) -> AccessToken:
        """Return a token for this caller alone, which is not kept. Raises as :meth:`token` does.

        If the request is refused and the service's clock differs from this machine's, it is signed once more with the
        time of the service, so that a wrong clock doesn't end in an unexplained refusal. Only the service that sent the
        time sees the request token.
        """
        began, requested = self._clock(), self._wall_clock()
        try:
            try:
                grant = self._exchange(deadline)
            except Unauthorized:
                if abs(self._measured_ahead - self._ahead) < _CLOCK_OFF:
                    raise
                self._ahead = self._measured_ahead
                grant = self._exchange(deadline)
        except Unauthorized as failure:
            raise self._explained(failure) from None
        except InDoubt as failure:
            raise _not_sent(failure) from None
        lifetime = grant.lifetime or _LIFETIME
        expires = None if grant.lifetime is None else requested + grant.lifetime
        return AccessToken(grant.token, began + lifetime - min(60.0, lifetime / 10), grant.unused, expires)

    def _exchange(self, deadline: Deadline) -> Grant:
        def attempt() -> Grant:
            # Signed for each attempt: the service may refuse the same jti twice.
            now = self._wall_clock() + self._ahead
            request = issue_token(request_token(self._netosecret, self._account, now=now))
            response = self._transport.exchange(request, deadline)
            self._measured_ahead = clock_offset(response)
            return read(request, response)

        return self._retries.run(attempt, deadline, operation=_OPERATION, repeatable=True)

    def _explained(self, failure: Unauthorized) -> Unauthorized:
        home, account = self._netosecret.shortname, self._account
        came_back = f"no access token: {failure.came_back}"
        if abs(self._ahead) >= _CLOCK_OFF:
            minutes, side = round(abs(self._ahead) / 60), "behind" if self._ahead > 0 else "ahead of"
            came_back += f"; the clock here is {minutes} min {side} the service's"
        next_step = (
            "Nothing was sent. Check that the netosecret is current: the API key may be gone, or its shared secret "
            "regenerated in the portal, which ends the old one."
        )
        if account != home:
            next_step = (
                "Nothing was sent. If the netosecret works without the account setting, then its key may not act "
                f"inside {account!r}: that must be an account below {home!r}, and the role of the key must allow "
                "masquerading."
            )
        return failure.replace(came_back=came_back, next_step=next_step)


def _not_sent(failure: InDoubt) -> NotSent:
    """Return the error for the request that waits for the token: whatever became of the token, it was not sent."""
    return NotSent(
        failure.attempted,
        f"no access token: {failure.came_back}",
        status=failure.status,
        name=failure.name,
        message=failure.message,
        retry_after=failure.retry_after,
    )
