"""A service that stores a text in another Unicode form or with other white space than it was sent."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from typing import Any

import pytest

from fusion_emulator import Emulator
from tests.contract.faults.plugin_stack import PluginStack
from tests.contract.faults.stack import PROGRAM, Stack
from tests.contract.plugin.test_both_faces import FACES
from tests.engine.stack import mutations

NAME = unicodedata.normalize("NFD", "Zoë's\u00a0Café  №1 ﬁne") + unicodedata.normalize("NFC", " Łódź é")
DECLARED = {**PROGRAM, "organization": NAME}


@pytest.fixture(params=FACES)
def face(request: pytest.FixtureRequest, emulator: Emulator) -> Iterator[Stack]:
    with FACES[request.param](emulator) as stack:
        yield stack


@pytest.fixture(params=["kept", "NFC", "NFD", "NFKC"])
def texts(request: pytest.FixtureRequest, emulator: Emulator) -> str:
    emulator.switch(record="extended", texts=request.param)
    form: str = request.param
    return form


def test_nothing_is_left_to_do_and_the_state_keeps_the_spelling_of_the_program(
    face: Stack, emulator: Emulator, texts: str
) -> None:
    assert face.up("acme", DECLARED).ok
    assert (face.ours()[0].organization == NAME) == (texts == "kept")
    for _ in range(2):
        assert face.plan("acme", DECLARED) == "same"
        face.restart()
        assert face.refresh("acme").ok
        assert face.state["acme"].inputs["organization"] == face.state["acme"].outputs["organization"] == NAME
    assert mutations(emulator.requests) == ["POST /api/v1/customer"]
    # Every update sends the organization again, and is not waited for until it is shown in that spelling.
    emulator.requests.clear()
    assert face.up("acme", {**DECLARED, "dataRetention": 45}).ok
    assert not [warning for warning in face.warnings if "does not show it yet" in warning]
    assert len(emulator.requests.of("GET", "/customer/*")) == 2
    assert face.plan("acme", {**DECLARED, "dataRetention": 45}) == "same"
    assert face.plan("acme", {**DECLARED, "dataRetention": 45, "organization": "Another"}) == "update"


@pytest.mark.parametrize("kind", ["reset-after", "cut-body", "504-after"])
def test_a_customer_whose_answer_was_lost_is_recognized(face: Stack, emulator: Emulator, texts: str, kind: str) -> None:
    emulator.faults.add(f"POST /customer {kind} x1")
    assert face.up("acme", DECLARED).ok
    assert len(emulator.requests.of("POST", "/customer")) == 1
    assert face.plan("acme", DECLARED) == "same"


def test_an_import_in_the_spelling_of_the_service_is_the_customer_of_the_program(
    emulator: Emulator, texts: str
) -> None:
    live: dict[str, Any] = {"retention": 90, "rollupRetention": 180, "trial": True, "type": "customer"}
    stored = NAME if texts == "kept" else " ".join(unicodedata.normalize(texts, NAME).split())  # type: ignore[arg-type]
    emulator.seed("acmecorp", organization=stored, **live)
    with PluginStack(emulator, deadline=10.0) as stack:
        assert stack.import_("acme", "acmecorp").ok
        assert stack.plan("acme", DECLARED) == "same"
        assert stack.up("acme", DECLARED).ok
    assert mutations(emulator.requests) == []
