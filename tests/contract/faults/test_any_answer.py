"""Any answer: only FusionError is raised, no error has a secret, and nothing is done without evidence.

A small server plays the service: tokens are always granted and the types mostly listed; all other requests get the
one answer of the example.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st

from fusion_emulator import ROOT, Emulator
from pulumi_fusion.customer.model import OUTPUTS, Inputs
from pulumi_fusion.customer.names import state_key
from tests.contract.faults.outcome import Outcome, Stored
from tests.contract.faults.stack import PROGRAM, Stack
from tests.scale import scaled

ID = "5f1e0c0ffee0000000000001"
RECORD = {
    "id": ID,
    "shortname": "acmecorp",
    "ingest_ip": "203.0.113.19",
    "ingest_port": 2001,
    "billing": {"data_retention": 90, "rollup_retention": 180, "trial": True},
    "reseller": {"children": 0, "is_parent": False, "node": f"{ROOT}/acmecorp", "parent": ROOT},
}
ENVELOPE = {"meta": {"code": 200, "count": 1}, "data": RECORD}
LISTED = {"meta": {"code": 200, "count": 1}, "data": [RECORD]}
TYPES = {"meta": {"code": 200, "count": 1}, "data": [{"value": "customer", "label": "SLG"}]}
ABSENT = {"status": 404, "name": "Not Found", "message": "No account 'acmecorp'"}
ECHO = "@AUTHORIZATION@"
"""Replaced in an answer by the Authorization header of the request."""

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=True) | st.text(max_size=20) | st.just(ECHO),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
STATUSES = st.sampled_from(
    [200, 201, 202, 204, 206, 301, 304, 400, 401, 403, 404, 404, 409, 410, 418, 422, 500, 502, 503]
)


def mutated(document: Any) -> st.SearchStrategy[Any]:
    """The document with something in it replaced, dropped or added."""

    @st.composite
    def draw_one(draw: st.DrawFn) -> Any:
        changed = json.loads(json.dumps(document))
        for _ in range(draw(st.integers(0, 3))):
            place = changed
            while isinstance(place, dict) and place:
                key = draw(st.sampled_from(sorted(place)))
                if isinstance(place[key], dict) and draw(st.booleans()):
                    place = place[key]
                    continue
                change = draw(st.sampled_from(["replace", "drop", "add"]))
                if change == "replace":
                    place[key] = draw(JSON)
                elif change == "drop":
                    del place[key]
                else:
                    place[draw(st.text(max_size=6))] = draw(JSON)
                break
        return changed

    return draw_one()


DOCUMENTS = (
    st.sampled_from([ENVELOPE, RECORD, LISTED, ABSENT]).flatmap(mutated)
    | JSON
    | st.fixed_dictionaries({"status": STATUSES, "name": st.text(max_size=9), "message": st.just(f"no {ECHO} here")})
)


@st.composite
def bodies(draw: st.DrawFn) -> bytes:
    if not draw(st.integers(0, 5)):
        return draw(st.binary(max_size=60))
    body = json.dumps(draw(DOCUMENTS)).encode()
    return body[: draw(st.integers(0, len(body)))] if not draw(st.integers(0, 5)) else body


@dataclass
class Script:
    """What is answered, and what was asked."""

    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    types_too: bool = False
    asked: list[str] = field(default_factory=list)


@st.composite
def scripts(draw: st.DrawFn) -> Script:
    if draw(st.booleans()):
        # Such as the service itself might say, all but for what is mutated.
        status, document = draw(st.sampled_from([(200, ENVELOPE), (200, RECORD), (200, LISTED), (404, ABSENT)]))
        body = json.dumps(draw(mutated(document))).encode()
        return Script(status, {"Content-Type": "application/json"}, body)
    status = draw(STATUSES)
    headers = draw(
        st.dictionaries(
            st.sampled_from(["Content-Type", "Retry-After", "Location", "Content-Encoding", "Date", "Set-Cookie"]),
            st.sampled_from(
                ["application/json", "text/html", "0", "-1", "soon", "http://[", "gzip", "identity", "\x7f"]
            ),
            max_size=3,
        )
    )
    return Script(status, headers, draw(bodies()), types_too=draw(st.booleans()))


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    script: Script

    def _answer(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        script = type(self).script
        if self.path.endswith("/auth/token"):
            document = {"access_token": "canary-access-token", "expires_in": 3600, "token_type": "Bearer"}
            self._send(200, {"Content-Type": "application/json"}, json.dumps(document).encode())
            return
        if self.path.endswith("/customers/types") and not script.types_too:
            self._send(200, {"Content-Type": "application/json"}, json.dumps(TYPES).encode())
            return
        script.asked.append(f"{self.command} {self.path}")
        authorization = self.headers.get("Authorization", "")
        self._send(script.status, script.headers, script.body.replace(ECHO.encode(), authorization.encode()))

    do_GET = do_POST = do_PUT = do_DELETE = _answer

    def _send(self, status: int, headers: dict[str, str], body: bytes) -> None:
        self.send_response_only(status)
        for name, value in headers.items():
            self.send_header(name, value)
        bodiless = status in (204, 304)
        if not bodiless:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if not bodiless:
            self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Nobody reads it."""


@pytest.fixture(scope="module")
def scripted() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(scope="module")
def stack(scripted: str) -> Iterator[Stack]:
    with Emulator() as emulator, Stack(emulator, url=scripted, deadline=1) as running:
        yield running


def stored() -> Stored:
    outputs = {
        **{key: float(value) if type(value) is int else value for key, value in PROGRAM.items()},
        "deletionProtection": False,
        "customerId": ID,
        "parent": ROOT,
    }
    return Stored("acmecorp", {**PROGRAM, "deletionProtection": False}, outputs)


def confirms_absence(script: Script) -> bool:
    """Return whether it is a 404 with the documented error {status, name, message}, independently of the client."""
    try:
        document = json.loads(script.body)
    except ValueError:
        return False
    return (
        script.status == 404
        # The one encoding of the examples that HTTP libraries undo: https://www.rfc-editor.org/rfc/rfc9110#name-content-codings
        and script.headers.get("Content-Encoding") != "gzip"
        and isinstance(document, dict)
        and document.get("status") == 404
        and isinstance(document.get("message"), str)
        and isinstance(document.get("name"), str)
    )


def shows_the_id(script: Script) -> bool:
    """Whether the immutable id stands in the answer at all."""
    return 200 <= script.status < 300 and ID.encode() in script.body


@settings(max_examples=scaled(150, nightly=5_000))
@given(script=scripts(), operation=st.sampled_from(["create", "read", "update", "delete"]))
def test_any_answer_raises_only_fusion_errors_and_changes_nothing_without_evidence(
    stack: Stack, script: Script, operation: str
) -> None:
    before = begin(stack, script, operation)
    outcome = act(stack, operation)
    writes = [asked for asked in script.asked if not asked.startswith("GET")]
    event(f"{operation}: {'done' if outcome.ok else type(outcome.error).__name__}")
    if operation == "create":
        assert not writes or confirms_absence(script)
        assert not outcome.ok
        assert stack.state == {}
    elif operation == "read":
        assert writes == []
        if "acme" not in stack.state:
            assert confirms_absence(script)
        elif not outcome.ok:
            assert stack.state["acme"] == before
        else:
            require_sound(stack.state["acme"], script)
    else:
        assert not writes or shows_the_id(script)
        if not outcome.ok:
            assert stack.state["acme"] == before
        elif operation == "update":
            require_sound(stack.state["acme"], script)
        else:
            assert confirms_absence(script) or shows_the_id(script)


def begin(stack: Stack, script: Script, operation: str) -> Stored:
    _Handler.script = script
    stack.restart()
    before = stored()
    stack.state = {} if operation == "create" else {"acme": before}
    return before


def act(stack: Stack, operation: str) -> Outcome:
    if operation == "read":
        return stack.refresh("acme")
    if operation == "delete":
        return stack.destroy("acme")
    return stack.up("acme", PROGRAM if operation == "create" else {**PROGRAM, "dataRetention": 45})


def require_sound(now: Stored, script: Script) -> None:
    """The same customer, with values of the types that a state has."""
    assert now.id == now.outputs["shortname"] == "acmecorp"
    assert now.outputs["customerId"] == ID
    assert ID.encode() in script.body
    texts = {"email", "givenName", "familyName", "organization", "type", "status", "ingestIp", "parent", "node"}
    numbers = {"dataRetention", "rollupRetention", "ingestPort", "contractualFlowsPerSecond"}
    for key, value in now.outputs.items():
        assert key in {state_key(name) for name in (*Inputs.model_fields, *OUTPUTS)}
        assert key not in texts or isinstance(value, str)
        assert key not in numbers or (isinstance(value, float) and value.is_integer())
    assert now.outputs["status"] in ("Active", "Trial Active")
