"""Adopt the existing customer that the program names by its immutable id."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from pulumi_fusion.errors import NotOurs
from pulumi_fusion.operations.lifecycle import Lifecycle
from tests.unit.operations.failures import not_found
from tests.unit.operations.scripted import ScriptedService
from tests.unit.samples import PARENT, PUT_BODY, account, declared

Make = Callable[..., Lifecycle]


def test_adopting_an_account_that_equals_the_program_changes_nothing(lifecycle: Make) -> None:
    service = ScriptedService(get=[account()])
    adopted = lifecycle(service).create(declared(adopt="id-1"))
    assert service.changing == []
    assert adopted.customer_id == "id-1"


def test_adopting_an_account_that_differs_updates_it(lifecycle: Make) -> None:
    service = ScriptedService(get=[account(trial=True, fps=700), account(fps=700)], put=[account(fps=700)])
    adopted = lifecycle(service).create(declared(adopt="id-1"))
    assert service.bodies("PUT") == [{**PUT_BODY, "fps": 700}]
    assert adopted.status == "Active"
    assert adopted.contractual_flows_per_second == 700


@pytest.mark.parametrize(
    ("live", "inputs", "problem"),
    [
        (account(id="id-2"), {"adopt": "id-1"}, "adopt names the id 'id-1', but the customer has the id 'id-2'"),
        (account(id=None), {"adopt": "id-1"}, "adopt names the id 'id-1', but the customer has the id None"),
        (not_found(), {"adopt": "id-1"}, "adopt names the id 'id-1', but no customer has this shortname"),
        (
            account(shortname=PARENT),
            {"adopt": "id-1", "shortname": PARENT},
            "it is the account that you work in",
        ),
    ],
    ids=["another id", "no id", "not found", "the account itself"],
)
def test_another_account_than_the_named_one_is_not_adopted(
    lifecycle: Make, live: object, inputs: dict[str, Any], problem: str
) -> None:
    service = ScriptedService(get=[live])
    with pytest.raises(NotOurs) as raised:
        lifecycle(service).create(declared(**inputs))
    assert problem in str(raised.value)
    assert service.changing == []


def test_adoptions_warn_of_fields_that_the_service_does_not_show_in_one_sentence(
    lifecycle: Make, warnings: list[str]
) -> None:
    for shortname, customer_id in (("acme-corp", "id-1"), ("other-corp", "id-2")):
        service = ScriptedService(get=[account(shortname=shortname, id=customer_id)])
        lifecycle(service).create(declared(shortname=shortname, adopt=customer_id))
    assert len(warnings) == 2
    # A frontend shows each sentence once.
    assert set(warnings) == {
        "The service does not show Organization, Type, Contractual Flows per Second of adopted customers. What the "
        "program states is taken as true, and sent with the next update. "
        "More: pulumi-fusion docs import-and-adopt#fields-that-the-service-doesnt-return"
    }
