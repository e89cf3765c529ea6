"""Calls that fail with the messages that the documents quote.

``python -m tests.docs.messages`` writes the messages of the error classes into their pages. A test compares them.
"""

from __future__ import annotations

import re
import tempfile
import textwrap
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Final

from pulumi import dynamic
from pulumi.dynamic.config import Config

from fusion_emulator import Emulator
from pulumi_fusion import FusionClient, Session, Settings, masquerade
from pulumi_fusion.dynamic import CustomerProvider, deletions_of_process
from pulumi_fusion.errors import FusionError
from pulumi_fusion.operations.lifecycle import Lifecycle

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
        self.audit_file = folder / "audit.jsonl"
        self.inputs = self.provider().check({}, dict(ACME)).inputs
        self.state = self.provider().create(self.inputs).outs or {}

    def provider(self, *, preflight: str = "off", netosecret: str | None = None, **config: str) -> Provider:
        """Return a provider as a new process of the engine would have it."""
        config = {
            "fusion:netosecret": self.emulator.netosecret if netosecret is None else netosecret,
            "fusion:apiUrl": self.emulator.url,
            "fusion:deadline": "20",
            "fusion:preflight": preflight,
            **{f"fusion:{key}": value for key, value in config.items()},
        }
        deletions_of_process.cache_clear()
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

    def lasting(self, text: str) -> str:
        """Return a text without what differs in each run, what only the emulator writes, and the reference."""
        text = re.sub(" More: .*", "", text).replace(str(self.folder), "/home/ada")
        return text.replace(str(self.state["customerId"]), "f0014a8bc27e09693ad11005").replace("Injected fault", "…")

    def client(self) -> FusionClient:
        return FusionClient(netosecret=self.emulator.netosecret, deadline=1)

    def opened(
        self, customer: str = "acme-corp", reason: str = REASON, audit_file: Path | None = None
    ) -> AbstractContextManager[Session]:
        return masquerade(customer, reason=reason, client=self.client(), audit_file=audit_file or self.audit_file)

    def session(self, customer: str = "acme-corp", reason: str = REASON, audit_file: Path | None = None) -> None:
        """Open a read-only session and write in it."""
        with self.opened(customer, reason, audit_file) as session:
            session.post("/api/v1/user", {})


def _delete_too_many(service: Service) -> None:
    provider = service.provider(maxDeletes="1")
    provider.delete("acme-corp", service.state)
    provider.delete("lake-corp", {**service.state, "shortname": "lake-corp"})


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
    "delete: the limit of a run": _delete_too_many,
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


def _delete_managed_twice(service: Service) -> None:
    provider = service.provider()
    provider.check({}, {**ACME, "__urn": "urn:pulumi:prod::customers::pulumi-python:dynamic/fusion:Customer::acme"})
    provider.delete("acme-corp", service.state)


def _interrupted(service: Service) -> None:
    cancelled = threading.Event()
    cancelled.set()
    Lifecycle.of_run(service.client, cancelled=cancelled).import_customer("acme-corp")


def _slowly(service: Service) -> None:
    def connect() -> FusionClient:
        time.sleep(1.1)
        return service.client()

    Lifecycle.of_run(connect, deadline=1).import_customer("acme-corp")


def _after_a_session(service: Service) -> None:
    with service.opened() as session:
        pass
    session.get("/api/v1/users")


def _without_an_audit_file(service: Service) -> None:
    with service.opened():
        service.audit_file.unlink()


ERRORS: Final[Mapping[str, Callable[[Service], object]]] = {
    "AbsenceNotProved": lambda service: service.fail("GET /customer/new-corp 400").create(shortname="new-corp"),
    "AlreadyExists": Service.create,
    "AuditIncomplete": _without_an_audit_file,
    "BadRequest": lambda service: service.fail("POST /customer 400").create(shortname="new-corp"),
    "Cancelled": _interrupted,
    "Conflict": lambda service: service.fail("POST /customer 409").create(shortname="new-corp"),
    "DeadlineExceeded": _slowly,
    "Forbidden": lambda service: service.fail("* /customer 403").create(shortname="new-corp"),
    "HasSubAccounts": lambda service: service.with_a_customer_below().delete(),
    "InDoubt": lambda service: service.fail("GET /customers 503").client().list_customers(),
    "InvalidInput": lambda service: Lifecycle.of_run(service.client).import_customer("acme corp"),
    "MissingSetting": lambda service: service.provider(netosecret="").create(service.inputs),
    "NotAudited": lambda service: service.session(audit_file=Path("/dev/null/audit.jsonl")),
    "NotFound": lambda service: service.client().get_customer("other-corp"),
    "NotOurs": lambda service: service.update(customerId="65f1c0ffee0000000000000a"),
    "NotSent": lambda service: service.provider(apiUrl="http://127.0.0.1:1", deadline="1").create(service.inputs),
    "OutOfBounds": Service.session,
    "OutcomeUnknown": lambda service: service.fail("PUT /customer/* 503").update(),
    "Protected": lambda service: service.delete(deletionProtection=True),
    "RateLimited": lambda service: service.fail("* /customer* 429 retry-after=60").create(shortname="new-corp"),
    "SessionEnded": _after_a_session,
    "SessionRefused": lambda service: service.session("example-msp"),
    "SettingsError": TRIGGERS["settings: an invalid value"],
    "StillManaged": _delete_managed_twice,
    "TooManyDeletes": _delete_too_many,
    "Unauthorized": lambda service: service.fail("* * revoked").create(shortname="new-corp"),
    "Unrecognised": lambda service: service.fail("GET /customers html-200").client().list_customers(),
    "WrongAccount": lambda service: service.provider().diff(
        "acme-corp", {**service.state, "parent": "north-mssp"}, service.inputs
    ),
}
"""Calls that raise each error class; the base classes are raised as one of these."""

_DOCS: Final = Path(__file__).resolve().parents[2] / "provider" / "docs"
PAGES: Final = tuple(_DOCS / f"{name}.md" for name in ("errors", "request-errors", "session-errors"))
"""The pages with a section for each error class."""

_SECTION: Final = re.compile(r"(^## (\w+)\n(?:(?!## ).*\n)*?```text\n)((?:(?!```).*\n)*)", re.MULTILINE)


def raised(name: str) -> FusionError:
    """Return the error that the call for a class raises. Raises AssertionError if it raises none."""
    with tempfile.TemporaryDirectory() as folder, Emulator() as emulator:
        service = Service(emulator, Path(folder))
        try:
            ERRORS[name](service)
        except FusionError as failure:
            return failure.replace(
                came_back=service.lasting(failure.came_back), next_step=service.lasting(failure.next_step)
            )
    raise AssertionError(f"no {name} was raised")


def quoted(page: str) -> dict[str, str]:
    """Return the messages that a page quotes, by the class that the section is about."""
    return {name: " ".join(text.split()) for _, name, text in _SECTION.findall(page)}


def updated(page: str) -> str:
    """Return the page with the current messages."""
    return _SECTION.sub(lambda found: f"{found[1]}{textwrap.fill(str(raised(found[2])), 118, **_WHOLE)}\n", page)


_WHOLE: Final[Mapping[str, Any]] = {"break_long_words": False, "break_on_hyphens": False}


def main() -> None:
    """Write the messages into the pages."""
    for path in PAGES:
        path.write_text(updated(path.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()
