"""A service that stores a text in another Unicode normalization form, or with other white space, than was sent."""

from __future__ import annotations

import unicodedata
from typing import Any

import pytest

from fusion_emulator import Emulator
from tests.contract.faults.plugin_stack import PluginStack
from tests.contract.faults.stack import PROGRAM, Stack
from tests.engine.stack import mutations

NAME = unicodedata.normalize("NFD", "Zoë's\u00a0Café  №1 ﬁne") + unicodedata.normalize("NFC", " Łódź é")
DECLARED = {**PROGRAM, "organization": NAME}


@pytest.fixture(params=["kept", "NFC", "NFD", "NFKC"])
def texts(request: pytest.FixtureRequest, emulator: Emulator) -> str:
    emulator.switch(record="extended", texts=request.param)
    form: str = request.param
    return form


def test_a_normalized_organization_is_not_a_difference_and_the_state_keeps_the_declared_form(
    frontend: Stack, emulator: Emulator, texts: str
) -> None:
    assert frontend.up("acme", DECLARED).ok
    assert (frontend.created()[0].organization == NAME) == (texts == "kept")
    for _ in range(2):
        assert frontend.plan("acme", DECLARED) == "same"
        frontend.restart()
        assert frontend.refresh("acme").ok
        assert frontend.state["acme"].inputs["organization"] == frontend.state["acme"].outputs["organization"] == NAME
    assert mutations(emulator.requests) == ["POST /api/v1/customer"]
    # Every update sends the organization again, and does not wait until it is shown in that form.
    emulator.requests.clear()
    assert frontend.up("acme", {**DECLARED, "dataRetention": 45}).ok
    assert not [warning for warning in frontend.warnings if "does not show it yet" in warning]
    assert len(emulator.requests.of("GET", "/customer/*")) == 2
    assert frontend.plan("acme", {**DECLARED, "dataRetention": 45}) == "same"
    assert frontend.plan("acme", {**DECLARED, "dataRetention": 45, "organization": "Another"}) == "update"


@pytest.mark.parametrize("kind", ["reset-after", "cut-body", "504-after"])
def test_a_create_whose_response_was_lost_is_resolved_despite_normalization(
    frontend: Stack, emulator: Emulator, texts: str, kind: str
) -> None:
    emulator.faults.add(f"POST /customer {kind} x1")
    assert frontend.up("acme", DECLARED).ok
    assert len(emulator.requests.of("POST", "/customer")) == 1
    assert frontend.plan("acme", DECLARED) == "same"


def test_an_imported_normalized_organization_is_not_a_difference(emulator: Emulator, texts: str) -> None:
    live: dict[str, Any] = {"retention": 90, "rollupRetention": 180, "trial": True, "type": "customer"}
    stored = NAME if texts == "kept" else " ".join(unicodedata.normalize(texts, NAME).split())  # type: ignore[arg-type]
    emulator.seed("acmecorp", organization=stored, **live)
    with PluginStack(emulator, deadline=10.0) as stack:
        assert stack.import_("acme", "acmecorp").ok
        assert stack.plan("acme", DECLARED) == "same"
        assert stack.up("acme", DECLARED).ok
    assert mutations(emulator.requests) == []
