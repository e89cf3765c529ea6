"""Differences between the state and a program."""

from __future__ import annotations

from typing import Any

import pytest
from pulumi.runtime.proto import provider_pb2 as messages

from fusion_emulator import Emulator
from pulumi_fusion.customer.names import UNKNOWN
from pulumi_fusion.plugin import values
from tests.contract.faults.plugin_stack import PluginStack, urn
from tests.contract.faults.stack import PROGRAM
from tests.contract.plugin.wire import ACME
from tests.engine.stack import mutations

KIND = messages.PropertyDiff


def diff(stack: PluginStack, news: dict[str, Any], **request: Any) -> messages.DiffResponse:
    old = stack.state["acme"]
    fields = {"olds": values.write(old.outputs), "old_inputs": values.write(old.inputs), **request}
    difference = stack.stub.Diff(
        messages.DiffRequest(id=old.id, urn=ACME, news=values.write({**old.inputs, **news}), **fields)
    )
    assert isinstance(difference, messages.DiffResponse)
    return difference


def test_a_diff_returns_the_kind_of_each_difference(stack: PluginStack) -> None:
    stack.up("acme", PROGRAM)
    nothing = diff(stack, {})
    assert (nothing.changes, dict(nothing.detailedDiff)) == (messages.DiffResponse.DIFF_NONE, {})
    some = diff(stack, {"dataRetention": 45, "contractualFlowsPerSecond": 5, "organization": UNKNOWN})
    assert some.changes == messages.DiffResponse.DIFF_SOME
    assert {key: (each.kind, each.inputDiff) for key, each in some.detailedDiff.items()} == {
        "dataRetention": (KIND.UPDATE, True),
        "organization": (KIND.UPDATE, True),
        "contractualFlowsPerSecond": (KIND.ADD, False),
    }
    assert list(some.replaces) == []
    assert "customerId" in some.stables
    renamed = diff(stack, {"shortname": "acme-new"})
    assert renamed.detailedDiff["shortname"].kind == KIND.UPDATE_REPLACE
    assert (list(renamed.replaces), renamed.deleteBeforeReplace) == (["shortname"], False)


def test_a_difference_only_of_the_state_is_marked(stack: PluginStack) -> None:
    stack.up("acme", PROGRAM)
    drifted = values.write({**stack.state["acme"].outputs, "dataRetention": 7})
    difference = diff(stack, {}, olds=drifted)
    assert (difference.detailedDiff["dataRetention"].kind, difference.detailedDiff["dataRetention"].inputDiff) == (
        KIND.UPDATE,
        False,
    )


@pytest.mark.parametrize("ignored", [["dataRetention", "organization"], ["*"]])
def test_ignored_changes_are_neither_shown_nor_sent(stack: PluginStack, emulator: Emulator, ignored: list[str]) -> None:
    stack.up("acme", PROGRAM)
    old = stack.state["acme"]
    news = {**old.inputs, "dataRetention": 7, "organization": "Ignored"}
    assert diff(stack, news, ignoreChanges=ignored).changes == messages.DiffResponse.DIFF_NONE
    emulator.requests.clear()
    updated = stack.stub.Update(
        messages.UpdateRequest(
            id=old.id,
            urn=ACME,
            olds=values.write(old.outputs),
            old_inputs=values.write(old.inputs),
            news=values.write({**news, "rollupRetention": 365}),
            ignoreChanges=ignored,
        )
    )
    shown = values.read(updated.properties).plain
    assert (shown["dataRetention"], shown["organization"]) == (90, "Acme, Inc.")
    assert mutations(emulator.requests) == ([] if ignored == ["*"] else ["PUT /api/v1/customer/acmecorp"])


def test_the_key_of_a_dynamic_provider_in_the_state_is_not_a_difference(stack: PluginStack) -> None:
    stack.up("acme", PROGRAM)
    olds = values.write({**stack.state["acme"].outputs, "__provider": "gASVOg=="})
    assert diff(stack, {}, olds=olds).changes == messages.DiffResponse.DIFF_NONE


def test_a_warning_about_a_shorter_retention_quotes_no_secret(stack: PluginStack) -> None:
    def warning(secret: set[str]) -> str:
        new = {**PROGRAM, "dataRetention": 7}
        stack.stub.Diff(
            messages.DiffRequest(
                id="acmecorp", urn=urn("acme"), olds=values.write(PROGRAM), news=values.write(new, secret)
            )
        )
        return stack.warnings.pop()

    assert "goes from 90 to 7 days" in warning(set())
    assert "goes from *** to *** days: the service drops what is older than *** days" in warning({"dataRetention"})
