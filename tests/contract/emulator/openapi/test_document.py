"""The OpenAPI document of the emulator: valid, complete, and in agreement with what the vendor's pages state."""

from __future__ import annotations

from typing import Any

import jsonschema_rs
import pytest
from schemathesis.specs.openapi.definitions import OPENAPI_31

from fusion_emulator import ROOT, Emulator
from fusion_emulator.app import make_app
from fusion_emulator.openapi.operations import OPERATIONS
from tests.contract.emulator.caller import Caller
from tests.contract.emulator.openapi.documents import operations, stated, success

# The page has no operations, but forms and files.
OTHER_BLUEPRINTS = {"page"}


def document(emulator: Emulator, **switches: Any) -> dict[str, Any]:
    emulator.switch(**switches)
    reply = Caller(emulator.netosecret).send("GET", "/_emulator/openapi.json")
    assert (reply.status, reply.headers["Content-Type"]) == (200, "application/json")
    found: dict[str, Any] = reply.json
    return found


def contradictions(own: dict[str, Any], fact: dict[str, Any], place: str, *, every_field: bool) -> list[str]:
    """Return where a schema of the emulator allows what a stated one forbids, or has other fields."""
    found = []
    if "type" in fact and own.get("type") != fact["type"]:
        found.append(f"{place}: {own.get('type')} instead of {fact['type']}")
    if "enum" in fact and own.get("enum") != fact["enum"]:
        found.append(f"{place}: {own.get('enum')} instead of {fact['enum']}")
    if "const" in fact and own.get("const") != fact["const"]:
        found.append(f"{place}: {own.get('const')} instead of {fact['const']}")
    if not set(fact.get("required", ())) <= set(own.get("required", ())):
        found.append(f"{place}: {own.get('required')} instead of {fact['required']} are required")
    if "properties" in fact:
        here, there = own["properties"], fact["properties"]
        missing, added = there.keys() - here.keys(), here.keys() - there.keys()
        if added or (missing and every_field) or own["additionalProperties"] is not False:
            found.append(f"{place}: the fields {sorted(here)} instead of {sorted(there)}")
        for name in here.keys() & there.keys():
            found += contradictions(here[name], there[name], f"{place}.{name}", every_field=every_field)
    if "items" in fact:
        found += contradictions(own["items"], fact["items"], f"{place}[]", every_field=every_field)
    return found


@pytest.mark.parametrize(
    "switches",
    [{}, {"record": "extended", "single_as": "list", "types": "a=A,b=B"}, {"absence": 400, "customer_rate": "5/60"}],
    ids=str,
)
def test_the_document_is_valid(emulator: Emulator, switches: dict[str, Any]) -> None:
    found = document(emulator, **switches)
    jsonschema_rs.Draft202012Validator(OPENAPI_31).validate(found)
    for schema in found["components"]["schemas"].values():
        jsonschema_rs.meta.validate(schema)
    names = [operation["operationId"] for operation in operations(found).values()]
    assert len(set(names)) == len(names)
    assert all(operation["summary"] for operation in operations(found).values())
    assert not any("``" in operation["summary"] for operation in operations(found).values())


def test_every_route_is_described() -> None:
    rules = list(make_app().url_map.iter_rules())
    assert {rule.endpoint for rule in rules if rule.endpoint.partition(".")[0] not in OTHER_BLUEPRINTS} == set(
        OPERATIONS
    )


def test_the_document_agrees_with_what_the_vendor_states(emulator: Emulator) -> None:
    facts, own = operations(stated()), operations(document(emulator))
    assert {key for key in own if key[1].startswith("/api")} == facts.keys()
    found = []
    for (method, path), fact in facts.items():
        place, mine = f"{method} {path}", own[method, path]
        assert mine.get("security") == fact.get("security"), place
        for each, every_field in (("requestBody", True), ("response", False)):
            parts = [
                success(operation)[1] if each == "response" else operation.get(each, {}) for operation in (mine, fact)
            ]
            assert parts[0].keys() & {"content"} == parts[1].keys() & {"content"}, place
            if "content" in parts[1]:
                here, there = (part["content"]["application/json"]["schema"] for part in parts)
                found += contradictions(here, there, f"{place} {each}", every_field=every_field)
        assert success(mine)[0] == success(fact)[0], place
    assert not found, "\n".join(found)


def test_the_document_follows_the_switches(emulator: Emulator) -> None:
    found = document(
        emulator, types="slg=SLG", record="extended", single_as="list", absence=403, duplicate=400, list_limit=7
    )
    schemas = found["components"]["schemas"]
    assert schemas["NewCustomer"]["properties"]["type"]["enum"] == ["slg"]
    assert schemas["TypeRecord"]["properties"]["value"]["enum"] == ["slg"]
    assert {"organization", "type", "fps"} < schemas["AccountRecord"]["properties"].keys()
    create, read = (found["paths"][path] for path in ("/api/v1/customer", "/api/v1/customer/{shortname}"))
    answer = create["post"]["responses"]["201"]["content"]["application/json"]["schema"]
    assert answer["properties"]["data"]["maxItems"] == 1
    assert create["post"]["responses"].keys() == {"201", "400", "401", "403"}
    assert read["get"]["responses"].keys() == {"200", "401", "403"}
    every = found["paths"]["/api/v1/customers"]["get"]["responses"]["200"]["content"]["application/json"]["schema"]
    assert every["properties"]["data"]["maxItems"] == 7


@pytest.mark.parametrize(("method", "body"), [("PATCH", {"shortname": "other-root"}), ("DELETE", None)])
def test_the_refusals_about_the_root_account_are_described(emulator: Emulator, method: str, body: Any) -> None:
    """No generated request names it."""
    described = document(emulator)["paths"]["/_emulator/accounts/{shortname}"][method.lower()]["responses"]
    reply = Caller(emulator.netosecret).send(method, f"/_emulator/accounts/{ROOT}", body)
    assert reply.status == 409
    assert "409" in described
