"""The values of a customer's inputs in a preview, some of which the CLI doesn't show."""

from __future__ import annotations

import json
from enum import Enum
from typing import Any, Final

__all__ = ["Special", "Value", "read_value"]


class Special(Enum):
    """What replaces a value that isn't shown."""

    SECRET = "secret"  # noqa: S105  # what a report shows instead
    UNKNOWN = "known after apply"
    HIDDEN = "hidden"


Value = str | int | float | Special | None

_SECRET_TEXT: Final = "[secret]"  # noqa: S105  # what the CLI shows instead

# Every object with this key is a secret, encrypted or not, or another value that isn't plain:
# https://github.com/pulumi/pulumi/blob/master/sdk/go/common/resource/sig/sig.go
_SIGNATURE: Final = "4dabf18193072939515e22adb298388d"

# The texts that replace unknown values of each type:
# https://github.com/pulumi/pulumi/blob/master/sdk/go/common/resource/plugin/rpc.go
_UNKNOWN_TEXTS: Final = frozenset(
    {
        "04da6b54-80e4-46f7-96ec-b56ff0331ba9",
        "1c4a061d-8072-4f0a-a4cb-0ff528b18fe7",
        "3eeb2bf0-c639-47a8-9e75-3b44932eb421",
        "6a19a0b0-7e62-4c92-b797-7f8e31da9cc2",
        "030794c1-ac77-496b-92df-f27374a8bd58",
        "e48ece36-62e2-4504-bad9-02848725956a",
        "dd056dcd-154b-4c76-9bd3-c8f88648b5ff",
    }
)


def read_value(raw: Any) -> Value:
    """Return the value of an input in the JSON of a preview. A list or object, which no field has, becomes its JSON."""
    if isinstance(raw, str):
        if raw in _UNKNOWN_TEXTS:
            return Special.UNKNOWN
        return Special.SECRET if raw == _SECRET_TEXT else raw
    if isinstance(raw, float) and raw.is_integer():
        return int(raw)
    if raw is None or isinstance(raw, (int, float)):
        return raw
    text = json.dumps(raw, sort_keys=True)
    return Special.SECRET if _SIGNATURE in text or _SECRET_TEXT in text else text
