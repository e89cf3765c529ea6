"""The vendor's OpenAPI document: which of its operations the emulator has, and where its text contradicts itself.

The document isn't part of this repository. VENDOR_OPENAPI is the path of a copy.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml

from tests.contract.emulator.openapi.documents import stated

__all__ = ["mended"]

VARIABLE: Final = "VENDOR_OPENAPI"
SOURCE: Final = (
    "openapi/_original/netography-openapi.yml of https://github.com/api-evangelist/netography at commit d48b21d"
)

TAGS: Final = {"API Keys", "Authentication", "Resellers", "Roles", "Settings - Security", "Users"}
"""The tags of the operations that concern the emulator."""

ABSENT: Final = {
    ("post", "/api/auth/bearer/token"),
    ("post", "/api/auth/bearer/refresh"),
    ("get", "/api/v1/roles"),
    ("post", "/api/v1/roles"),
    ("get", "/api/v1/roles/{id}"),
    ("put", "/api/v1/roles/{id}"),
    ("delete", "/api/v1/roles/{id}"),
    ("get", "/api/v1/roles/permissions"),
    ("get", "/api/v1/user/{id}"),
    ("put", "/api/v1/user/{id}"),
    ("get", "/api/v1/api-keys"),
    ("get", "/api/v1/api-keys/{appname}"),
    ("put", "/api/v1/api-keys/{appname}"),
    ("delete", "/api/v1/api-keys/{appname}"),
    ("put", "/api/v1/api-keys/{appname}/regen"),
}
"""The operations with these tags that the emulator doesn't have: neither the provider nor a session uses them."""


@dataclass(frozen=True)
class Mend:
    """One change of the document. ``was`` has the members that the part must have before; None for no such part."""

    path: tuple[str | int, ...]
    was: dict[str, Any] | None
    becomes: Callable[[Any], Any]
    why: str


_DATA: Final = ("content", "application/json", "schema", "properties", "data")
MENDS: Final = (
    Mend(
        ("components", "securitySchemes"),
        None,
        lambda _: {"bearer": {"type": "http", "scheme": "bearer"}},
        "The document has no security. The page Authentication requires `Authorization: Bearer` for every request.",
    ),
    Mend(("security",), None, lambda _: [{"bearer": []}], "As above."),
    Mend(
        ("paths", "/api/v1/auth/token", "post", "security"),
        None,
        lambda _: [],
        "The page Authentication gets an access token by this operation, so it needs none.",
    ),
    Mend(
        ("paths", "/api/v1/users", "get", "responses", "200", *_DATA),
        {"type": "object"},
        lambda user: {"type": "array", "items": user},
        "The type is that of one user. The text of the operation and the plural say that it lists users.",
    ),
    Mend(
        ("paths", "/api/v1/api-keys", "post", "responses", "201", *_DATA, "allOf", 0),
        {"type": "object", "additionalProperties": False},
        lambda secret: {name: value for name, value in secret.items() if name != "additionalProperties"},
        "It allows nothing but appkey, and the other part of allOf has the remaining fields of the same record.",
    ),
)


def mended() -> dict[str, Any]:
    """Return the vendor's document with the operations of the emulator and without its contradictions."""
    copy = os.environ.get(VARIABLE)
    assert copy, f"{VARIABLE} isn't set: the nightly run needs the path of a copy of {SOURCE}"
    document: dict[str, Any] = yaml.safe_load(Path(copy).read_text(encoding="utf-8"))
    _select(document)
    for mend in MENDS:
        _apply(document, mend)
    return document


def _select(document: dict[str, Any]) -> None:
    """Remove the operations that don't concern the emulator."""
    present = {(method, path) for path, item in stated()["paths"].items() for method in item if method != "parameters"}
    kept: dict[str, Any] = {}
    for path, item in document["paths"].items():
        for method, operation in item.items():
            if method in ("get", "post", "put", "patch", "delete") and TAGS.intersection(operation["tags"]):
                assert (method, path) in present | ABSENT, f"{method} {path} is new in the vendor's document"
                if (method, path) in present:
                    kept.setdefault(path, {})[method] = operation
    document["paths"] = kept
    missing = present - {(method, path) for path, item in kept.items() for method in item}
    assert not missing, f"the vendor's document doesn't have {sorted(missing)}"


def _apply(document: dict[str, Any], mend: Mend) -> None:
    *parents, last = mend.path
    part: Any = document
    for name in parents:
        part = part.setdefault(name, {}) if mend.was is None else part[name]
    before: dict[str, Any] | None = part.get(last) if isinstance(part, dict) else part[last]
    expected = mend.was.items() <= (before or {}).items() if mend.was is not None else before is None
    assert expected, f"{'/'.join(map(str, mend.path))} is no longer as it was when its mend was written: {mend.why}"
    part[last] = mend.becomes(before)
