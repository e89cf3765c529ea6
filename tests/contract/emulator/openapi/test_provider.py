"""Every request of the provider is one that the vendor's pages state."""

from __future__ import annotations

import json
import re
from collections import Counter
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import jsonschema_rs
import pytest
import requests
from hypothesis import given, settings
from requests.adapters import HTTPAdapter

from fusion_emulator import Emulator
from pulumi_fusion import FusionClient, masquerade
from tests.contract.emulator.openapi.documents import operations, stated
from tests.contract.faults.stack import Stack
from tests.contract.faults.test_any_input import valid
from tests.scale import scaled


class Recorder:
    """Counts the requests by operation and lists those that aren't valid."""

    def __init__(self) -> None:
        self.sent: Counter[tuple[str, str]] = Counter()
        self.invalid: list[str] = []
        # A path without parameters first: /customer/access-allowed-ips isn't a customer.
        self._operations = sorted(operations(stated()).items(), key=lambda each: "{" in each[0][1])

    def add(self, request: requests.PreparedRequest) -> None:
        method, path = (request.method or "").lower(), urlsplit(request.url or "").path
        for (stated_method, template), operation in self._operations:
            pattern = re.sub(r"\\{\w+\\}", "[^/]+", re.escape(template))
            if method == stated_method and re.fullmatch(pattern, path):
                self.sent[method, template] += 1
                self._check_body(request, operation.get("requestBody"))
                return
        self.invalid.append(f"{method} {path}")

    def _check_body(self, request: requests.PreparedRequest, body: dict[str, Any] | None) -> None:
        if body is None:
            found = [] if not request.body else ["a body"]
        else:
            assert request.headers["Content-Type"] == "application/json"
            validator = jsonschema_rs.validator_for(body["content"]["application/json"]["schema"])
            found = [error.message for error in validator.iter_errors(json.loads(request.body or b"null"))]
        self.invalid += [f"{request.method} {request.url}: {each}" for each in found]


@pytest.fixture
def recorder(monkeypatch: pytest.MonkeyPatch) -> Recorder:
    recorder, send = Recorder(), HTTPAdapter.send

    def recorded(adapter: HTTPAdapter, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> Any:
        recorder.add(request)
        return send(adapter, request, *args, **kwargs)

    monkeypatch.setattr(HTTPAdapter, "send", recorded)
    return recorder


def test_every_request_of_a_life_cycle_is_valid(emulator: Emulator, recorder: Recorder, tmp_path: Path) -> None:
    @settings(max_examples=scaled(25, nightly=1000))
    @given(program=valid(), change=valid())
    def live(program: dict[str, Any], change: dict[str, Any]) -> None:
        with Stack(emulator, preflight="required") as stack:
            assert stack.up("customer", program).ok
            assert stack.refresh("customer").ok
            immutable = {key: program[key] for key in ("shortname", "email", "givenName", "familyName")}
            assert stack.up("customer", {**change, **immutable, "deletionProtection": False}).ok
            assert stack.destroy("customer").ok

    live()
    emulator.seed("acme-corp")
    client = FusionClient(netosecret=emulator.netosecret, api_url=emulator.url)
    with (
        client,
        masquerade(
            "acme-corp", reason="INC-1234 ingest check", client=client, audit_file=tmp_path / "audit"
        ) as session,
    ):
        session.get("/api/v1/users")
    assert not recorder.invalid
    # Every operation that the provider uses.
    assert recorder.sent.keys() == {
        ("post", "/api/v1/auth/token"),
        ("get", "/api/v1/customers/types"),
        ("get", "/api/v1/customers"),
        ("post", "/api/v1/customer"),
        ("get", "/api/v1/customer/{shortname}"),
        ("put", "/api/v1/customer/{shortname}"),
        ("delete", "/api/v1/customer/{shortname}"),
        ("get", "/api/v1/users"),
    }
