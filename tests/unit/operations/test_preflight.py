"""Check with its preflight, as a preview runs it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from pulumi_fusion.customer.model import AccountType
from pulumi_fusion.customer.names import UNKNOWN
from pulumi_fusion.deadline import Deadline
from pulumi_fusion.errors import DeadlineExceeded, FusionError, MissingSetting, SettingsError
from pulumi_fusion.operations.lifecycle import Lifecycle
from tests.unit.operations.failures import (
    connection_lost,
    forbidden,
    html_page,
    not_sent,
    rate_limited,
    unauthorized,
)
from tests.unit.operations.scripted import Clock, ScriptedService
from tests.unit.samples import DECLARED, account, state

Make = Callable[..., Lifecycle]
Failure = Callable[[], FusionError]

UNCHANGED = {**DECLARED, "deletionProtection": True}


def test_one_list_and_one_types_request_serve_all_customers_of_a_preview(lifecycle: Make) -> None:
    service = ScriptedService(types=[[AccountType(value="customer")]], customers=[[]])
    run = lifecycle(service)
    for number in range(20):
        assert run.check({**DECLARED, "shortname": f"acme-{number}"}, None).failures == []
    assert sorted(service.verbs) == ["LIST", "TYPES"]  # both at once


def test_a_taken_shortname_is_a_failure(lifecycle: Make) -> None:
    [failure] = lifecycle(ScriptedService(customers=[[account()]])).check(DECLARED, None).failures
    assert failure.property == "shortname"
    assert failure.reason.startswith(
        "Shortname 'acme-corp' is taken by a customer that exists already (id id-1). If this"
    )
    assert "adopt='id-1'" in failure.reason


def test_the_failure_for_a_taken_shortname_without_an_id_names_no_id(lifecycle: Make) -> None:
    [failure] = lifecycle(ScriptedService(customers=[[account(id=None)]])).check(DECLARED, None).failures
    assert "None" not in failure.reason


@pytest.mark.parametrize(
    ("raw", "old", "listed"),
    [
        ({}, DECLARED, account()),
        ({"adopt": "id-1"}, None, account()),
        ({"adopt": UNKNOWN}, None, account()),
        ({"adopt": "id-1"}, None, account(id=None)),
        ({"shortname": UNKNOWN}, None, account()),
        ({}, None, account(shortname="other-corp")),
    ],
    ids=["in the state", "adopted", "adopt unknown yet", "no id shown", "shortname unknown yet", "another shortname"],
)
def test_a_shortname_that_may_be_used_passes(
    lifecycle: Make, raw: dict[str, Any], old: dict[str, Any] | None, listed: object
) -> None:
    assert lifecycle(ScriptedService(customers=[[listed]])).check({**DECLARED, **raw}, old).failures == []


def test_an_adoption_warns_of_what_it_changes(lifecycle: Make, warnings: list[str]) -> None:
    service = ScriptedService(customers=[[account(data_retention=180, organization="Acme")]])
    lifecycle(service).check({**DECLARED, "adopt": "id-1"}, None)
    assert warnings == [
        "acme-corp: its adoption changes Organization, Data Retention. Data Retention goes from 180 to 45 days: the "
        "service drops what is older than 45 days, and raising it again does not bring it back."
    ]


@pytest.mark.parametrize("raw", [{}, {"dataRetention": UNKNOWN}], ids=["equal", "unknown yet"])
def test_an_adoption_that_changes_nothing_known_has_no_warning(
    lifecycle: Make, raw: dict[str, Any], warnings: list[str]
) -> None:
    lifecycle(ScriptedService(customers=[[account()]])).check({**DECLARED, "adopt": "id-1", **raw}, None)
    assert warnings == []


def test_adopt_with_another_id_is_a_failure(lifecycle: Make) -> None:
    service = ScriptedService(customers=[[account()]])
    [failure] = lifecycle(service).check({**DECLARED, "adopt": "id-7"}, None).failures
    assert failure == (
        "adopt",
        "adopt names the id 'id-7', but the customer 'acme-corp' has the id 'id-1'",
    )


def test_failures_of_the_rules_and_of_the_service_are_returned_at_once(lifecycle: Make) -> None:
    service = ScriptedService(types=[[AccountType(value="gold")]], customers=[[account()]])
    failures = lifecycle(service).check({**DECLARED, "dataRetention": 30}, None).failures
    assert [failure.property for failure in failures] == ["dataRetention", "type", "shortname"]


@pytest.mark.parametrize("mode", ["auto", "required"])
@pytest.mark.parametrize("failure", [unauthorized, forbidden])
@pytest.mark.parametrize("request_name", ["types", "customers"])
def test_a_rejected_credential_is_a_failure_in_every_mode(
    lifecycle: Make, request_name: str, mode: str, failure: Failure
) -> None:
    service = ScriptedService(**{request_name: [failure]})
    [found] = lifecycle(service, mode=mode).check(DECLARED, None).failures
    assert found.property == ""


@pytest.mark.parametrize("request_name", ["types", "customers"])
@pytest.mark.parametrize("failure", [html_page, connection_lost, not_sent, rate_limited])
def test_an_unavailable_service_is_a_warning_or_where_required_a_failure(
    lifecycle: Make, request_name: str, failure: Failure, warnings: list[str]
) -> None:
    answers: dict[str, Any] = {request_name: [failure, failure]}
    assert lifecycle(ScriptedService(**answers), mode="auto").check(DECLARED, None).failures == []
    assert len(warnings) == 1
    [found] = lifecycle(ScriptedService(**answers), mode="required").check(DECLARED, None).failures
    assert found.property == ""
    assert len(warnings) == 1


def test_unchanged_inputs_only_test_the_credential(lifecycle: Make) -> None:
    service = ScriptedService()
    checked = lifecycle(service).check(DECLARED, UNCHANGED)
    assert (checked.inputs, checked.failures) == (UNCHANGED, [])
    assert service.verbs == ["TOKEN"]
    assert lifecycle(service).check({**DECLARED, "organization": "Other Inc."}, UNCHANGED).failures == []
    assert service.verbs == ["TOKEN", "TYPES"]


@pytest.mark.parametrize("mode", ["auto", "required"])
def test_a_rejected_credential_is_a_failure_for_unchanged_inputs(lifecycle: Make, mode: str) -> None:
    [failure] = lifecycle(ScriptedService(tokens=[unauthorized]), mode=mode).check(DECLARED, UNCHANGED).failures
    assert failure.property == ""


def test_an_unavailable_service_is_a_warning_for_unchanged_inputs(lifecycle: Make, warnings: list[str]) -> None:
    assert lifecycle(ScriptedService(tokens=[not_sent]), mode="auto").check(DECLARED, UNCHANGED).failures == []
    assert len(warnings) == 1
    service = ScriptedService(tokens=[not_sent])
    [failure] = lifecycle(service, mode="required").check(DECLARED, UNCHANGED).failures
    assert failure.property == ""


def test_a_preflight_that_is_off_sends_nothing(lifecycle: Make, warnings: list[str]) -> None:
    service = ScriptedService()
    assert lifecycle(service, mode="off").check(DECLARED, None).failures == []
    assert (service.calls, warnings) == ([], [])


@pytest.mark.parametrize(
    ("wrong", "mode", "failing"),
    [
        (MissingSetting("reach the service", "netosecret is not set"), "auto", []),
        (MissingSetting("reach the service", "netosecret is not set"), "required", [""]),
        (SettingsError("read the netosecret", "invalid base64"), "auto", [""]),
        (SettingsError("read the netosecret", "invalid base64"), "required", [""]),
    ],
)
def test_a_missing_setting_is_a_warning_and_a_wrong_one_a_failure(
    clock: Clock, wrong: SettingsError, mode: Any, failing: list[str]
) -> None:
    warned: list[str] = []

    def connect() -> Any:
        raise wrong

    run = Lifecycle.of_run(connect, mode=mode, warn=warned.append, cancelled=clock)
    assert [failure.property for failure in run.check(DECLARED, None).failures] == failing
    assert len(warned) == (0 if failing else 1)


def test_the_preflight_has_a_shorter_deadline_than_an_operation(lifecycle: Make, clock: Clock) -> None:
    deadlines: list[Deadline] = []

    class Recording(ScriptedService):
        def within(self, deadline: Deadline) -> ScriptedService:
            deadlines.append(deadline)
            return super().within(deadline)

    def slow() -> FusionError:
        clock.now += 30.0
        return DeadlineExceeded("list the account types", "it took too long")

    assert lifecycle(Recording(types=[slow])).check(DECLARED, None).failures == []
    assert [deadline.remaining() for deadline in deadlines] == [0]


@pytest.mark.parametrize(
    ("shortname", "before", "warns"),
    [
        ("acme-corp", None, False),
        ("acme.corp", None, True),
        ("Acme-corp", None, True),
        ("acme-corp-", None, True),
        ("acme.corp", "acme.corp", False),
        ("acme+corp", None, False),
        (UNKNOWN, None, False),
    ],
)
def test_a_new_shortname_that_is_not_a_dns_label_is_a_warning(
    lifecycle: Make, warnings: list[str], shortname: object, before: str | None, warns: bool
) -> None:
    old = None if before is None else {**DECLARED, "shortname": before}
    lifecycle(ScriptedService(), mode="off").check({**DECLARED, "shortname": shortname}, old)
    assert any("isn't a DNS label" in sentence for sentence in warnings) == warns


def test_a_shorter_retention_warns_that_history_is_lost(lifecycle: Make, warnings: list[str]) -> None:
    found = lifecycle(ScriptedService()).diff(state(), {**DECLARED, "dataRetention": 7})
    assert [change.field for change in found] == ["data_retention"]
    assert warnings == [
        "acme-corp: Data Retention goes from 45 to 7 days: the service drops what is older than 7 days, "
        "and raising it again does not bring it back."
    ]


def test_an_empty_diff_warns_of_nothing(lifecycle: Make, warnings: list[str]) -> None:
    assert lifecycle(ScriptedService()).diff(state(), {**DECLARED, "deletionProtection": False}) == []
    assert warnings == []
