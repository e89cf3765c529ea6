"""The mends of the vendor's document, on a small document with the same contradictions."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.contract.emulator.openapi.documents import operations, stated
from tests.contract.emulator.openapi.vendor import VARIABLE, mended


@pytest.fixture
def document(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Return a document that the test may change before it is stored as the vendor's."""
    found: dict[str, Any] = {"openapi": "3.0.0", "paths": {}}
    for (method, path), operation in operations(stated()).items():
        found["paths"].setdefault(path, {})[method] = {**operation, "tags": ["Users"]}
    del found["paths"]["/api/v1/auth/token"]["post"]["security"]
    users, keys = (_data(found, *each) for each in (("/users", "get", "200"), ("/api-keys", "post", "201")))
    users["data"] = users["data"]["items"]
    keys["data"] = {"allOf": [{"type": "object", "additionalProperties": False, "properties": {}}, keys["data"]]}
    found["paths"]["/api/v1/roles"] = {"get": {"tags": ["Roles"]}}
    found["paths"]["/api/v1/vpc"] = {"get": {"tags": ["Traffic Sources - VPCs"]}}
    monkeypatch.setenv(VARIABLE, str(tmp_path / "vendor.json"))
    return found


def _data(document: dict[str, Any], path: str, method: str, status: str) -> dict[str, Any]:
    content = document["paths"][f"/api/v1{path}"][method]["responses"][status]["content"]
    properties: dict[str, Any] = content["application/json"]["schema"]["properties"]
    return properties


def store(document: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / "vendor.json").write_text(json.dumps(document))


def test_a_mended_document_has_the_operations_of_the_emulator(document: dict[str, Any], tmp_path: Path) -> None:
    store(document, tmp_path)
    found = mended()
    assert operations(found).keys() == operations(stated()).keys()
    assert _data(found, "/users", "get", "200")["data"]["type"] == "array"
    assert "additionalProperties" not in _data(found, "/api-keys", "post", "201")["data"]["allOf"][0]
    assert found["security"] == [{"bearer": []}]


def test_a_mend_that_no_longer_applies_fails(document: dict[str, Any], tmp_path: Path) -> None:
    _data(document, "/users", "get", "200")["data"] = {"type": "array"}
    store(document, tmp_path)
    with pytest.raises(AssertionError, match=r"/users/.* no longer as it was"):
        mended()


def test_an_operation_that_is_new_or_missing_fails(document: dict[str, Any], tmp_path: Path) -> None:
    document["paths"]["/api/v1/customer"]["patch"] = {"tags": ["Resellers"]}
    store(document, tmp_path)
    with pytest.raises(AssertionError, match="patch /api/v1/customer is new"):
        mended()
    del document["paths"]["/api/v1/customer"]
    store(document, tmp_path)
    with pytest.raises(AssertionError, match=r"doesn't have .*/api/v1/customer"):
        mended()


def test_a_run_without_the_document_fails_with_where_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    with pytest.raises(AssertionError, match=r"VENDOR_OPENAPI isn't set.*github\.com/api-evangelist/netography"):
        mended()
