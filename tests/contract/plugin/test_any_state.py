"""Any state and any input: clear errors, never a defect, and no mutation of a customer that may be another one."""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import Any, Final

import grpc
import pytest
from google.protobuf.struct_pb2 import Struct
from pulumi.runtime import rpc
from pulumi.runtime.proto import provider_pb2 as messages

from fusion_emulator import Emulator
from pulumi_fusion.customer.inputs import create_inputs
from pulumi_fusion.customer.model import FIELDS, State
from pulumi_fusion.customer.names import state_key
from pulumi_fusion.errors import FusionError
from pulumi_fusion.plugin import values
from pulumi_fusion.plugin.servicer import Servicer
from tests.contract.faults.plugin_stack import PluginStack, urn
from tests.contract.faults.stack import PROGRAM
from tests.engine.stack import mutations
from tests.scale import scaled

KEYS: Final = [*map(state_key, State.model_fields), "extra", "", "__provider", "a.b", "ключ"]
SIGNATURES: Final = [
    rpc._special_secret_sig,
    rpc._special_output_value_sig,
    rpc._special_asset_sig,
    rpc._special_resource_sig,
    "unheard-of",
]
WORDS: Final = [
    "",
    " ",
    "acmecorp",
    "Active",
    "SLG",
    "MSSP",
    "x" * 300,
    "\n",
    "\u202e",
    "admin@example.com",
    rpc.UNKNOWN,
]
NUMBERS: Final = [0.0, -0.0, 1.0, 7.0, 45.0, 90.0, 1.5, -1.0, 1e300, float("inf"), float("-inf"), float("nan")]


def anything(draw: random.Random, depth: int = 0) -> Any:
    kind = draw.randrange(9 if depth < 3 else 5)
    if kind == 0:
        return None
    if kind == 1:
        return draw.random() < 0.5
    if kind == 2:
        return draw.choice(NUMBERS)
    if kind in (3, 4):
        return draw.choice(WORDS)
    if kind in (5, 6):
        return [anything(draw, depth + 1) for _ in range(draw.randrange(3))]
    if kind == 7:
        return {draw.choice(KEYS): anything(draw, depth + 1) for _ in range(draw.randrange(3))}
    return {rpc._special_sig_key: draw.choice(SIGNATURES), draw.choice(["value", "urn"]): anything(draw, depth + 1)}


def properties(draw: random.Random, like: Mapping[str, Any] | None = None) -> Struct:
    """A map of anything, or one like a given one with some of it broken."""
    made = dict(like or {})
    for _ in range(draw.randrange(1, 6)):
        key = draw.choice(KEYS)
        if draw.random() < 0.3:
            made.pop(key, None)
        else:
            made[key] = anything(draw)
    struct = Struct()
    struct.update(made)
    return struct


def test_ten_thousand_checks_raise_nothing_and_refuse_every_invalid_input() -> None:
    servicer = Servicer()
    servicer.Configure(messages.ConfigureRequest(args=values.write({"preflight": "off"})), None)
    draw = random.Random(6)  # noqa: S311 - the same every time
    required = {state_key(name) for name, spec in FIELDS.items() if spec.required}
    for _ in range(scaled(10_000, nightly=100_000)):
        news = properties(draw, like=draw.choice([PROGRAM, None]))
        olds = draw.choice([Struct(), news, properties(draw), values.write(PROGRAM)])
        checked = servicer.Check(messages.CheckRequest(urn=urn("acme"), news=news, olds=olds), None)
        if not checked.failures and olds != news:
            plain = values.read(checked.inputs).plain
            assert required <= set(plain)
            known = {key: value for key, value in plain.items() if isinstance(value, (str, int, float))}
            if required <= set(known):
                create_inputs(known)


def test_a_hostile_state_causes_a_clear_error_and_no_mutation_of_another_customer(
    stack: PluginStack, emulator: Emulator
) -> None:
    """Wrong types, missing and extra keys in olds, inputs and ids, on every call that reads them."""
    stack.up("acme", PROGRAM)
    other = emulator.seed("bystander", trial=True)
    good = stack.state["acme"]
    emulator.requests.clear()
    draw = random.Random(7)  # noqa: S311 - the same every time
    servicer, where = stack.servicer, urn("acme")
    raised: list[FusionError] = []

    def call(verb: str, shortname: str, outputs: Struct, inputs: Struct) -> None:
        if verb == "diff":
            wanted = values.write({**PROGRAM, "shortname": shortname, "dataRetention": 45})
            servicer.Diff(
                messages.DiffRequest(id=shortname, urn=where, olds=outputs, old_inputs=inputs, news=wanted), None
            )
        elif verb == "delete":
            servicer.Delete(
                messages.DeleteRequest(id=shortname, urn=where, properties=outputs, old_inputs=inputs, timeout=5), None
            )
        else:
            news = properties(draw, dict(PROGRAM))
            servicer.Update(
                messages.UpdateRequest(id=shortname, urn=where, olds=outputs, old_inputs=inputs, news=news, timeout=5),
                None,
            )

    for number in range(scaled(150, nightly=3000)):
        outputs = properties(draw, like=draw.choice([dict(good.outputs), None]))
        # The state never has the id of the other account, so that account must not be changed.
        outputs.fields.pop("customerId", None)
        if draw.random() < 0.5:
            outputs.fields["customerId"].string_value = draw.choice(["", "another-id"])
        shortname = draw.choice(["bystander", "acmecorp"])
        outputs.fields["shortname"].string_value = shortname
        inputs = draw.choice([values.write(good.inputs), properties(draw)])
        try:
            call(("diff", "delete", "update")[number % 3], shortname, outputs, inputs)
        except FusionError as failure:
            raised.append(failure)
    assert raised
    assert all(str(failure).startswith("Could not ") for failure in raised)
    assert [each for each in mutations(emulator.requests) if "bystander" in each] == []
    assert other in emulator.accounts()


@pytest.mark.parametrize(
    ("state", "reason"),
    [
        ({}, "has no id for it"),
        ({"customerId": 5, "status": "Trial Active"}, "has no id for it"),
        ({"customerId": "another-id", "status": "Trial Active"}, "deleted and created again outside this stack"),
        ({"customerId": "another-id", "status": ["Trial Active"]}, "deletion protection is on"),
        ({"deletionProtection": "no"}, "deletion protection is on"),
    ],
)
def test_a_broken_state_deletes_no_customer(
    stack: PluginStack, emulator: Emulator, state: dict[str, Any], reason: str
) -> None:
    emulator.seed("acmecorp", trial=True)
    broken = {"shortname": "acmecorp", "status": "Trial Active", **state}
    if "deletionProtection" in state:
        broken["status"] = "Active"
    with pytest.raises(grpc.RpcError) as refused:
        stack.stub.Delete(messages.DeleteRequest(id="acmecorp", urn=urn("acme"), properties=values.write(broken)))
    assert reason in str(refused.value)
    assert mutations(emulator.requests) == []
