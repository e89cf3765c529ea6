"""The credential, the request token signed with it, and the access token that it buys.

The formats: "Decoding netosecret" https://docs.netography.com/reference/netosecret and the recipe
https://docs.fusion.vectra.ai/api-recipes/recipes/curl-authenticate-to-api-using-netosecret.
"""

from __future__ import annotations

import base64
import binascii
import json
import time
import uuid
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any, Final

import jwt
from jwt.algorithms import HMACAlgorithm

from pulumi_fusion.api.retries import Retries
from pulumi_fusion.api.transport import Transport
from pulumi_fusion.api.wire import Grant, clock_offset, issue_token
from pulumi_fusion.api_url import DEFAULT_API_URL, api_base
from pulumi_fusion.credential_file import bare
from pulumi_fusion.deadline import Deadline
from pulumi_fusion.errors import InDoubt, NotSent, SettingsError, Unauthorized
from pulumi_fusion.redaction import Secret
from pulumi_fusion.settings import SETTING_SOURCES
from pulumi_fusion.single_flight import SingleFlight

__all__ = ["AccessToken", "Netosecret", "TokenSource", "request_token"]

_REQUIRED: Final = ("appname", "appkey", "shortname", "sharedsecret")


@dataclass(frozen=True)
class Netosecret:
    """The API credential, taken apart: ``shortname`` is its account, ``url`` where it is to be used.

    ``appname`` names the API key, ``appkey`` belongs to that key and ``sharedsecret`` to the account.
    """

    url: str
    shortname: str
    appname: str
    appkey: Secret
    sharedsecret: Secret

    @classmethod
    def parse(cls, text: Secret, *, api_url: str | None = None) -> Netosecret:
        """Read the base64 JSON that the portal shows, with or without padding, of either alphabet.

        ``api_url`` takes the place of the url in it, which is otherwise held to the vendor's hosts. Raises
        SettingsError that says what is wrong and quotes nothing.
        """
        fields = _decoded(text)
        wanting = [name for name in _REQUIRED if not _text(fields.get(name))]
        if wanting:
            raise _malformed(f"it lacks {', '.join(wanting)}, or they are no texts")
        return cls(
            url=api_url or _base(fields.get("url")),
            shortname=_text(fields["shortname"]),
            appname=_text(fields["appname"]),
            appkey=Secret(_text(fields["appkey"])),
            sharedsecret=Secret(_text(fields["sharedsecret"])),
        )


def _decoded(text: Secret) -> dict[str, Any]:
    encoded = "".join(bare(text.reveal()).split()).rstrip("=")
    if not encoded:
        raise _malformed("it is empty")
    if encoded.startswith("{"):
        raise _malformed("it is the decoded JSON, not the base64 text around it")
    try:
        raw = base64.b64decode(encoded.replace("-", "+").replace("_", "/") + "=" * (-len(encoded) % 4), validate=True)
    except (ValueError, binascii.Error):
        raise _malformed("it is not base64, or was cut") from None
    try:
        content = raw.decode("utf-8-sig")
        fields = json.loads(content)
    except (ValueError, RecursionError):
        raise _malformed("its base64 holds no JSON, or was cut") from None
    if not isinstance(fields, dict):
        raise _malformed("its JSON is no object")
    for form in (encoded, content):
        Secret(form)  # masked from here on, however it was copied
    return fields


def _text(value: object) -> str:
    return value.strip() if isinstance(value, str) else ""


def _base(url: object) -> str:
    if url is None or url == "":
        return DEFAULT_API_URL
    if not isinstance(url, str):
        raise _malformed("its url is no text")
    try:
        return api_base(url, named_by_owner=False)
    except ValueError as wrong:
        raise _malformed(f"its url {wrong}") from None


def _malformed(what: str) -> SettingsError:
    return SettingsError(
        "read the netosecret",
        what,
        next_step=(
            "Nothing was sent. Copy it again as a whole; the portal shows it once, when an API key is made "
            "(Settings > API Keys > Add API Key), so make a new key if it is lost. "
            f"Give it as one of: {'; '.join(SETTING_SOURCES['netosecret'])}."
        ),
    )


def request_token(netosecret: Netosecret, account: str, *, now: float) -> Secret:
    """Sign the request for an access token that acts inside ``account``; ``now`` is seconds since the epoch.

    Inference: that the claim ``shortname`` alone decides the account, so that a parent's key signs for a
    sub-account with everything else unchanged. The one statement is in "Create a Netography API key": "you
    can create an API key of the parent account and use the `shortname` to access each sub-account with that
    one key", https://docs.netography.com/v1.1/reference/create-a-netography-api-key. No other place in this
    package knows how one account acts inside another.
    """
    claims = {
        "iat": int(now),
        "jti": str(uuid.uuid4()),
        "appname": netosecret.appname,
        "appkey": netosecret.appkey.reveal(),
        "shortname": account,
    }
    return Secret(_signer.encode(json.dumps(claims).encode(), netosecret.sharedsecret.reveal(), algorithm="HS256"))


class _AnyLength(HMACAlgorithm):
    """HS256 without PyJWT's warning about short keys: the portal makes the shared secret, nobody can choose it."""

    def check_key_length(self, key: bytes) -> None:
        return None


_signer: Final = jwt.PyJWS(algorithms=[])
_signer.register_algorithm("HS256", _AnyLength(HMACAlgorithm.SHA256))


@dataclass(frozen=True)
class AccessToken:
    """An access token, and when it is to be given up: a moment of ``time.monotonic``, a little before its own end.

    ``unused`` are the other tokens that the service sent. ``expires`` is its own end in
    seconds since the epoch, our clock, or None where the service did not say how long it lives.
    """

    token: Secret
    ends: float
    unused: tuple[Secret, ...] = ()
    expires: float | None = None

    def forget(self) -> None:
        """Leave no copy of any of them in this process."""
        for secret in (self.token, *self.unused):
            secret.forget()


_OPERATION: Final = "get an access token"

# Where the service does not say how long a token lives; one that ends sooner is renewed on its 401.
_LIFETIME: Final = 3600.0

# Seconds. The vendor publishes no tolerance; below a minute a clock is not what a request was refused for.
_CLOCK_OFF: Final = 60.0


class TokenSource:
    """The access token of one account: bought when it is first needed, kept, renewed before it ends.

    Safe to use from many threads: one of them asks, the others wait for what it gets, and nobody waits while
    other requests are under way. The refresh token is not used: signing again needs nothing that is stored.
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
        self._tokens = SingleFlight[AccessToken](lambda requested, held: clock() < held.ends)
        # Seconds by which the service's clock is ahead: as signed by, and as its last answer says.
        self._ahead = self._told_ahead = 0.0

    def token(self, deadline: Deadline, *, instead_of: Secret | None = None) -> Secret:
        """Return a token that is not about to end and is not ``instead_of``, which the service refused.

        Raises:
            Unauthorized, RateLimited: No token is granted.
            NotSent: The request for one failed in any other way.
            Cancelled, DeadlineExceeded: The wait ended. What needs the token was not sent in any of these cases.
        """
        return self._tokens.get(
            lambda: self.ask(deadline),
            deadline,
            operation=_OPERATION,
            unless=lambda held: held.token is instead_of,
        ).token

    def bound(self, deadline: Deadline) -> AbstractContextManager[Deadline]:
        """Return the deadline as it is: the account's own credential has no end."""
        return nullcontext(deadline)

    def admit(self, method: str, path: str) -> None:
        """The account's own credential may ask whatever its role lets it."""

    def came_back(self, method: str, path: str, changed: bool | None) -> None:
        """Nothing is counted outside a session."""

    def ask(self, deadline: Deadline) -> AccessToken:
        """A token for this caller alone, which is not kept here. Raises as :meth:`token` does.

        If that is refused and the service's clock differs from ours, it asks once more by the service's clock.

        Signing by the foreign clock gives nothing away, since only the service that names the time sees the
        request token, and it spares a laptop or container with a wrong clock a refusal that explains nothing.
        """
        began, asked = self._clock(), self._wall_clock()
        try:
            try:
                grant = self._exchange(deadline)
            except Unauthorized:
                if abs(self._told_ahead - self._ahead) < _CLOCK_OFF:
                    raise
                self._ahead = self._told_ahead
                grant = self._exchange(deadline)
        except Unauthorized as failure:
            raise self._explained(failure) from None
        except InDoubt as failure:
            raise _not_sent(failure) from None
        known = grant.lifetime if grant.lifetime is not None and grant.lifetime > 0 else None
        lifetime, expires = known or _LIFETIME, None if known is None else asked + known
        return AccessToken(grant.token, began + lifetime - min(60.0, lifetime / 10), grant.unused, expires)

    def _exchange(self, deadline: Deadline) -> Grant:
        def attempt() -> Grant:
            # Signed for each attempt: the service may refuse to see the same jti twice.
            now = self._wall_clock() + self._ahead
            request = issue_token(request_token(self._netosecret, self._account, now=now))
            answer = self._transport.exchange(request, deadline)
            self._told_ahead = clock_offset(answer)
            return request.read(answer)

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
        return Unauthorized(
            failure.attempted,
            came_back,
            next_step=next_step,
            status=failure.status,
            name=failure.name,
            message=failure.message,
        )


def _not_sent(failure: InDoubt) -> NotSent:
    """What is in doubt about the token is not in doubt about the request that waits for it."""
    return NotSent(
        failure.attempted,
        f"no access token: {failure.came_back}",
        status=failure.status,
        name=failure.name,
        message=failure.message,
        retry_after=failure.retry_after,
    )
