"""Who makes a request: request tokens, access tokens, and the rights of a role."""

from __future__ import annotations

import dataclasses
import hmac
from dataclasses import dataclass
from secrets import token_hex
from typing import Any, Final

import jwt

from fusion_emulator import accounts
from fusion_emulator.errors import Refused
from fusion_emulator.records import TokenRecord
from fusion_emulator.roles import ROLES, Action, Role
from fusion_emulator.service import Service
from fusion_emulator.state import Account, ApiKey, Session, State

__all__ = ["Caller", "authenticate", "expire", "token_for_key"]

IAT_SECONDS: Final = {"strict": 300.0, "wide": 86400.0}


@dataclass(frozen=True)
class Caller:
    """The account that a request acts in, and its rights."""

    account: Account
    role: Role

    def require(self, resource: str, action: Action) -> None:
        """Raise Refused(403) if the role does not permit the action."""
        if not self.role.may(resource, action):
            raise Refused(403, f"The role {self.role.name} may not {action} {resource}")


def token_for_key(service: Service, token: str, *, skew: float = 0.0) -> TokenRecord:
    """Return the answer with an access token for a request token that is signed with an account's shared secret.

    Args:
        service: The service.
        token: The request token.
        skew: Seconds that the service's clock is ahead.

    Raises:
        Refused: 401 or 404; the request token or what it names is not valid.
    """
    now = service.clock()

    def issue(state: State) -> tuple[State, TokenRecord]:
        claims = _unverified(token)
        key = _key(state, claims)
        owner = state.accounts[key.account]
        _verify(token, owner.sharedsecret)
        state = _used(service, state, key, claims, now=now, skew=skew)
        target = _target(service, state, owner, key, _text(claims, "shortname"))
        session = Session(
            account=target.id,
            role=key.roles[0] if key.roles else "",
            expires=now + service.switches.token_lifetime,
            appname=key.appname,
            key_account=key.account,
        )
        return _issue(service, state, session, now=now)

    return service.commit(issue)


def authenticate(service: Service, header: str | None) -> Caller:
    """Return the caller that an Authorization header proves.

    Raises:
        Refused: 401 without a valid access token, 403 if the role of its key does not exist.
    """
    state = service.state
    scheme, _, token = (header or "").partition(" ")
    session = _session(state, token.strip(), now=service.clock()) if scheme.lower() == "bearer" else None
    if session is None:
        raise Refused(401, "Access token is missing or invalid")
    # Inference: while masquerading, the rights are those of the role of the same name in the sub-account.
    role = ROLES.get(session.role)
    if role is None:
        raise Refused(403, "The role of this credential does not exist")
    return Caller(state.accounts[session.account], role)


def expire(service: Service, header: str | None) -> None:
    """End the access token of an Authorization header, as if its lifetime were over."""
    token = (header or "").partition(" ")[2].strip()

    def end(state: State) -> tuple[State, None]:
        id_ = _session_id(state, token)
        return dataclasses.replace(state, sessions={k: v for k, v in state.sessions.items() if k != id_}), None

    service.commit(end)


def _used(service: Service, state: State, key: ApiKey, claims: dict[str, Any], *, now: float, skew: float) -> State:
    """Return the state in which the request token was used, or raise Refused for one that is old or used."""
    issued = _issued_at(claims)
    allowed = IAT_SECONDS[service.switches.iat]
    # Written as a negation because a NaN compares as false.
    if not abs(now + skew - issued) <= allowed:
        raise Refused(401, "The request token is too old or too early")
    jti = f"{key.account}:{key.appname}:{_text(claims, 'jti')}"
    # Older request tokens are refused by their iat, so their jti need not be remembered.
    seen = {each: when for each, when in state.seen.items() if abs(now - when) <= 2 * allowed}
    if service.switches.replay == "refused" and jti in seen:
        raise Refused(401, "The request token was used before")
    return dataclasses.replace(state, seen={**seen, jti: issued})


def _unverified(token: str) -> dict[str, Any]:
    try:
        claims: dict[str, Any] = jwt.decode(token, options={"verify_signature": False})
    except jwt.PyJWTError:
        raise Refused(401, "The request token is not a JWT") from None
    return claims


def _verify(token: str, secret: str) -> None:
    try:
        # The vendor's samples carry jti as a number and iat as text; PyJWT refuses both by default.
        jwt.decode(
            token,
            secret,
            algorithms=["HS256"],
            options={"verify_jti": False, "verify_iat": False, "verify_aud": False, "verify_sub": False},
        )
    except jwt.PyJWTError:
        raise Refused(401, "The signature of the request token is wrong") from None


def _text(claims: dict[str, Any], name: str) -> str:
    """Return a claim that is a non-empty text or a whole number, as text, or raise Refused(401)."""
    value = claims.get(name)
    if type(value) not in (str, int) or value == "":
        raise Refused(401, f"The request token has no {name}")
    return str(value)


def _issued_at(claims: dict[str, Any]) -> float:
    value = claims.get("iat")
    try:
        if type(value) in (int, float, str):
            return float(value)  # type: ignore[arg-type]  # the line above names the types
    except ValueError:
        pass
    raise Refused(401, "The request token has no iat")


def _key(state: State, claims: dict[str, Any]) -> ApiKey:
    named = [key for key in state.keys if key.appname == _text(claims, "appname")]
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


def _issue(service: Service, state: State, session: Session, *, now: float) -> tuple[State, TokenRecord]:
    lifetime = service.switches.token_lifetime
    access_id = token_hex(16)
    claims: dict[str, Any] = {"iat": int(now), "exp": int(now + lifetime), "typ": "Bearer"}
    if service.switches.token_names_account:
        claims["shortname"] = state.accounts[session.account].shortname
    # No client of the API keys route uses a refresh token, so it is part of the answer and not remembered.
    refresh = {**claims, "typ": "Refresh", "jti": token_hex(16)}
    current = {id_: each for id_, each in state.sessions.items() if each.expires > now}
    return dataclasses.replace(state, sessions={**current, access_id: session}), {
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
    try:
        # The service's own clock decides about expiry, since tests and the clock-skew fault move it.
        claims = jwt.decode(
            token, state.signing_key, algorithms=["HS256"], options={"verify_exp": False, "verify_iat": False}
        )
    except jwt.PyJWTError:
        return None
    jti = claims.get("jti")
    return jti if isinstance(jti, str) else None


def _session(state: State, token: str, *, now: float) -> Session | None:
    """Return the session of an access token, unless it, its account or its API key has ended."""
    id_ = _session_id(state, token)
    session = state.sessions.get(id_) if id_ else None
    if session is None or session.expires <= now or session.account not in state.accounts:
        return None
    keys = ((key.account, key.appname) for key in state.keys)
    return session if (session.key_account, session.appname) in keys else None
