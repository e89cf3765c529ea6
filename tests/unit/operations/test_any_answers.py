"""Any operations of one run over any answers: every changing request follows the evidence that it needs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from hypothesis import event, given, settings
from hypothesis import strategies as st

from pulumi_fusion.customer.model import Account, State
from pulumi_fusion.errors import FusionError, InDoubt, NotFound
from pulumi_fusion.operations.cache import FRESH_SECONDS
from pulumi_fusion.operations.lifecycle import Lifecycle
from pulumi_fusion.operations.operation import consistency_timeout
from pulumi_fusion.operations.read import NOT_FOUND_CHECKS
from tests.scale import scaled
from tests.unit.operations import failures
from tests.unit.operations.scripted import CHANGING, DELAYED, Clock, ScriptedService, stopped_clock
from tests.unit.samples import DECLARED, PARENT, account, declared, state

DEADLINE = 60.0

UNCLEAR: list[Callable[[], FusionError]] = [
    failures.connection_lost,
    failures.html_page,
    failures.bad_request,
    failures.conflict,
    failures.forbidden,
    failures.unauthorized,
    failures.not_sent,
    failures.rate_limited,
]
ACCOUNTS = [
    account(),
    account(id="id-2"),
    account(id=None),
    account(trial=True),
    account(parent=None),
    account(parent="another-msp"),
    account(children=1),
]
ANSWERS: st.SearchStrategy[object] = st.one_of(
    st.just(failures.not_found),
    st.just(account()),
    st.sampled_from(ACCOUNTS),
    st.sampled_from(UNCLEAR),
)
CHANGED = st.one_of(ANSWERS, st.just(failures.connection_lost), st.just(DELAYED))
# One answer, a few, or as many as there are GETs within the deadline.
TIMES = st.sampled_from([1, 1, 2, 8, 100])
OTHER = account(shortname="other-corp", id="id-9")
LISTS: st.SearchStrategy[object] = st.one_of(
    st.sampled_from([[], [OTHER], [account()], [account(id="id-2")]]),
    st.just([account(shortname="msp-corp", id="id-8", children=2)]),
    st.sampled_from(UNCLEAR),
)


@dataclass(frozen=True)
class Step:
    """One operation of a run, ``pause`` seconds after the one before."""

    operation: str
    pause: float


STEPS = st.lists(
    st.builds(
        Step, st.sampled_from(["check", "create", "update", "delete", "read"]), st.sampled_from([0.0, 5.0, 61.0])
    ),
    min_size=1,
    max_size=4,
)


@dataclass
class Request:
    """A request, when it was answered, and the answer."""

    verb: str
    at: float
    answer: Any


@dataclass
class Recorder:
    """Draws each answer when it is needed, and records it; the lists are drawn before, since threads fetch them.

    An answer to a GET may stay for a while, as one that lags does.
    """

    draw: Callable[[st.SearchStrategy[Any]], Any]
    clock: Clock
    lists: list[object]
    requests: list[Request] = field(default_factory=list)
    staying: list[object] = field(default_factory=list)

    def service(self) -> ScriptedService:
        def endless(answer: Callable[[], object]) -> Any:
            while True:
                yield answer

        return ScriptedService(
            get=[self._shown],
            post=endless(lambda: self._changed("POST")),
            put=endless(lambda: self._changed("PUT")),
            delete=endless(lambda: self._changed("DELETE")),
            customers=endless(self._listed),
        )

    def _shown(self) -> object:
        if not self.staying:
            answer, times = self.draw(st.tuples(ANSWERS, TIMES))
            self.staying = [answer] * times
        return self._record("GET", self.staying.pop())

    def _changed(self, verb: str) -> object:
        self.staying.clear()
        return self._record(verb, self.draw(CHANGED))

    def _listed(self) -> object:
        return self._record("LIST", self.lists.pop(0) if len(self.lists) > 1 else self.lists[0])

    def _record(self, verb: str, drawn: object) -> object:
        answer = drawn() if callable(drawn) else drawn
        self.requests.append(Request(verb, self.clock.now, answer))
        return answer


@settings(max_examples=scaled(1_500, nightly=50_000))
@given(
    data=st.data(), steps=STEPS, lists=st.lists(LISTS, min_size=1, max_size=3), mode=st.sampled_from(["auto", "off"])
)
def test_changing_requests_follow_evidence_whatever_is_answered(
    data: st.DataObject, steps: list[Step], lists: list[object], mode: Any
) -> None:
    with stopped_clock() as clock:
        recorder = Recorder(data.draw, clock, lists)
        service = recorder.service()
        run = Lifecycle.of_run(lambda: service, deadline=DEADLINE, mode=mode, cancelled=clock)
        created = False
        for step in steps:
            clock.now += step.pause
            before = len(recorder.requests)
            listed = None if created else available_since(recorder.requests, clock)
            result = operate(run, step.operation, clock)
            earlier, during = recorder.requests[:before], recorder.requests[before:]
            require_posts(during, listed=listed)
            require_same_account(earlier, during)
            require_result(step.operation, result, earlier, during)
            created = created or step.operation == "create"


def operate(run: Lifecycle, operation: str, clock: Clock) -> State | FusionError | None:
    """Return the state after the operation, or what it raised; check its duration and the text of its error."""
    started = clock.now
    result: State | FusionError | None = None
    try:
        if operation == "check":
            run.check(DECLARED, None)
        elif operation == "create":
            result = run.create(declared())
        elif operation == "update":
            result = run.update(state(), declared(organization="Acme Ltd."))
        elif operation == "delete":
            run.delete("acme-corp", state())
        else:
            result = run.read("acme-corp", state())
    except FusionError as failure:
        assert str(failure).startswith(f"Could not {operation} the customer 'acme-corp': ")
        result = failure
    assert clock.now - started <= DEADLINE + 0.001
    event(f"{operation}: {type(result).__name__}")
    return result


def available_since(earlier: list[Request], clock: Clock) -> float | None:
    """Return when the latest list was fetched, if it may show that the shortname is available."""
    listed = next((request for request in reversed(earlier) if request.verb == "LIST"), None)
    if listed is None or clock.now - listed.at > FRESH_SECONDS or isinstance(listed.answer, Exception):
        return None
    if any(each.children or each.shortname == "acme-corp" for each in listed.answer):
        return None
    return listed.at


def require_posts(requests: list[Request], *, listed: float | None) -> None:
    """Fail if a POST of an operation does not follow a 404, or for the first one a list, that permits it."""
    posts = [request for request in requests if request.verb == "POST"]
    sent = [request for request in posts if request.answer is not DELAYED]
    assert len(sent) <= 2
    latest: Any = None
    absent_since: float | None = None
    for request in requests:
        if request.verb == "GET":
            is_absent = isinstance(request.answer, NotFound)
            absent_since = (request.at if absent_since is None else absent_since) if is_absent else None
            latest = request.answer
        elif request.verb == "POST":
            if request is posts[0] and latest is None:
                assert listed is not None, "a POST without evidence that the shortname is available"
                assert request.at - listed <= FRESH_SECONDS
            else:
                assert isinstance(latest, NotFound), "a POST without a 404 before"
            if sent[1:] and sent[0].at < request.at and posts[posts.index(request) - 1] is sent[0]:
                assert isinstance(sent[0].answer, InDoubt), "a second POST after a first one that was answered"
                assert absent_since is not None
                assert request.at - absent_since >= consistency_timeout(DEADLINE)
            latest = absent_since = None


def require_same_account(earlier: list[Request], requests: list[Request]) -> None:
    """Fail if a PUT or DELETE does not follow a GET, or 404s and a list, that shows the account of the state."""
    latest: Any = None
    for number, request in enumerate(requests):
        if request.verb == "GET":
            latest = request.answer
        elif request.verb in ("PUT", "DELETE"):
            shown = [latest]
            if isinstance(latest, NotFound):
                shown = seen_before(earlier, requests[:number])
            same = [each for each in shown if getattr(each, "id", None) == "id-1"]
            assert same, "a change of another account"
            assert request.verb == "PUT" or any(each.children == 0 for each in same), "it has sub-accounts"
            latest = None


def seen_before(earlier: list[Request], requests: list[Request]) -> list[Any]:
    """Return the accounts that earlier operations and the lists of this one showed."""
    seen: list[Any] = []
    for request in [*earlier, *(request for request in requests if request.verb == "LIST")]:
        seen += request.answer if isinstance(request.answer, list) else [request.answer]
    return seen


def require_result(
    operation: str, result: State | FusionError | None, earlier: list[Request], requests: list[Request]
) -> None:
    """Fail if the operation returned what its requests do not show."""
    changing = [request.verb for request in requests if request.verb in CHANGING]
    gets = [request.answer for request in requests if request.verb == "GET"]
    if operation in ("check", "read"):
        assert changing == []
    if operation == "read" and result is None:
        assert len(gets) >= NOT_FOUND_CHECKS
        require_missing(earlier, requests)
    if operation == "create" and isinstance(result, State):
        assert "POST" in changing
        require_created(result, requests)
    if operation == "delete" and result is None:
        require_deleted(earlier, requests)


def require_missing(earlier: list[Request], requests: list[Request]) -> None:
    """Fail if a GET or the latest list shows the customer; where this run changed it before, no list is needed."""
    assert all(isinstance(request.answer, NotFound) for request in requests if request.verb == "GET")
    if any(request.verb in CHANGING for request in earlier):
        return
    listed = [request.answer for request in earlier + requests if request.verb == "LIST"]
    assert listed
    assert not isinstance(listed[-1], Exception)
    assert all(each.shortname != "acme-corp" for each in listed[-1])


def require_created(result: State, requests: list[Request]) -> None:
    """Fail if the id is neither that of an answer to a POST nor that of an account that matches what was sent."""
    if result.customer_id is None:
        return
    posted = [request.answer for request in requests if request.verb == "POST"]
    by_list = next(request.verb for request in requests if request.verb != "LIST") == "POST"
    seen: list[Account] = []
    for request in requests:
        answers = request.answer if isinstance(request.answer, list) else [request.answer]
        seen += [answer for answer in answers if isinstance(answer, Account) and answer.id == result.customer_id]
    parents = (PARENT,) if by_list else (PARENT, None)
    assert any(answer in posted or (not answer.trial and answer.parent in parents) for answer in seen)


def require_deleted(earlier: list[Request], requests: list[Request]) -> None:
    """Fail if a deletion succeeded although it was not sent, or although its last GET contradicts it."""
    deletes = [request for request in requests if request.verb == "DELETE"]
    if not deletes:
        gets = [request for request in requests if request.verb == "GET"]
        assert isinstance(gets[-1].answer, NotFound)
        if isinstance(gets[0].answer, NotFound):
            require_missing(earlier, requests)
        return
    last = requests[-1]
    if last.verb == "DELETE":
        assert isinstance(last.answer, NotFound), "an accepted deletion without a GET"
    else:
        assert getattr(last.answer, "id", None) != "id-1", "the customer is still there"
        assert not (isinstance(last.answer, InDoubt) and last.answer.status == 200)
