"""Steps of previews, as the JSON of the CLI has them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from pulumi_fusion.report.digest import digest
from pulumi_fusion.report.plan import Plan
from pulumi_fusion.report.privacy import without_admins
from pulumi_fusion.report.reading import read_plan
from pulumi_fusion.report.render.contents import Contents
from pulumi_fusion.report.warnings import warnings

PLUGIN: Final = "fusion:index:Customer"
DYNAMIC: Final = "pulumi-python:dynamic/fusion:Customer"
SECRET: Final = "[secret]"
ENCRYPTED: Final = {"4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270", "ciphertext": "v1:abc"}
UNKNOWN: Final = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"

INPUTS: Final[Mapping[str, Any]] = {
    "shortname": "acme-corp",
    "organization": "Acme Corporation",
    "type": "SLG",
    "status": "Active",
    "dataRetention": 90,
    "rollupRetention": 180,
    "deletionProtection": True,
    "email": "ada@acme.example.com",
    "givenName": "Ada",
    "familyName": "Lovelace",
}


def urn(name: str, kind: str = PLUGIN) -> str:
    return f"urn:pulumi:production::customers::{kind}::{name}"


def step(
    op: str,
    name: str = "acme",
    *,
    old: Mapping[str, Any] | None = None,
    new: Mapping[str, Any] | None = None,
    kind: str = PLUGIN,
    **more: Any,
) -> dict[str, Any]:
    """A step; ``old`` and ``new`` are inputs, and the outputs of the old state add an id to them."""
    found: dict[str, Any] = {"op": op, "urn": urn(name, kind), **more}
    if old is not None:
        found["oldState"] = {"inputs": dict(old), "outputs": {**old, "customerId": "65f1c0ffee0000000000000a"}}
    if new is not None:
        found["newState"] = {"inputs": dict(new)}
    return found


def changed(old: Mapping[str, Any] | None = None, **new: Any) -> dict[str, Any]:
    """The step of an update of a customer."""
    before = {**INPUTS, **(old or {})}
    return step("update", old=before, new={key: value for key, value in {**before, **new}.items() if value is not None})


def error(text: str, name: str = "") -> dict[str, Any]:
    return {"severity": "error", "message": f"error: {text}\n", **({"urn": urn(name)} if name else {})}


def preview(*steps: Mapping[str, Any], same: int = 0, diagnostics: list[dict[str, Any]] | None = None) -> bytes:
    document = {"steps": list(steps), "diagnostics": diagnostics or [], "changeSummary": {"same": same}}
    return json.dumps(document).encode()


def plan_of(*steps: Mapping[str, Any], **more: Any) -> Plan:
    return read_plan(preview(*steps, **more))


def contents_of(plan: Plan) -> Contents:
    """What a report without the admins shows."""
    public = without_admins(plan)
    return Contents(public, warnings(public), digest(plan))
