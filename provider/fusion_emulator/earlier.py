"""States in format 1, which versions before the first release wrote."""

from __future__ import annotations

import dataclasses
from typing import Any

from fusion_emulator.keys import new_key
from fusion_emulator.state import Account, ApiKey, User

__all__ = ["converted"]


def converted(document: dict[str, Any]) -> dict[str, Any]:
    """Return a document of format 1 in the present format, in which API keys and mails have ids.

    Format 1 also had custom roles, refresh tokens and the logins of users, which are left out, and so are lists of
    allowed addresses: they could have any texts, and were not enforced.

    Raises:
        KeyError, TypeError, AttributeError: The document has another shape.
    """
    root = document["root"]
    accounts = list(document["accounts"].values())
    keys = [{**each, "id": f"key-{number}"} for number, each in enumerate(document["keys"], 1)]
    if not any(each["account"] == root for each in keys):
        # With format 1, users could delete the key of the emulator's credential.
        keys.append(dataclasses.asdict(new_key("key-0", root, appname="pulumi-fusion", roles=("admin",))))
    ids = {(each["account"], each["appname"]): each["id"] for each in keys}
    sessions = {
        id_: {
            "account": each["account"],
            "key": ids[each["key_account"], each["appname"]],
            "role": each["role"],
            "expires": each["expires"],
            "number": number,
        }
        for number, (id_, each) in enumerate(document["sessions"].items(), 1)
        if each.get("kind") != "refresh" and (each["key_account"], each["appname"]) in ids
    }
    return {
        "root": root,
        "own_key": next(each["id"] for each in keys if each["account"] == root),
        "signing_key": document["signing_key"],
        "accounts": {id_: _known(Account, {**each, "allowed_ips": []}) for id_, each in document["accounts"].items()},
        "users": {id_: _known(User, each) for id_, each in document["users"].items()},
        "keys": {each["id"]: _known(ApiKey, each) for each in keys},
        "mails": {str(number): each for number, each in enumerate(document["mails"], 1)},
        "sessions": sessions,
        "seen": document["seen"],
        "next_port": document["next_port"],
        "issued": len(document["sessions"]),
        "unique_shortnames": len({each["shortname"] for each in accounts}) == len(accounts),
    }


def _known(kind: type, fields: dict[str, Any]) -> dict[str, Any]:
    """Return the fields without those that only format 1 had."""
    known = {field.name for field in dataclasses.fields(kind)}
    return {name: value for name, value in fields.items() if name in known}
