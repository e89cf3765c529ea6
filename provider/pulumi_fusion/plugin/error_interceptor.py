"""Turn every exception of a call into a gRPC status with a message, so that no traceback reaches a user.

The engine treats UNKNOWN, INTERNAL and DATA_LOSS as "may be corrupt", and every other code as an operation that was not
carried out (resourceStateAndError in
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

__all__ = ["ErrorInterceptor", "PartialStateError", "code"]

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


class PartialStateError(Exception):
    """The resource may exist in part: the engine saves it, and calls Update in the next `pulumi up`.

    ``saved`` is what the state saves of it, with the reasons.
    """

    def __init__(self, saved: provider_pb2.ErrorResourceInitFailed) -> None:
        self.saved = saved
        super().__init__("; ".join(saved.reasons))


def code(failure: FusionError) -> grpc.StatusCode:
    """Return the status of the most specific class that has one."""
    return next(_CODES[kind] for kind in type(failure).__mro__ if kind in _CODES)


class ErrorInterceptor(grpc.ServerInterceptor):
    """Converts what a call raises into a status with a message for the user."""

    def intercept_service(self, continuation: Any, handler_call_details: Any) -> Any:
        """Wrap the handler of a call. gRPC calls this for every call, also of methods that are added later."""
        handler = continuation(handler_call_details)
        if handler is None:
            return None
        if handler.response_streaming:
            return handler._replace(unary_stream=_wrap_stream(handler.unary_stream))
        return handler._replace(unary_unary=_wrap(handler.unary_unary))


def _wrap(call: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    def wrapped(request: Any, context: Any) -> Any:
        try:
            return call(request, context)
        except Exception as failure:  # noqa: BLE001  # otherwise the user gets a traceback
            raised = failure
        _abort(raised, context)

    return wrapped


def _wrap_stream(call: Callable[[Any, Any], Iterator[Any]]) -> Callable[[Any, Any], Iterator[Any]]:
    def wrapped(request: Any, context: Any) -> Iterator[Any]:
        try:
            yield from call(request, context)
        except Exception as failure:  # noqa: BLE001  # otherwise the user gets a traceback
            raised = failure
        else:
            return
        _abort(raised, context)

    return wrapped


def _abort(failure: Exception, context: Any) -> NoReturn:
    if isinstance(failure, PartialStateError):
        status = status_pb2.Status(code=grpc.StatusCode.UNKNOWN.value[0], message=str(failure))
        status.details.add().Pack(failure.saved)
        # https://grpc.io/docs/guides/error/#richer-error-model
        context.set_trailing_metadata((("grpc-status-details-bin", status.SerializeToString()),))
        context.abort(grpc.StatusCode.UNKNOWN, str(failure))
    if isinstance(failure, FusionError):
        context.abort(code(failure), str(failure.with_reference()))
    if isinstance(failure, NotImplementedError):
        # The generated stub raises it for methods that aren't overridden. The engine calls some of those to find out.
        context.abort(grpc.StatusCode.UNIMPLEMENTED, "pulumi-fusion does not implement this call")
    # The traceback is written to stderr, which the engine only writes to its logs.
    _log.error("a call failed", exc_info=failure)
    message = f"a defect of pulumi-fusion: {type(failure).__name__}: {capped(str(failure))}. Please report it."
    context.abort(grpc.StatusCode.INTERNAL, message)
    raise AssertionError("abort raises")
