"""Import a customer that is not in the state, and what its program has to state then."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from pulumi_fusion.customer.model import State
from pulumi_fusion.errors import FusionError, InvalidInput, NotFound, NotOurs
from pulumi_fusion.operations.lifecycle import Lifecycle
from tests.unit.operations.failures import forbidden, not_found
from tests.unit.operations.scripted import ScriptedService
from tests.unit.samples import DECLARED, PARENT, account

Make = Callable[..., Lifecycle]


def test_an_import_returns_what_the_service_shows_and_warns_of_the_rest(lifecycle: Make, warnings: list[str]) -> None:
    service = ScriptedService(customers=[[account(), account(shortname="other-corp", id="id-2")]])
    run = lifecycle(service)
    assert run.import_customer("acme-corp") == State(
        shortname="acme-corp",
        status="Active",
        data_retention=45,
        rollup_retention=90,
        customer_id="id-1",
        ingest_ip="192.0.2.1",
        ingest_port=2055,
        parent=PARENT,
        node=f"{PARENT}/acme-corp",
    )
    run.import_customer("other-corp", imported=False)
    assert run.import_customer("other-corp").customer_id == "id-2"
    assert (service.verbs, warnings) == (["LIST", "TYPES"], [])
    run.end()
    run.end()
    [warning] = warnings
    assert warning.startswith("2 customers were imported (acme-corp, other-corp). The service does not show Email, ")
    assert "Organization, Type, Contractual Flows per Second, so generated code has blanks for these" in warning


def test_a_program_that_completes_an_import_changes_nothing(lifecycle: Make) -> None:
    run = lifecycle(ScriptedService(get=[account()]))
    imported = run.import_customer("acme-corp")
    inputs = {key: value for key, value in imported.properties().items() if key in DECLARED}
    assert run.check(inputs, inputs).failures == []
    completed = run.check(DECLARED, inputs)
    assert completed.failures == []
    assert run.diff(imported, completed.inputs) == []
    assert [change.field for change in run.diff(imported, {**completed.inputs, "dataRetention": 90})] == [
        "data_retention"
    ]
    # As the engine sends it where the program ignores changes of what the import does not show.
    assert run.check({**inputs, "dataRetention": 90}, inputs).failures == []


def test_a_replacement_of_an_import_needs_the_fields_that_it_does_not_show(lifecycle: Make) -> None:
    run = lifecycle(ScriptedService(get=[account()]))
    inputs = {key: value for key, value in run.import_customer("acme-corp").properties().items() if key in DECLARED}
    failures = run.check({**inputs, "shortname": "acme-new", "deletionProtection": False}, inputs).failures
    missing = {"email", "givenName", "familyName", "organization", "type"}
    assert {failure.property for failure in failures} >= missing


@pytest.mark.parametrize(
    ("shortname", "answer", "error", "text"),
    [
        (PARENT, None, NotOurs, "it is the account that you work in"),
        ("acme-corp", account(parent="bystander"), NotOurs, "it is a customer of 'bystander'"),
        ("acme-corp", account(id=None), NotOurs, "does not return its id"),
        ("acme-corq", not_found(), NotFound, "The id of a Customer is its shortname, 5 to 16 characters"),
        ("acme-corp", forbidden(), FusionError, "403"),
    ],
    ids=["the account itself", "another parent", "no id", "not found", "forbidden"],
)
def test_an_import_that_fails_names_the_reason(
    lifecycle: Make, shortname: str, answer: object, error: type[FusionError], text: str
) -> None:
    service = ScriptedService(get=[answer], customers=[[]])
    with pytest.raises(error, match="Could not read the customer") as raised:
        lifecycle(service).import_customer(shortname)
    assert text in str(raised.value)


@pytest.mark.parametrize(
    ("wrong", "rule"),
    [
        ("", "must not be blank"),
        ("a/b", "may contain ASCII letters"),
        ("acme corp", "may contain ASCII letters"),
        ("acme?x=1", "may contain ASCII letters"),
        ("../../types", "may contain ASCII letters"),
        ("acme\ncorp", "must not contain control"),
        ("x" * 17, "must have 5 to 16 characters"),
        ("abcd", "must have 5 to 16 characters"),
    ],
)
def test_an_id_that_cannot_be_a_shortname_fails_before_any_request(lifecycle: Make, wrong: str, rule: str) -> None:
    service = ScriptedService()
    run = lifecycle(service)
    for read in (run.import_customer, lambda name: run.read(name, State())):
        with pytest.raises(InvalidInput, match="the id of a Customer is its shortname, which") as raised:
            read(wrong)
        assert rule in str(raised.value)
    assert service.calls == []


def test_an_import_by_the_immutable_id_names_the_shortname(lifecycle: Make) -> None:
    immutable = "f0014a8bc27e09693ad11005"
    service = ScriptedService(customers=[[account(id=immutable)]])
    run = lifecycle(service)
    for _ in range(2):
        with pytest.raises(InvalidInput, match="the immutable id of 'acme-corp': use that name"):
            run.import_customer(immutable)
    assert service.verbs == ["LIST"]
