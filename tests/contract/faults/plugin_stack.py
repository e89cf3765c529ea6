"""The same stack over the plugin: every call goes over the wire, to a server of its own.

What the engine does otherwise here: a create or update that ended in partial state is kept, and updated in the next
run even where nothing differs (``hasInitErrors`` in
https://github.com/pulumi/pulumi/blob/master/pkg/resource/deploy/step_generator.go).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import grpc
from pulumi.runtime.proto import provider_pb2 as messages
from pulumi.runtime.proto import provider_pb2_grpc, status_pb2

from pulumi_fusion import errors
from pulumi_fusion.customer.names import UNKNOWN
from pulumi_fusion.errors import FusionError, OutcomeUnknown
from pulumi_fusion.plugin import values
from pulumi_fusion.plugin.server import serve
from pulumi_fusion.plugin.servicer import Servicer
from tests.contract.faults.outcome import Outcome, Stored
from tests.contract.faults.stack import Stack

__all__ = ["PluginStack", "urn"]

_ADOPT: Final = re.compile(r"add adopt: (?P<id>\S+) to the resource")

_CLASSES: Final[Mapping[grpc.StatusCode, type[FusionError]]] = {
    grpc.StatusCode.INVALID_ARGUMENT: errors.InvalidInput,
    grpc.StatusCode.FAILED_PRECONDITION: errors.Refusal,
    grpc.StatusCode.NOT_FOUND: errors.NotFound,
    grpc.StatusCode.UNAUTHENTICATED: errors.Unauthorized,
    grpc.StatusCode.PERMISSION_DENIED: errors.Forbidden,
    grpc.StatusCode.RESOURCE_EXHAUSTED: errors.RateLimited,
    grpc.StatusCode.ABORTED: errors.RequestFailed,
    grpc.StatusCode.UNKNOWN: errors.OutcomeUnknown,
    grpc.StatusCode.DEADLINE_EXCEEDED: errors.DeadlineExceeded,
    grpc.StatusCode.CANCELLED: errors.Cancelled,
}


def urn(name: str) -> str:
    return f"urn:pulumi:rehearsal::onboarding::fusion:index:Customer::{name}"


def kept_of(failure: grpc.RpcError) -> messages.ErrorResourceInitFailed | None:
    """The partial state in an answer."""
    for each in failure.trailing_metadata() or ():
        if each.key == "grpc-status-details-bin":
            kept = messages.ErrorResourceInitFailed()
            [detail] = status_pb2.Status.FromString(bytes(each.value)).details
            assert detail.Unpack(kept)
            assert list(kept.reasons) == [failure.details()]
            return kept
    return None


class Kept(OutcomeUnknown):
    """An answer that the engine keeps as partial state."""

    kept: messages.ErrorResourceInitFailed


@dataclass
class PluginStack(Stack):
    """``unfinished`` are the resources whose last operation ended in partial state, ``warned_resources`` URNs."""

    unfinished: set[str] = field(default_factory=set)
    warned_resources: list[str] = field(default_factory=list, repr=False)
    _server: grpc.Server | None = None

    def __exit__(self, *_: Any) -> None:
        super().__exit__(*_)
        self._stop()

    def _stop(self) -> None:
        if self._server is not None:
            self._channel.close()
            self._server.stop(0).wait()
            self._server = None

    def restart(self) -> None:
        self._stop()
        self.servicer = Servicer(warn=self._add_warning)
        self._server, port = serve(self.servicer)
        self._channel = grpc.insecure_channel(f"127.0.0.1:{port}")
        self.stub = provider_pb2_grpc.ResourceProviderStub(self._channel)
        self.stub.Handshake(messages.ProviderHandshakeRequest())
        config = {
            "netosecret": self.netosecret or self.emulator.netosecret,
            "apiUrl": self.url or self.emulator.url,
            "deadline": self.deadline,
            "preflight": self.preflight,
        }
        self.stub.Configure(messages.ConfigureRequest(args=values.write(config, {"netosecret"})))

    def _add_warning(self, text: str, urn: str) -> None:
        self.warnings.append(text)
        self.warned_resources.append(urn)

    # What the engine does.

    def up(self, name: str, program: Mapping[str, Any]) -> Outcome:
        left = self._delete_pending(name)
        if left is not None:
            return left
        old = self.state.get(name)
        olds = values.write(old.inputs if old else {})
        checked = self.stub.Check(messages.CheckRequest(urn=urn(name), olds=olds, news=values.write(program)))
        if checked.failures:
            return Outcome(failures=tuple((failure.property, failure.reason) for failure in checked.failures))
        inputs = values.read(checked.inputs).plain
        if old is None:
            return self._create(name, inputs)
        change = self.stub.Diff(
            messages.DiffRequest(
                id=old.id, urn=urn(name), olds=values.write(old.outputs), old_inputs=olds, news=checked.inputs
            )
        )
        if change.replaces:
            self.pending[name] = old
            outcome = self._create(name, inputs)
            if not outcome.ok:
                if self.state[name] is old:
                    del self.pending[name]
                return outcome
            return self._delete_pending(name) or outcome
        if change.changes == messages.DiffResponse.DIFF_NONE and name not in self.unfinished:
            self.state[name] = Stored(old.id, inputs, old.outputs)
            return Outcome()
        request = messages.UpdateRequest(
            id=old.id, urn=urn(name), olds=values.write(old.outputs), old_inputs=olds, news=checked.inputs
        )
        return self._write("update", name, old.id, inputs, lambda: self.stub.Update(request))

    def plan(self, name: str, program: Mapping[str, Any]) -> str | list[str]:
        """A preview runs create and update as well, which return what is known and send nothing."""
        old = self.state.get(name)
        olds = values.write(old.inputs if old else {})
        checked = self.stub.Check(messages.CheckRequest(urn=urn(name), olds=olds, news=values.write(program)))
        if checked.failures:
            return [failure.property for failure in checked.failures]
        outputs = values.write(old.outputs if old else {})
        if old is not None:
            change = self.stub.Diff(
                messages.DiffRequest(id=old.id, urn=urn(name), olds=outputs, old_inputs=olds, news=checked.inputs)
            )
            assert set(change.diffs) == set(change.detailedDiff)
            if change.changes == messages.DiffResponse.DIFF_NONE:
                assert not change.diffs
                return "same"
            if not change.replaces:
                updated = self.stub.Update(
                    messages.UpdateRequest(
                        id=old.id, urn=urn(name), olds=outputs, old_inputs=olds, news=checked.inputs, preview=True
                    )
                )
                later = dict.fromkeys(("ingestIp", "ingestPort"), UNKNOWN)
                known = values.read(updated.properties).plain
                assert known == {**later, **old.outputs, **values.read(checked.inputs).plain}
                return "update"
        created = self.stub.Create(messages.CreateRequest(urn=urn(name), properties=checked.inputs, preview=True))
        assert created.id == ""
        assert values.read(created.properties) == values.read(checked.inputs)
        return "create" if old is None else "replace"

    def _create(self, name: str, inputs: dict[str, Any]) -> Outcome:
        request = messages.CreateRequest(urn=urn(name), properties=values.write(inputs))
        return self._write("create", name, inputs["shortname"], inputs, lambda: self.stub.Create(request))

    def _write(self, verb: str, name: str, shortname: str, inputs: dict[str, Any], send: Callable[[], Any]) -> Outcome:
        result, outcome = self._call(verb, shortname, lambda: _raising(send))
        if result is not None:
            self.state[name] = Stored(shortname, inputs, values.read(result.properties).plain)
            self.unfinished.discard(name)
        elif isinstance(outcome.error, Kept):
            kept = outcome.error.kept
            assert kept.id == shortname
            self.state[name] = Stored(kept.id, inputs, values.read(kept.properties).plain)
            self.unfinished.add(name)
        return outcome

    def refresh(self, name: str) -> Outcome:
        old = self.state[name]
        request = messages.ReadRequest(
            id=old.id, urn=urn(name), properties=values.write(old.outputs), inputs=values.write(old.inputs)
        )
        result, outcome = self._call("read", old.id, lambda: _raising(lambda: self.stub.Read(request)))
        if result is not None:
            self._keep(name, result)
        return outcome

    def import_(self, name: str, shortname: str) -> Outcome:
        """`pulumi import`: a read by the id alone."""
        request = messages.ReadRequest(id=shortname, urn=urn(name))
        result, outcome = self._call("read", shortname, lambda: _raising(lambda: self.stub.Read(request)))
        if result is not None:
            assert result.id, "an import that finds nothing is an error"
            self._keep(name, result)
        return outcome

    def _keep(self, name: str, read: messages.ReadResponse) -> None:
        self.unfinished.discard(name)
        if not read.id:
            del self.state[name]
            return
        self.state[name] = Stored(read.id, values.read(read.inputs).plain, values.read(read.properties).plain)

    def _delete(self, old: Stored) -> Outcome:
        request = messages.DeleteRequest(
            id=old.id, urn=urn("acme"), properties=values.write(old.outputs), old_inputs=values.write(old.inputs)
        )
        return self._call("delete", old.id, lambda: _raising(lambda: self.stub.Delete(request)))[1]

    def recover(self, name: str, program: Mapping[str, Any]) -> Outcome:
        """The documented way back: run it again, and where the error prints an import line, run that first.

        While a replacement is under way the name is taken by the old customer, and adopt is the way.
        """
        self.restart()
        outcome = self.up(name, program)
        adopt = _ADOPT.search(outcome.text)
        if not outcome.ok and adopt and name in self.state:
            return self.up(name, {**program, "adopt": adopt["id"]})
        if not outcome.ok and f"pulumi import fusion:index:Customer {name} {program['shortname']}" in outcome.text:
            outcome = self.import_(name, program["shortname"])
            if outcome.ok:
                outcome = self.up(name, program)
        return outcome


def _raising(send: Callable[[], Any]) -> Any:
    """The answer, or the error that the engine would make of it."""
    try:
        return send()
    except grpc.RpcError as failure:
        kept = kept_of(failure)
        kind = Kept if kept is not None else _CLASSES[failure.code()]
        error = kind.__new__(kind)
        error.args = (failure.details(),)
        if isinstance(error, Kept) and kept is not None:
            error.kept = kept
    raise error
