"""The stable parts of messages in provider/docs/messages.md are in the messages that users get."""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple

import pytest
from pulumi import dynamic
from pulumi.dynamic.config import Config

from fusion_emulator import Emulator
from pulumi_fusion import FusionClient, Settings, masquerade
from pulumi_fusion.dynamic import CustomerProvider
from pulumi_fusion.errors import FusionError

PAGE: Final = Path(__file__).parents[2] / "provider" / "docs" / "messages.md"

ACME: Final[Mapping[str, Any]] = {
    "email": "ada@acme.example.com",
    "givenName": "Ada",
    "familyName": "Admin",
    "organization": "Acme, Inc.",
    "shortname": "acme-corp",
    "type": "SLG",
    "status": "Trial Active",
    "dataRetention": 90,
    "rollupRetention": 180,
}
REASON: Final = "INC-1234 ingest check"


class Row(NamedTuple):
    """A row of the page."""

    operation: str
    error: str
    part: str

    def matches(self, message: str) -> bool:
        """Return whether the message contains the stable part."""
        return bool(re.search(re.escape(self.part).replace("…", ".+?"), message))


def rows() -> list[Row]:
    """Return the rows of the page."""
    return [Row(*each) for each in re.findall(r"^\| ([^|]+) \| ([^|]+) \| `(.+)` \|$", PAGE.read_text(), re.MULTILINE)]


class CheckFailedError(Exception):
    """A check returned failures."""


class Provider(CustomerProvider):
    """A provider without an engine."""

    def warn(self, text: str) -> None:
        """Drop the warning, which an engine would show."""


class Service:
    """The emulator with one customer that a provider created."""

    def __init__(self, emulator: Emulator, folder: Path) -> None:
        self.emulator = emulator
        self.folder = folder
        self.inputs = self.provider().check({}, dict(ACME)).inputs
        self.state = self.provider().create(self.inputs).outs or {}

    def provider(self, *, preflight: str = "off", netosecret: str | None = None) -> Provider:
        """Return a provider as a new process of the engine would have it."""
        config = {
            "fusion:netosecret": self.emulator.netosecret if netosecret is None else netosecret,
            "fusion:apiUrl": self.emulator.url,
            "fusion:deadline": "20",
            "fusion:preflight": preflight,
        }
        provider = Provider()
        provider.configure(dynamic.ConfigureRequest(config=Config(config, "messages")))
        return provider

    def check(self, preflight: str = "off", *, old: Mapping[str, Any] | None = None, **changed: object) -> None:
        """Raise CheckFailedError with the first failure of a check, as ``property: reason``."""
        olds = dict(old or {})
        for failure in self.provider(preflight=preflight).check(olds, {**ACME, **changed}).failures:
            raise CheckFailedError(f"{failure.property}: {failure.reason}")

    def create(self, **changed: object) -> None:
        self.provider().create({**self.inputs, **changed})

    def update(self, **old: object) -> None:
        self.provider().update("acme-corp", {**self.state, **old}, {**self.inputs, "organization": "Acme Limited"})

    def delete(self, **old: object) -> None:
        self.provider().delete("acme-corp", {**self.state, **old})

    def fail(self, fault: str) -> Service:
        self.emulator.faults.add(fault)
        return self

    def with_a_customer_below(self) -> Service:
        self.emulator.seed("below-corp", parent="acme-corp")
        return self

    def session(self, customer: str = "acme-corp", reason: str = REASON) -> None:
        """Open a read-only session and write in it."""
        with (
            FusionClient(netosecret=self.emulator.netosecret) as client,
            masquerade(customer, reason=reason, client=client, audit_file=self.folder / "audit.jsonl") as session,
        ):
            session.post("/api/v1/user", {})


PROTECTED: Final = {**ACME, "status": "Active", "deletionProtection": True}

TRIGGERS: Final[Mapping[str, Callable[[Service], object]]] = {
    "check": lambda service: service.check(rollupRetention=7),
    "check: a changed create-only field": lambda service: service.check(old=service.inputs, email="b@acme.example.com"),
    "check: a replacement of a protected customer": lambda service: service.check(
        old=PROTECTED, status="Active", shortname="other-corp"
    ),
    "preflight: a taken shortname": lambda service: service.check("required"),
    "preflight: an unknown type": lambda service: service.check("required", shortname="new-corp", type="unknown"),
    "preflight: an invalid credential": lambda service: service.fail("* * revoked").check("required"),
    "create: a taken shortname": Service.create,
    "create: how to adopt": Service.create,
    "adopt: another id": lambda service: service.create(adopt="another"),
    "adopt: no such customer": lambda service: service.create(shortname="new-corp", adopt="another"),
    "update: another id": lambda service: service.update(customerId="another"),
    "update: a lost response": lambda service: service.fail("PUT /customer/* 503").update(),
    "delete: protection": lambda service: service.delete(deletionProtection=True),
    "delete: customers below": lambda service: service.with_a_customer_below().delete(),
    "delete: another id": lambda service: service.delete(customerId="another"),
    "any request: an invalid credential": lambda service: service.fail("* * revoked").create(shortname="new-corp"),
    "settings: no credential": lambda service: service.provider(netosecret="").delete("acme-corp", service.state),
    "settings: an invalid value": lambda service: Settings.resolve({"deadline": "0"}, environ={}),
    "settings: inside the emulator": lambda service: Settings.resolve(
        {"netosecret": "of-the-argument"}, environ={"FUSION_EMULATOR": service.emulator.url}
    ),
    "masquerade: the reason": lambda service: service.session(reason="short"),
    "masquerade: not a customer of the account": lambda service: service.session("other-corp"),
    "masquerade: the own account": lambda service: service.session("example-msp"),
    "masquerade: a write in a read-only session": Service.session,
}


@pytest.fixture
def service(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Service]:
    """Undoes what a provider process sets: the log records and the length of tracebacks."""
    monkeypatch.setattr(sys, "tracebacklimit", 1000, raising=False)
    factory = logging.getLogRecordFactory()
    with Emulator() as emulator:
        yield Service(emulator, tmp_path)
    logging.setLogRecordFactory(factory)


@pytest.mark.parametrize("row", rows(), ids=lambda row: row.operation)
def test_a_documented_message_is_the_real_one(service: Service, row: Row) -> None:
    with pytest.raises((FusionError, CheckFailedError)) as raised:
        TRIGGERS[row.operation](service)

    assert row.matches(str(raised.value)), str(raised.value)
    if isinstance(raised.value, FusionError):
        assert row.error == f"`{type(raised.value).__name__}`"
    elif row.error != "failure without a property":
        assert str(raised.value).startswith(f"{row.error.removeprefix('failure of ').strip('`')}: ")


def test_every_documented_message_has_a_trigger() -> None:
    assert [row.operation for row in rows()] == [*TRIGGERS]
