"""Every exception of a call becomes a status with a message, and never a traceback."""

from __future__ import annotations

import inspect
import logging
from typing import Any

import grpc
import pytest

from pulumi_fusion import errors
from pulumi_fusion.errors import FusionError
from pulumi_fusion.plugin.error_interceptor import ErrorInterceptor, PartialStateError, code
from pulumi_fusion.plugin.protocol import provider_pb2, status_pb2
from pulumi_fusion.redaction import Secret, redact_logs

KINDS = [each for _, each in inspect.getmembers(errors, inspect.isclass) if issubclass(each, FusionError)]
MAY_BE_CORRUPT = {grpc.StatusCode.UNKNOWN, grpc.StatusCode.INTERNAL, grpc.StatusCode.DATA_LOSS}


class AbortedError(Exception):
    pass


class Context:
    """The context that grpc passes to a call."""

    def __init__(self) -> None:
        self.metadata: Any = ()

    def set_trailing_metadata(self, metadata: Any) -> None:
        self.metadata = metadata

    def abort(self, status: grpc.StatusCode, text: str) -> None:
        self.status, self.text = status, text
        raise AbortedError


def intercepted(failure: Exception, *, streaming: bool = False) -> Context:
    """Return the context of a call that raises."""

    def call(request: Any, context: Any) -> Any:
        raise failure

    def stream(request: Any, context: Any) -> Any:
        yield "first"
        raise failure

    handler: Any = (
        grpc.unary_stream_rpc_method_handler(stream) if streaming else grpc.unary_unary_rpc_method_handler(call)
    )
    guarded = ErrorInterceptor().intercept_service(lambda _: handler, None)
    context = Context()
    with pytest.raises(AbortedError):
        if streaming:
            list(guarded.unary_stream(None, context))
        else:
            guarded.unary_unary(None, context)
    return context


@pytest.mark.parametrize("kind", KINDS)
def test_only_an_unknown_outcome_has_a_status_of_possible_corruption(kind: type[FusionError]) -> None:
    failure = kind.__new__(kind)
    assert (code(failure) in MAY_BE_CORRUPT) == (kind in (FusionError, errors.OutcomeUnknown))


@pytest.mark.parametrize("streaming", [False, True])
def test_a_fusion_error_is_its_text_and_where_it_is_described(streaming: bool) -> None:
    failure = errors.Protected("delete the customer", "deletion protection is on", shortname="acme-corp")
    context = intercepted(failure, streaming=streaming)
    text = f"{failure} More: pulumi-fusion docs errors#protected"
    assert (context.status, context.text) == (grpc.StatusCode.FAILED_PRECONDITION, text)


def test_partial_state_is_a_status_with_details() -> None:
    saved = provider_pb2.ErrorResourceInitFailed(id="acme-corp", reasons=["the outcome is unknown"])
    context = intercepted(PartialStateError(saved))
    assert (context.status, context.text) == (grpc.StatusCode.UNKNOWN, "the outcome is unknown")
    [(key, value)] = context.metadata
    assert key == "grpc-status-details-bin"
    unpacked = provider_pb2.ErrorResourceInitFailed()
    [detail] = status_pb2.Status.FromString(value).details
    assert detail.Unpack(unpacked)
    assert unpacked == saved


@pytest.mark.parametrize("streaming", [False, True])
def test_a_defect_has_a_message_without_secrets_and_a_traceback_in_the_log(
    streaming: bool, caplog: pytest.LogCaptureFixture
) -> None:
    factory = logging.getLogRecordFactory()
    redact_logs()
    try:
        context = intercepted(KeyError(Secret("planted-credential").reveal()), streaming=streaming)
    finally:
        logging.setLogRecordFactory(factory)
    assert context.status is grpc.StatusCode.INTERNAL
    assert context.text == "a defect of pulumi-fusion: KeyError: '***'. Please report it."
    assert "Traceback" in caplog.text
    assert "planted-credential" not in caplog.text


def test_a_method_that_is_not_implemented_has_the_status_unimplemented() -> None:
    assert intercepted(NotImplementedError("Method not implemented!")).status is grpc.StatusCode.UNIMPLEMENTED


def test_an_unknown_method_has_no_handler() -> None:
    assert ErrorInterceptor().intercept_service(lambda _: None, None) is None
