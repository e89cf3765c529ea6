"""Property values: every form of the protocol is read, and what is written is read back unchanged."""

from __future__ import annotations

from typing import Any

import pulumi
import pytest
from google.protobuf.struct_pb2 import Struct
from hypothesis import given
from hypothesis import strategies as st
from pulumi.runtime import rpc

from pulumi_fusion.customer.names import UNKNOWN
from pulumi_fusion.plugin import values
from pulumi_fusion.plugin.values import Properties

SIGNATURE = rpc._special_sig_key


def struct(fields: dict[str, Any]) -> Struct:
    made = Struct()
    made.update(fields)
    return made


def secret(value: Any) -> dict[str, Any]:
    return {SIGNATURE: rpc._special_secret_sig, "value": value}


def output(**fields: Any) -> dict[str, Any]:
    return {SIGNATURE: rpc._special_output_value_sig, **fields}


@pytest.mark.parametrize(
    ("written", "plain", "is_secret"),
    [
        ("text", "text", False),
        (7.0, 7, False),
        (1.5, 1.5, False),
        (True, True, False),
        ([1, "a", [False]], [1, "a", [False]], False),
        ({"a": {"b": 1}}, {"a": {"b": 1}}, False),
        (rpc.UNKNOWN, UNKNOWN, False),
        ("3eeb2bf0-c639-47a8-9e75-3b44932eb421", UNKNOWN, False),
        ([rpc.UNKNOWN], [UNKNOWN], False),
        (secret("s3cret"), "s3cret", True),
        (secret(90), 90, True),
        (secret(rpc.UNKNOWN), UNKNOWN, True),
        (secret(secret("twice")), "twice", True),
        ({"deep": [secret("s3cret")]}, {"deep": ["s3cret"]}, True),
        (output(value="known"), "known", False),
        (output(value="known", secret=True), "known", True),
        (output(dependencies=["urn:pulumi:a"]), UNKNOWN, False),
        (output(secret=True), UNKNOWN, True),
        (output(value=secret("s3cret"), secret=False), "s3cret", True),
    ],
)
def test_a_value_of_the_engine_is_read(written: Any, plain: Any, is_secret: bool) -> None:
    read = values.read(struct({"key": written}))
    assert read.plain == {"key": plain}
    assert type(read.plain["key"]) is type(plain)
    assert read.secret == ({"key"} if is_secret else set())


@pytest.mark.parametrize("signature", [rpc._special_asset_sig, rpc._special_archive_sig, rpc._special_resource_sig])
def test_assets_and_references_are_read_as_maps(signature: str) -> None:
    read = values.read(struct({"key": {SIGNATURE: signature, "text": "x", "urn": "urn:x"}}))
    assert isinstance(read.plain["key"], dict)


def test_null_and_the_keys_of_the_engine_are_dropped() -> None:
    assert values.read(struct({"key": None, "__provider": "pickled", "__defaults": []})).plain == {}
    assert values.read(struct({"key": secret(None)})) == Properties({}, frozenset({"key"}))


PLAIN = st.recursive(
    st.text()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False).filter(lambda number: not number.is_integer())
    | st.just(UNKNOWN),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(min_size=1), inner, max_size=3),
    max_leaves=5,
)
KEYS = st.text(min_size=1).filter(lambda key: not key.startswith("__"))


@given(plain=st.dictionaries(KEYS, PLAIN, max_size=4), data=st.data())
def test_a_written_value_is_read_back(plain: dict[str, Any], data: st.DataObject) -> None:
    marked = data.draw(st.sets(st.sampled_from(sorted(plain)))) if plain else set()
    assert values.read(values.write(plain, marked)) == Properties(plain, frozenset(marked))


def test_the_sdk_reads_a_written_value() -> None:
    written = values.write({"a": 90, "b": "s3cret", "c": UNKNOWN, "d": None, "e": [True]}, {"b"})
    read = rpc.deserialize_properties(written, keep_unknowns=True)
    assert (read["a"], rpc.unwrap_rpc_secret(read["b"]), read["e"]) == (90, "s3cret", [True])
    assert isinstance(read["c"], pulumi.output.Unknown)


def test_another_type_cannot_be_written() -> None:
    with pytest.raises(TypeError, match="not a property value: object"):
        values.write({"key": object()})
