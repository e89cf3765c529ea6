"""Convert the property values of the protocol to plain Python values and back.

https://pulumi-developer-docs.readthedocs.io/latest/docs/architecture/types.html
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, Final, NamedTuple

from google.protobuf.struct_pb2 import NULL_VALUE, ListValue, Struct, Value

from pulumi_fusion.customer.names import UNKNOWN

__all__ = ["Properties", "read", "write"]

# A map with this key represents another type, which the value of the key identifies.
_SIGNATURE: Final = "4dabf18193072939515e22adb298388d"
_SECRET: Final = "1b47061264138c4ac30d75fd1eb44270"  # noqa: S105 - the signature of secrets
_OUTPUT: Final = "d0e6a833031e9bbcd3f4e8bde6ca49a4"

# An unknown value is one of these strings, depending on its type.
_COMPUTED: Final = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
_UNKNOWNS: Final = frozenset(
    {
        _COMPUTED,
        "1c4a061d-8072-4f0a-a4cb-0ff528b18fe7",  # boolean
        "3eeb2bf0-c639-47a8-9e75-3b44932eb421",  # number
        "6a19a0b0-7e62-4c92-b797-7f8e31da9cc2",  # array
        "030794c1-ac77-496b-92df-f27374a8bd58",  # asset
        "e48ece36-62e2-4504-bad9-02848725956a",  # archive
        "dd056dcd-154b-4c76-9bd3-c8f88648b5ff",  # object
    }
)

# The prefix of the engine's own keys: the pickle of a dynamic provider, defaults of bridged providers.
_RESERVED: Final = "__"


class Properties(NamedTuple):
    """Plain or ``UNKNOWN`` values by key, and the keys whose values contain a secret."""

    plain: dict[str, Any]
    secret: frozenset[str]


def read(struct: Struct) -> Properties:
    """Return the properties that the engine sent. Whole numbers become integers; a key with a null value is dropped."""
    plain: dict[str, Any] = {}
    secret = set()
    for key, value in struct.fields.items():
        if key.startswith(_RESERVED):
            continue
        found, is_secret = _read(value)
        if found is not None:
            plain[key] = found
        if is_secret:
            secret.add(key)
    return Properties(plain, frozenset(secret))


def _read(value: Value) -> tuple[Any, bool]:
    """Return the plain value, and whether it contains a secret."""
    kind = value.WhichOneof("kind")
    if kind == "string_value":
        return (UNKNOWN if value.string_value in _UNKNOWNS else value.string_value), False
    if kind == "number_value":
        number = value.number_value
        return (int(number) if number.is_integer() else number), False
    if kind == "bool_value":
        return value.bool_value, False
    if kind == "list_value":
        items = [_read(item) for item in value.list_value.values]
        return [item for item, _ in items], any(is_secret for _, is_secret in items)
    if kind == "struct_value":
        return _read_map(value.struct_value)
    return None, False


def _read_map(struct: Struct) -> tuple[Any, bool]:
    fields = struct.fields
    signature = fields[_SIGNATURE].string_value if _SIGNATURE in fields else None
    if signature == _SECRET:
        return _read(fields["value"])[0], True
    if signature == _OUTPUT:
        inner, is_secret = _read(fields["value"]) if "value" in fields else (UNKNOWN, False)
        return inner, is_secret or ("secret" in fields and fields["secret"].bool_value)
    # Assets, archives and references to resources are read as maps, which no field accepts.
    items = {key: _read(value) for key, value in fields.items()}
    return {key: item for key, (item, _) in items.items()}, any(is_secret for _, is_secret in items.values())


def write(plain: Mapping[str, Any], secret: Collection[str] = ()) -> Struct:
    """Return plain values in the format of the protocol, with those of the keys ``secret`` marked as secrets."""
    struct = Struct()
    for key, value in plain.items():
        written = _write(value)
        if key in secret:
            marked = {_SIGNATURE: Value(string_value=_SECRET), "value": written}
            written = Value(struct_value=Struct(fields=marked))
        struct.fields[key].CopyFrom(written)
    return struct


def _write(value: Any) -> Value:
    if value is None:
        return Value(null_value=NULL_VALUE)
    if value is UNKNOWN:
        return Value(string_value=_COMPUTED)
    if isinstance(value, bool):
        return Value(bool_value=value)
    if isinstance(value, (int, float)):
        return Value(number_value=value)
    if isinstance(value, str):
        return Value(string_value=value)
    if isinstance(value, Mapping):
        return Value(struct_value=write(value))
    if isinstance(value, (list, tuple)):
        return Value(list_value=ListValue(values=[_write(item) for item in value]))
    raise TypeError(f"not a property value: {type(value).__name__}")
