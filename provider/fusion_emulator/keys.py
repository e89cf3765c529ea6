"""API keys, and the credential that the portal makes of one."""

from __future__ import annotations

import base64
import json
from secrets import token_hex

from fusion_emulator.errors import Refused
from fusion_emulator.fields import is_utf_8
from fusion_emulator.state import Account, ApiKey, Change, State

__all__ = ["add_key", "netosecret", "new_key"]


def new_key(id_: str, account: str, *, appname: str, roles: tuple[str, ...], description: str | None = None) -> ApiKey:
    """Return an API key with a random appkey."""
    return ApiKey(id=id_, account=account, appname=appname, appkey=token_hex(16), roles=roles, description=description)


def add_key(state: State, key: ApiKey) -> Change:
    """Add an API key.

    Raises:
        Refused: The account has one of this name, or UTF-8 cannot encode it or a role.
    """
    if not all(is_utf_8(each) for each in (key.appname, *key.roles)):
        raise Refused(400, "appname, role: expected texts without half of a surrogate pair")
    if any((each.account, each.appname) == (key.account, key.appname) for each in state.keys.values()):
        raise Refused(400, f"An API key of the name {key.appname!r} exists")
    return Change(keys={key.id: key}, minted=state.minted + 1)


def netosecret(account: Account, key: ApiKey, *, url: str, padded: bool) -> str:
    """Return the credential as the portal shows it: base64, perhaps padded, of JSON with two spaces of indent.

    Source: https://docs.netography.com/reference/netosecret
    """
    document = {
        "url": f"{url}/api/v1",
        "shortname": account.shortname,
        "appname": key.appname,
        "sharedsecret": account.sharedsecret,
        "appkey": key.appkey,
    }
    encoded = base64.b64encode(json.dumps(document, indent=2).encode()).decode()
    return encoded if padded else encoded.rstrip("=")
