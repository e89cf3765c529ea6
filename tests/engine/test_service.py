"""Readings of the service that differ from the likely one, through the real Pulumi CLI and in both frontends."""

from __future__ import annotations

import json
import unicodedata
from pathlib import Path
from typing import Any

import pytest

from pulumi_fusion.emulator import Emulator
from tests.engine.stack import PLUGIN_PROGRAM, Stack, a_customer, in_schema, mutations

FRONTENDS = ["dynamic", "plugin"]


@pytest.fixture(params=FRONTENDS)
def either(request: pytest.FixtureRequest, tmp_path: Path, emulator: Emulator) -> Stack:
    """A stack of either frontend; customers are declared by the names of Python."""
    environ = {"NETOSECRET": emulator.netosecret, "FUSION_API_URL": emulator.url}
    if request.param == "dynamic":
        return Stack(tmp_path, environ)
    return _InSchema(tmp_path, environ, program=PLUGIN_PROGRAM, kind="fusion:index:Customer")


class _InSchema(Stack):
    def declare(self, customers: Any) -> None:
        super().declare({name: in_schema(fields) for name, fields in customers.items()})


def test_a_service_that_normalizes_texts_causes_no_difference(either: Stack, emulator: Emulator) -> None:
    emulator.switch(record="extended", texts="NFC")
    name = unicodedata.normalize("NFD", "Caf\u00e9\u00a0de  Flore")
    either.declare({"acme": a_customer("acme-corp", organization=name)})
    either.up().ok()
    assert emulator.record("acme-corp")["organization"] == "Caf\u00e9 de Flore"
    either.settled()
    assert either.state()["acme"]["outputs"]["organization"] == name
    either.declare({"acme": a_customer("acme-corp", organization=name, data_retention=45)})
    assert "does not show it yet" not in either.up().ok().text
    either.settled()
    assert mutations(emulator.requests) == ["POST /api/v1/customer", "PUT /api/v1/customer/acme-corp"]


def test_an_address_that_is_assigned_late_is_filled_by_the_next_up(either: Stack, emulator: Emulator) -> None:
    emulator.faults.add("* /customer* missing-fields=ingest_ip,ingest_port")
    either.declare({"acme": a_customer("acme-corp")})
    assert "has not assigned its ingest address yet" in " ".join(either.up().ok().text.split())
    either.settled()
    emulator.faults.clear()
    either.up().ok()
    assert either.state()["acme"]["outputs"]["ingestIp"] == emulator.record("acme-corp")["ingest_ip"]
    shown = json.loads(either.pulumi("stack", "output", "acme", "--json").ok().stdout)
    assert shown["address"] == emulator.record("acme-corp")["ingest_ip"]
    either.settled()
    assert mutations(emulator.requests) == ["POST /api/v1/customer"]
