"""Errors as gRPC answers: the one place where an exception ends, so that no traceback reaches a user.

The engine takes UNKNOWN, INTERNAL and DATA_LOSS for "may be corrupt" and every other code for an operation that was
not carried out (resourceStateAndError in
https://github.com/pulumi/pulumi/blob/master/sdk/go/common/resource/plugin/provider_plugin.go).
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from typing import Any, Final, NoReturn

import grpc

from pulumi_fusion import errors
from pulumi_fusion.errors import FusionError, capped
from pulumi_fusion.plugin.protocol import provider_pb2, status_pb2

__all__ = ["Answers", "PartialState", "code"]

_CODES: Final[dict[type[FusionError], grpc.StatusCode]] = {
    errors.SettingsError: grpc.StatusCode.INVALID_ARGUMENT,
    errors.InvalidInput: grpc.StatusCode.INVALID_ARGUMENT,
    errors.Refusal: grpc.StatusCode.FAILED_PRECONDITION,
    errors.NotFound: grpc.StatusCode.NOT_FOUND,
    errors.Unauthorized: grpc.StatusCode.UNAUTHENTICATED,
    errors.Forbidden: grpc.StatusCode.PERMISSION_DENIED,
    errors.RateLimited: grpc.StatusCode.RESOURCE_EXHAUSTED,
    errors.RequestFailed: grpc.StatusCode.ABORTED,
    errors.OutcomeUnknown: grpc.StatusCode.UNKNOWN,
    errors.DeadlineExceeded: grpc.StatusCode.DEADLINE_EXCEEDED,
    errors.Cancelled: grpc.StatusCode.CANCELLED,
    errors.SessionEnded: grpc.StatusCode.CANCELLED,
    errors.AuditIncomplete: grpc.StatusCode.FAILED_PRECONDITION,
    FusionError: grpc.StatusCode.UNKNOWN,
}

_log: Final = logging.getLogger(__name__)


class PartialState(Exception):
    """The resource may exist and is not as it should be: the engine keeps it, and the next `up` calls Update.

    ``kept`` is what the state keeps of it (ErrorResourceInitFailed) with the reasons.
    """

    def __init__(self, kept: provider_pb2.ErrorResourceInitFailed) -> None:
        self.kept = kept
        super().__init__("; ".join(kept.reasons))


def code(failure: FusionError) -> grpc.StatusCode:
    """The status of the nearest class that has one."""
    return next(_CODES[kind] for kind in type(failure).__mro__ if kind in _CODES)


class Answers(grpc.ServerInterceptor):
    """Turns whatever a call raises into a status with a sentence for the user."""

    def intercept_service(self, continuation: Any, handler_call_details: Any) -> Any:
        """Every call goes through here, so none can be forgotten."""
        handler = continuation(handler_call_details)
        if handler is None:
            return None
        if handler.response_streaming:
            return handler._replace(unary_stream=_streaming(handler.unary_stream))
        return handler._replace(unary_unary=_answering(handler.unary_unary))


def _answering(call: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    def answer(request: Any, context: Any) -> Any:
        try:
            return call(request, context)
        except Exception as failure:  # noqa: BLE001  # the last one who can keep a traceback from the user
            raised = failure
        _abort(raised, context)

    return answer


def _streaming(call: Callable[[Any, Any], Iterator[Any]]) -> Callable[[Any, Any], Iterator[Any]]:
    def answer(request: Any, context: Any) -> Iterator[Any]:
        try:
            yield from call(request, context)
        except Exception as failure:  # noqa: BLE001  # the last one who can keep a traceback from the user
            raised = failure
        else:
            return
        _abort(raised, context)

    return answer


def _abort(failure: Exception, context: Any) -> NoReturn:
    if isinstance(failure, PartialState):
        status = status_pb2.Status(code=grpc.StatusCode.UNKNOWN.value[0], message=str(failure))
        status.details.add().Pack(failure.kept)
        # https://grpc.io/docs/guides/error/#richer-error-model
        context.set_trailing_metadata((("grpc-status-details-bin", status.SerializeToString()),))
        context.abort(grpc.StatusCode.UNKNOWN, str(failure))
    if isinstance(failure, FusionError):
        context.abort(code(failure), str(failure))
    if isinstance(failure, NotImplementedError):
        # How the engine asks whether a call exists; the generated stub answers so for what is not overridden.
        context.abort(grpc.StatusCode.UNIMPLEMENTED, "pulumi-fusion has no such call")
    # Where it comes from is for who looks for it: the engine shows stderr of a plugin in its logs alone.
    _log.error("a call failed", exc_info=failure)
    told = f"a defect of pulumi-fusion: {type(failure).__name__}: {capped(str(failure))}. Please report it."
    context.abort(grpc.StatusCode.INTERNAL, told)
    raise AssertionError("abort raises")
