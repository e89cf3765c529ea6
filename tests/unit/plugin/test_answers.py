"""Every error ends as a status with its sentence, and no exception as a traceback."""

from __future__ import annotations

import inspect
import logging
from typing import Any

import grpc
import pytest

from pulumi_fusion import errors
from pulumi_fusion.errors import FusionError
from pulumi_fusion.plugin.answers import Answers, PartialState, code
from pulumi_fusion.plugin.protocol import provider_pb2, status_pb2
from pulumi_fusion.redaction import Secret, redact_logs

KINDS = [each for _, each in inspect.getmembers(errors, inspect.isclass) if issubclass(each, FusionError)]
MAY_BE_CORRUPT = {grpc.StatusCode.UNKNOWN, grpc.StatusCode.INTERNAL, grpc.StatusCode.DATA_LOSS}


class Aborted(Exception):
    pass


class Context:
    """What grpc hands to a call."""

    def __init__(self) -> None:
        self.metadata: Any = ()

    def set_trailing_metadata(self, metadata: Any) -> None:
        self.metadata = metadata

    def abort(self, status: grpc.StatusCode, text: str) -> None:
        self.status, self.text = status, text
        raise Aborted


def answer(failure: Exception, *, streaming: bool = False) -> Context:
    """What becomes of a call that raises."""

    def call(request: Any, context: Any) -> Any:
        raise failure

    def stream(request: Any, context: Any) -> Any:
        yield "first"
        raise failure

    handler: Any = (
        grpc.unary_stream_rpc_method_handler(stream) if streaming else grpc.unary_unary_rpc_method_handler(call)
    )
    guarded = Answers().intercept_service(lambda _: handler, None)
    context = Context()
    with pytest.raises(Aborted):
        if streaming:
            list(guarded.unary_stream(None, context))
        else:
            guarded.unary_unary(None, context)
    return context


@pytest.mark.parametrize("kind", KINDS)
def test_only_what_may_have_happened_is_told_as_such(kind: type[FusionError]) -> None:
    failure = kind.__new__(kind)
    assert (code(failure) in MAY_BE_CORRUPT) == (kind in (FusionError, errors.OutcomeUnknown))


@pytest.mark.parametrize("streaming", [False, True])
def test_our_errors_are_told_in_their_own_words(streaming: bool) -> None:
    failure = errors.Protected("delete the customer", "deletion protection is on", shortname="acme-corp")
    told = answer(failure, streaming=streaming)
    assert (told.status, told.text) == (grpc.StatusCode.FAILED_PRECONDITION, str(failure))


def test_partial_state_is_told_with_what_is_kept() -> None:
    kept = provider_pb2.ErrorResourceInitFailed(id="acme-corp", reasons=["it is in doubt"])
    told = answer(PartialState(kept))
    assert (told.status, told.text) == (grpc.StatusCode.UNKNOWN, "it is in doubt")
    [(key, value)] = told.metadata
    assert key == "grpc-status-details-bin"
    unpacked = provider_pb2.ErrorResourceInitFailed()
    [detail] = status_pb2.Status.FromString(value).details
    assert detail.Unpack(unpacked)
    assert unpacked == kept


@pytest.mark.parametrize("streaming", [False, True])
def test_a_defect_is_one_sentence_without_secrets_and_a_record_for_who_looks_for_it(
    streaming: bool, caplog: pytest.LogCaptureFixture
) -> None:
    factory = logging.getLogRecordFactory()
    redact_logs()
    try:
        told = answer(KeyError(Secret("planted-credential").reveal()), streaming=streaming)
    finally:
        logging.setLogRecordFactory(factory)
    assert told.status is grpc.StatusCode.INTERNAL
    assert told.text == "a defect of pulumi-fusion: KeyError: '***'. Please report it."
    assert "Traceback" in caplog.text
    assert "planted-credential" not in caplog.text


def test_what_is_not_implemented_says_so_to_the_engine() -> None:
    assert answer(NotImplementedError("Method not implemented!")).status is grpc.StatusCode.UNIMPLEMENTED


def test_a_call_that_does_not_exist_is_left_to_grpc() -> None:
    assert Answers().intercept_service(lambda _: None, None) is None
