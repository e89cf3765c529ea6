"""Unknown values and secrets in checks, previews and results."""

from __future__ import annotations

import pytest
from pulumi.runtime.proto import provider_pb2 as messages

from fusion_emulator import Emulator
from pulumi_fusion.customer.names import UNKNOWN
from pulumi_fusion.plugin import values
from tests.contract.faults.plugin_stack import PluginStack
from tests.contract.faults.stack import PROGRAM
from tests.contract.plugin.wire import ACME, check

KIND = messages.PropertyDiff


def test_unknown_values_pass_a_check_and_stay_unknown(stack: PluginStack) -> None:
    checked = check(stack, values.write({**PROGRAM, "dataRetention": UNKNOWN, "organization": UNKNOWN}))
    assert list(checked.failures) == []
    assert values.read(checked.inputs).plain["dataRetention"] is UNKNOWN
    everything = check(stack, values.write(dict.fromkeys(PROGRAM, UNKNOWN)))
    assert list(everything.failures) == []


def test_a_check_keeps_secrets_secret_and_quotes_none(stack: PluginStack) -> None:
    news = {**PROGRAM, "organization": "Planted Secret Inc.", "email": "planted-secret"}
    checked = check(stack, values.write(news, {"organization", "email"}))
    assert values.read(checked.inputs).secret >= {"organization"}
    assert "planted-secret" not in str(checked.failures)
    for wrong in (" planted-secret", "planted-secret" * 9):
        found = str(check(stack, values.write({**news, "email": wrong, "type": wrong}, {"email", "type"})).failures)
        assert "planted" not in found


def test_create_update_and_read_return_secrets_as_secrets(stack: PluginStack) -> None:
    news = values.write(PROGRAM, {"organization"})
    created = stack.stub.Create(messages.CreateRequest(urn=ACME, properties=news))
    assert values.read(created.properties).secret == {"organization"}
    read = stack.stub.Read(messages.ReadRequest(id=created.id, urn=ACME, properties=created.properties, inputs=news))
    assert values.read(read.properties).secret == values.read(read.inputs).secret == {"organization"}
    changed = values.write({**PROGRAM, "organization": "Acme plc"}, {"organization"})
    updated = stack.stub.Update(
        messages.UpdateRequest(id=created.id, urn=ACME, olds=created.properties, old_inputs=news, news=changed)
    )
    assert values.read(updated.properties).secret == {"organization"}


@pytest.mark.parametrize(
    "where",
    [
        ACME,
        "urn:pulumi:s::p::my:own:Tenant$fusion:index:Customer::acme",
        "urn:pulumi:s::p::a:b:C$d:e:F$fusion:index:Customer::a::name$with::every:thing",
    ],
)
def test_a_customer_may_have_parents_and_any_name(stack: PluginStack, where: str) -> None:
    assert list(check(stack, values.write(PROGRAM), where=where).failures) == []


def test_the_preview_of_a_create_returns_the_known_values_and_no_id(stack: PluginStack, emulator: Emulator) -> None:
    news = values.write({**PROGRAM, "organization": UNKNOWN}, {"email"})
    created = stack.stub.Create(messages.CreateRequest(urn=ACME, properties=news, preview=True))
    shown = values.read(created.properties)
    assert created.id == ""
    assert shown.plain == {key: value for key, value in PROGRAM.items() if key != "organization"}
    assert shown.secret == {"email"}
    assert emulator.accounts() == ()


def test_the_preview_of_an_update_returns_unchanged_outputs(stack: PluginStack, emulator: Emulator) -> None:
    stack.up("acme", PROGRAM)
    old = stack.state["acme"]
    emulator.requests.clear()
    updated = stack.stub.Update(
        messages.UpdateRequest(
            id=old.id,
            urn=ACME,
            olds=values.write(old.outputs),
            old_inputs=values.write(old.inputs),
            news=values.write({**old.inputs, "dataRetention": 45, "organization": UNKNOWN}),
            preview=True,
        )
    )
    shown = values.read(updated.properties).plain
    assert shown["customerId"] == old.outputs["customerId"]
    assert shown["dataRetention"] == 45
    assert "organization" not in shown
    assert len(emulator.requests) == 0
