"""Who makes a request: request tokens, access tokens, and the rights of a role."""

from __future__ import annotations

import hmac
import math
from dataclasses import dataclass
from secrets import token_hex
from typing import Any, Final

import jwt

from fusion_emulator import accounts
from fusion_emulator.addresses import require_address
from fusion_emulator.bodies import parse_json
from fusion_emulator.errors import Refused
from fusion_emulator.exchange import Exchange
from fusion_emulator.records import TokenRecord
from fusion_emulator.roles import ROLES, Action, Role
from fusion_emulator.service import Service
from fusion_emulator.state import Account, ApiKey, Change, Session, State

__all__ = ["Caller", "asked_for", "authenticate", "expire", "token_for_key"]

_JWS: Final = jwt.PyJWS()
_UNAUTHENTICATED: Final = "Access token is missing or invalid"
IAT_SECONDS: Final = {"strict": 300.0, "wide": 86400.0}


@dataclass(frozen=True)
class Caller:
    """The account that a request acts in, and its rights."""

    account: Account
    role: Role

    def account_in(self, state: State) -> Account:
        """Return the account as it is in a later state, or raise Refused(401) if it was deleted meanwhile."""
        account = state.accounts.get(self.account.id)
        if account is None:
            raise Refused(401, _UNAUTHENTICATED)
        return account

    def require(self, resource: str, action: Action) -> None:
        """Raise Refused(403) if the role does not permit the action."""
        if not self.role.may(resource, action):
            raise Refused(403, f"The role {self.role.name} may not {action} {resource}")


def token_for_key(exchange: Exchange, token: str) -> TokenRecord:
    """Return the answer with an access token for a request token that is signed with an account's shared secret.

    Raises:
        Refused: The request token or what it names is not valid (401, 404), or not allowed from this address.
    """
    service = exchange.service
    now = service.clock()
    claims = _unverified(token)

    def issue(state: State) -> tuple[Change, TokenRecord]:
        key = _key(state, claims)
        owner = state.accounts[key.account]
        if _claims(token, owner.sharedsecret) is None:
            raise Refused(401, "The signature of the request token is wrong")
        seen = _used(service, state, key, claims, skew=exchange.skew)
        target = _target(service, state, owner, key, _text(claims, "shortname"))
        session = Session(
            account=target.id,
            key=key.id,
            role=key.roles[0] if key.roles else "",
            expires=now + service.switches.token_lifetime,
            number=state.issued + 1,
        )
        _require_addresses(exchange, state, session)
        _note(exchange, state, session)
        sessions, answer = _issue(service, state, session, now=now)
        return Change(sessions=sessions, seen=seen, issued=session.number), answer

    return service.commit(issue)


def asked_for(token: str) -> str | None:
    """Return the shortname in a request token, which may be invalid; None without one."""
    shortname = (_claims(token) or {}).get("shortname")
    return shortname if isinstance(shortname, str) else None


def authenticate(exchange: Exchange, header: str | None) -> Caller:
    """Return the caller that an Authorization header proves.

    Raises:
        Refused: 401 without a valid access token, 403 if the role of its key does not exist, or the status of the
            switch for an address that is not allowed.
    """
    service, state = exchange.service, exchange.service.state
    scheme, _, token = (header or "").partition(" ")
    session = _session(state, token.strip(), now=service.clock()) if scheme.lower() == "bearer" else None
    if session is None:
        raise Refused(401, _UNAUTHENTICATED)
    _note(exchange, state, session)
    _require_addresses(exchange, state, session)
    # Inference: while masquerading, the rights are those of the role of the same name in the sub-account.
    role = ROLES.get(session.role)
    if role is None:
        raise Refused(403, "The role of this credential does not exist")
    return Caller(state.accounts[session.account], role)


def _note(exchange: Exchange, state: State, session: Session) -> None:
    """Note for the journal which access token is used, and where."""
    exchange.account = state.accounts[session.account].shortname
    exchange.token = session.number
    exchange.masquerade = state.keys[session.key].account != session.account


def _require_addresses(exchange: Exchange, state: State, session: Session) -> None:
    """Raise Refused unless both the account of the API key and the one to act in allow the client's address.

    Inference: both, since otherwise a key that is restricted to its account's addresses could be used from anywhere in
    the accounts below.
    """
    for id_ in {state.keys[session.key].account: None, session.account: None}:
        require_address(state.accounts[id_], exchange.client, exchange.service.switches)


def expire(service: Service, header: str | None) -> None:
    """End the access token of an Authorization header, as if its lifetime were over."""
    token = (header or "").partition(" ")[2].strip()

    def end(state: State) -> tuple[Change, None]:
        id_ = _session_id(state, token)
        return Change(sessions={id_: None} if id_ and id_ in state.sessions else {}), None

    service.commit(end)


def _used(
    service: Service, state: State, key: ApiKey, claims: dict[str, Any], *, skew: float
) -> dict[str, float | None]:
    """Return the change of ``State.seen`` by this request token, or raise Refused for one that is old or used.

    The time of issue is compared with the machine's clock, which clients share, also if the emulator's was moved.
    """
    now = service.clock.machine()
    issued = _seconds(claims, "iat")
    allowed = IAT_SECONDS[service.switches.iat]
    _require_current(claims, issued, now=now + skew, allowed=allowed)
    jti = f"{key.account}:{key.appname}:{_text(claims, 'jti')}"
    # Older request tokens are refused by their iat, so their jti need not be remembered.
    forgotten = [each for each, when in state.seen.items() if not abs(now - when) <= 2 * allowed]
    if service.switches.replay == "refused" and jti in state.seen and jti not in forgotten:
        raise Refused(401, "The request token was used before: each needs a jti of its own")
    return {**dict.fromkeys(forgotten), jti: issued}


def _require_current(claims: dict[str, Any], issued: float, *, now: float, allowed: float) -> None:
    """Raise Refused for a request token that has expired or is not valid yet."""
    if now - issued > allowed:
        raise Refused(
            401, f"The request token has expired: its iat is {now - issued:.6g} s ago; {allowed:.0f} s are allowed"
        )
    if issued - now > allowed:
        raise Refused(
            401, f"The request token is too early: its iat is {issued - now:.6g} s ahead of the service's clock"
        )
    # No sample of the vendor has these two.
    if "exp" in claims and _seconds(claims, "exp") <= now:
        raise Refused(401, "The request token has expired: its exp is over")
    if "nbf" in claims and _seconds(claims, "nbf") > now:
        raise Refused(401, "The request token is too early: its nbf is ahead of the service's clock")


def _unverified(token: str) -> dict[str, Any]:
    claims = _claims(token)
    if claims is None:
        raise Refused(401, "The request token is not a JWT")
    return claims


def _claims(token: str, key: str | None = None) -> dict[str, Any] | None:
    """Return the claims of a JWT; None if it is none, or not signed with the key, where one is given."""
    try:
        # Not jwt.decode, which also judges claims: by another clock, and not the forms of the vendor's samples.
        payload = _JWS.decode(token, key or "", algorithms=["HS256"], options={"verify_signature": key is not None})
        claims = parse_json(payload)
    except (jwt.PyJWTError, ValueError, TypeError, RecursionError):
        return None
    return claims if isinstance(claims, dict) else None


def _text(claims: dict[str, Any], name: str) -> str:
    """Return a claim that is a non-empty text or a whole number, as text, or raise Refused(401)."""
    value = claims.get(name)
    if type(value) not in (str, int) or value == "":
        raise Refused(401, f"The request token has no {name}")
    return str(value)


def _seconds(claims: dict[str, Any], name: str) -> float:
    """Return a claim that is a time in Unix seconds, as a number or text, or raise Refused(401)."""
    value = claims.get(name)
    try:
        seconds = float(value) if type(value) in (int, float, str) else math.nan  # type: ignore[arg-type]  # checked
    except ValueError:
        seconds = math.nan
    if not math.isfinite(seconds):
        raise Refused(401, f"The request token has no {name} in Unix seconds")
    return seconds


def _key(state: State, claims: dict[str, Any]) -> ApiKey:
    named = [key for key in state.keys.values() if key.appname == _text(claims, "appname")]
    if not named:
        raise Refused(404, "No such API key")
    appkey = _text(claims, "appkey").encode()
    for key in named:
        if hmac.compare_digest(key.appkey.encode(), appkey):
            return key
    raise Refused(401, "Missing or invalid credentials")


def _target(service: Service, state: State, owner: Account, key: ApiKey, shortname: str) -> Account:
    """Return the account to act in. Inference: the ``shortname`` claim names it.

    Source: https://docs.netography.com/v1.1/reference/create-a-netography-api-key ("use the `shortname` to access
    each sub-account with that one key"); the statuses are not published.
    """
    masquerade = service.switches.masquerade
    if shortname == owner.shortname or masquerade == "parent-token":
        return owner
    if masquerade in ("401", "404"):
        raise Refused(int(masquerade), "This API key may not act in that account")
    target = accounts.find(state, shortname, top=owner.id)
    if target is None:
        known = any(each.shortname == shortname for each in state.accounts.values())
        raise Refused(401 if known else 404, "This API key may not act in that account")
    role = ROLES.get(key.roles[0]) if key.roles else None
    # "(resellers only)" in the schema of a role.
    if role is None or not role.can_masquerade or owner.type != "reseller":
        raise Refused(401, "The role of this API key may not masquerade")
    return target


def _issue(
    service: Service, state: State, session: Session, *, now: float
) -> tuple[dict[str, Session | None], TokenRecord]:
    """Return the change of ``State.sessions``, which also ends those that have expired, and the answer."""
    lifetime = service.switches.token_lifetime
    access_id = token_hex(16)
    # By the clock that clients share, if they read them. Its session has the end of a token.
    issued = service.clock.machine()
    claims: dict[str, Any] = {"iat": int(issued), "exp": int(issued + lifetime), "typ": "Bearer"}
    if service.switches.token_names_account:
        claims["shortname"] = state.accounts[session.account].shortname
    # No client of the API keys route uses a refresh token, so it is part of the answer and not remembered.
    refresh = {**claims, "typ": "Refresh", "jti": token_hex(16)}
    expired = [id_ for id_, each in state.sessions.items() if each.expires <= now]
    return {**dict.fromkeys(expired), access_id: session}, {
        "access_token": jwt.encode({**claims, "jti": access_id}, state.signing_key, algorithm="HS256"),
        "expires_in": int(lifetime),
        "refresh_expires_in": int(lifetime),
        "refresh_token": jwt.encode(refresh, state.signing_key, algorithm="HS256"),
        "token_type": "bearer",
        "not-before-policy": 0,
        "session-state": token_hex(16),
        "scope": "",
    }


def _session_id(state: State, token: str) -> str | None:
    # Its session has its end, so that tests and the clock-skew fault can move the clock.
    jti = (_claims(token, state.signing_key) or {}).get("jti")
    return jti if isinstance(jti, str) else None


def _session(state: State, token: str, *, now: float) -> Session | None:
    """Return the session of an access token, unless it, its account or its API key has ended."""
    id_ = _session_id(state, token)
    session = state.sessions.get(id_) if id_ else None
    if session is None or session.expires <= now or session.account not in state.accounts:
        return None
    return session if session.key in state.keys else None
