"""API keys, and the credential that the portal makes of one."""

from __future__ import annotations

import base64
import dataclasses
import json
from secrets import token_hex

from fusion_emulator.state import Account, ApiKey, State

__all__ = ["netosecret", "new_key", "put_key"]


def new_key(account: str, *, appname: str, roles: tuple[str, ...], description: str | None = None) -> ApiKey:
    """Return an API key with a random appkey."""
    return ApiKey(account=account, appname=appname, appkey=token_hex(16), roles=roles, description=description)


def put_key(state: State, key: ApiKey) -> State:
    """Return the state with this key in place of one of the same name in the same account."""
    others = tuple(each for each in state.keys if (each.account, each.appname) != (key.account, key.appname))
    return dataclasses.replace(state, keys=(*others, key))


def netosecret(account: Account, key: ApiKey, *, url: str) -> str:
    """Return the credential as the portal shows it: base64 without padding, of JSON with two spaces of indent.

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
