"""Who is asking: request tokens, access tokens, refresh tokens, and the rights that a role gives."""

from __future__ import annotations

import base64
import dataclasses
import hmac
import json
from dataclasses import dataclass
from secrets import token_hex
from typing import Any, Final

import jwt
from werkzeug.security import check_password_hash

from fusion_emulator import accounts
from fusion_emulator.accounts import Account, Action, ApiKey, Refused, Role, Session, State
from fusion_emulator.service import Service

__all__ = ["Caller", "authenticate", "netosecret", "refresh", "token_for_key", "token_for_user"]

IAT_SECONDS: Final = {"strict": 300.0, "wide": 86400.0}


@dataclass(frozen=True)
class Caller:
    """The account that a request acts in, and with which rights."""

    account: Account
    role: Role

    def require(self, resource: str, action: Action) -> None:
        """Raises Refused(403) when the role does not give the right."""
        if not self.role.may(resource, action):
            raise Refused(403, f"The role {self.role.name} may not {action} {resource}")


def netosecret(account: Account, key: ApiKey, *, url: str) -> str:
    """The credential as the portal shows it: base64 without padding, of JSON with two spaces of indent.

    Source: https://docs.netography.com/reference/netosecret
    """
    document = {
        "url": f"{url}/api/v1",
        "shortname": account.shortname,
        "appname": key.appname,
        "sharedsecret": account.sharedsecret,
        "appkey": key.appkey,
    }
    return base64.b64encode(json.dumps(document, indent=2).encode()).decode().rstrip("=")


def token_for_key(service: Service, token: str, *, address: str, skew: float = 0.0) -> dict[str, Any]:
    """Tokens for a request token signed with an account's shared secret; the service's clock is ``skew`` seconds off.

    Raises Refused 401 or 404.
    """
    now = service.clock()

    def issue(state: State) -> tuple[State, dict[str, Any]]:
        claims = _unverified(token)
        key = _key(state, claims)
        owner = state.accounts[key.account]
        _verify(token, owner.sharedsecret)
        issued = _issued_at(claims)
        allowed = IAT_SECONDS[service.switches.iat]
        # Written as a negation because a NaN compares as false.
        if not abs(now + skew - issued) <= allowed:
            raise Refused(401, "The request token is too old or too early")
        jti = f"{key.account}:{key.appname}:{_text(claims, 'jti')}"
        # Past this age the token is refused by its iat, so its jti need not be remembered.
        seen = {each: when for each, when in state.seen.items() if abs(now - when) <= 2 * allowed}
        if service.switches.replay == "refused" and jti in seen:
            raise Refused(401, "The request token was used before")
        target = _target(service, state, owner, key, _text(claims, "shortname"))
        used = dataclasses.replace(key, last_login=now, last_ip=address)
        state = dataclasses.replace(accounts.put_key(state, used), seen={**seen, jti: issued})
        session = Session(
            kind="access",
            account=target.id,
            role=key.roles[0] if key.roles else "",
            expires=now + service.switches.token_lifetime,
            appname=key.appname,
            key_account=key.account,
        )
        return _issue(service, state, session, now=now)

    return service.commit(issue)


def token_for_user(service: Service, username: str, password: str) -> dict[str, Any]:
    """Tokens for a person with a password. Raises Refused(401)."""
    now = service.clock()

    def issue(state: State) -> tuple[State, dict[str, Any]]:
        for user in state.users.values():
            if user.email == username and user.password and check_password_hash(user.password, password):
                session = Session(
                    kind="access",
                    account=user.account,
                    role=user.roles[0] if user.roles else "",
                    expires=now + service.switches.token_lifetime,
                    user=user.id,
                )
                return _issue(service, state, session, now=now)
        raise Refused(401, "Missing or invalid credentials")

    return service.commit(issue)


def refresh(service: Service, token: str) -> dict[str, Any]:
    """Tokens for a refresh token, which works once. Raises Refused(400), as documented."""
    now = service.clock()

    def issue(state: State) -> tuple[State, dict[str, Any]]:
        id_, session = _session(state, token, kind="refresh", now=now) or (None, None)
        if id_ is None or session is None:
            raise Refused(400, "Wrong or expired refresh token, or user/api-key removed")
        state = dataclasses.replace(state, sessions={k: v for k, v in state.sessions.items() if k != id_})
        renewed = dataclasses.replace(session, kind="access", expires=now + service.switches.token_lifetime)
        return _issue(service, state, renewed, now=now)

    return service.commit(issue)


def authenticate(service: Service, header: str | None) -> Caller:
    """The caller behind an Authorization header. Raises Refused(401)."""
    state = service.state
    scheme, _, token = (header or "").partition(" ")
    held = _session(state, token.strip(), kind="access", now=service.clock()) if scheme.lower() == "bearer" else None
    if held is None:
        raise Refused(401, "Access token is missing or invalid")
    _, session = held
    # Inference: while masquerading, the rights are those of the same-named role of the sub-account.
    role = accounts.role_named(state, session.account, session.role) or accounts.role_named(
        state, session.key_account or session.account, session.role
    )
    if role is None:
        raise Refused(403, "The role of this credential does not exist")
    return Caller(state.accounts[session.account], role)


def expire(service: Service, header: str | None) -> None:
    """Ends the access token of an Authorization header, as if its time were over."""
    token = (header or "").partition(" ")[2].strip()

    def end(state: State) -> tuple[State, None]:
        id_ = _session_id(state, token)
        return dataclasses.replace(state, sessions={k: v for k, v in state.sessions.items() if k != id_}), None

    service.commit(end)


def _unverified(token: str) -> dict[str, Any]:
    try:
        claims: dict[str, Any] = jwt.decode(token, options={"verify_signature": False})
    except jwt.PyJWTError:
        raise Refused(401, "The request token is no JWT") from None
    return claims


def _verify(token: str, secret: str) -> None:
    try:
        # The vendor's samples carry jti as a number and iat as text; PyJWT refuses both unless told otherwise.
        jwt.decode(
            token,
            secret,
            algorithms=["HS256"],
            options={"verify_jti": False, "verify_iat": False, "verify_aud": False, "verify_sub": False},
        )
    except jwt.PyJWTError:
        raise Refused(401, "The signature of the request token is wrong") from None


def _text(claims: dict[str, Any], name: str) -> str:
    """A claim that is a non-empty text or a whole number, as text."""
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
    """Inference: the ``shortname`` claim names the account to act in.

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
    role = accounts.role_named(state, owner.id, key.roles[0]) if key.roles else None
    if role is None or not role.can_masquerade:
        raise Refused(401, "The role of this API key may not masquerade")
    return target


def _issue(service: Service, state: State, session: Session, *, now: float) -> tuple[State, dict[str, Any]]:
    lifetime = service.switches.token_lifetime
    access_id, refresh_id = token_hex(16), token_hex(16)
    claims: dict[str, Any] = {"iat": int(now), "exp": int(now + lifetime), "typ": "Bearer"}
    if service.switches.token_names_account:
        claims["shortname"] = state.accounts[session.account].shortname
    live = {id_: each for id_, each in state.sessions.items() if each.expires > now}
    renewal = dataclasses.replace(session, kind="refresh")
    state = dataclasses.replace(state, sessions={**live, access_id: session, refresh_id: renewal})
    return state, {
        "access_token": jwt.encode({**claims, "jti": access_id}, state.signing_key, algorithm="HS256"),
        "expires_in": int(lifetime),
        "refresh_expires_in": int(lifetime),
        "refresh_token": jwt.encode(
            {**claims, "typ": "Refresh", "jti": refresh_id}, state.signing_key, algorithm="HS256"
        ),
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


def _session(state: State, token: str, *, kind: str, now: float) -> tuple[str, Session] | None:
    id_ = _session_id(state, token)
    session = state.sessions.get(id_) if id_ else None
    if id_ is None or session is None or session.kind != kind or session.expires <= now:
        return None
    if session.account not in state.accounts:
        return None
    if session.user is not None:
        held = session.user in state.users
    else:
        held = any((key.account, key.appname) == (session.key_account, session.appname) for key in state.keys)
    return (id_, session) if held else None
