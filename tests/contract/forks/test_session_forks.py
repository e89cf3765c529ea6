"""A forked copy of a session does nothing, and the session of its parent goes on as if it were not there."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from fusion_emulator import Emulator
from pulumi_fusion.sessions.audit import examine
from tests.contract.forks.programs import HEAD
from tests.contract.forks.test_forks import emulator, run

__all__ = ["emulator"]

_SESSION = (
    HEAD
    + """
REASON = "INC-1234 ingest check"

def session():
    return masquerade("acme-00", reason=REASON, client=fusion, write=True)

def tried(*acts):
    '''The kind and text of what each act raises.'''
    found = []
    for act in acts:
        try:
            found.append(["done", repr(act())])
        except Exception as raised:
            found.append([type(raised).__name__, str(raised)])
    return found

def strings():
    '''Every text that an object of this process holds in a slot, an attribute or a collection.'''
    found = set()
    for thing in gc.get_objects():
        held = thing.values() if isinstance(thing, dict) else thing if isinstance(thing, (list, tuple, set)) else ()
        found.update(each for each in [*held] if isinstance(each, str))
        for kind in type(thing).__mro__:
            for name in getattr(kind, "__slots__", ()):
                value = getattr(thing, name, None)
                if isinstance(value, str):
                    found.add(value)
    return found

def forked(act):
    '''Run the act in a child that then goes on behind the call; its exit status for the parent, None for the child.'''
    if (pid := os.fork()) == 0:
        act()
        return None
    return os.waitpid(pid, 0)[1]
"""
)

CALLS = (
    _SESSION
    + """
with session() as opened:
    opened.get("/api/v1/users")
    client = opened.client
    token = opened._open().token(opened._open().term).reveal()
    half = token[: len(token) // 2], token[len(token) // 2 :]
    del token
    assert any("".join(half) in each for each in strings())

    def act():
        from pulumi_fusion.deadline import Deadline
        calls = tried(
            lambda: opened.get("/api/v1/users"),
            lambda: opened.post("/api/v1/user", {}),
            lambda: client.list_users(),
            lambda: client.within(Deadline(1000)).list_users(),
            lambda: client.relay("GET", "/api/v1/users", {}, None, Deadline(9)).__enter__(),
        )
        gc.collect()
        held = [each for each in strings() if "".join(half) in each]
        return {"calls": calls, "remaining": opened.remaining(), "held": len(held), "account": name("acme-01")}

    child = in_child(act)
    users = len(opened.get("/api/v1/users"))
    left = opened.remaining()
print(json.dumps({"child": child, "users": users, "left": left}))
"""
)

LEFT = {
    "by its end": """
with session() as opened:
    forked(lambda: None)
    ends(opened)
""",
    "by an exception": """
with contextlib.suppress(ZeroDivisionError), session() as opened:
    forked(lambda: 1 / 0)
    ends(opened)
""",
    "by sys.exit": """
with session() as opened:
    forked(sys.exit)
    ends(opened)
""",
    "by an interrupt": """
with contextlib.suppress(KeyboardInterrupt), session() as opened:
    forked(lambda: signal.raise_signal(signal.SIGINT))
    ends(opened)
""",
    "by os._exit": """
with session() as opened:
    forked(lambda: os._exit(0))
    ends(opened)
""",
    "in a generator": """
def begun():
    with session() as opened:
        yield opened
steps = begun()
opened = next(steps)
forked(steps.close)
ends(opened)
steps.close()
""",
    "in an ExitStack": """
stack = contextlib.ExitStack()
opened = stack.enter_context(session())
forked(stack.close)
ends(opened)
stack.close()
""",
    "of a worker": """
def work(_):
    return tried(lambda: opened.get("/api/v1/users"))[0][0]
with session() as opened:
    with multiprocessing.get_context("fork").Pool(2) as pool:
        assert pool.map(work, range(4)) == ["SessionEnded"] * 4
    ends(opened)
""",
}


def _left(program: str) -> str:
    return (
        _SESSION
        + """
parent = os.getpid()
def ends(opened):
    if os.getpid() == parent:
        print(json.dumps(len(opened.get("/api/v1/users"))))
"""
        + program
    )


def records(folder: Path) -> list[Any]:
    found = examine((folder / "audit.jsonl").read_bytes())
    assert found.breaks == []
    return [*found.records]


@pytest.mark.threat("outlives-the-end")
def test_the_session_of_a_forked_child_raises_and_has_no_token(emulator: Emulator, tmp_path: Path) -> None:
    got = run(CALLS, tmp_path, emulator.netosecret)
    assert [kind for kind, _ in got["child"]["calls"]] == ["SessionEnded"] * 5
    for _, text in got["child"]["calls"]:
        assert "a session belongs to the process that opened it" in text
        assert "Open a session of its own in this process" in text
    assert got["child"] | {"calls": None} == {"calls": None, "remaining": 0, "held": 0, "account": "acme-01"}
    assert got["users"] == 1
    assert got["left"] > 800
    assert [each["event"] for each in records(tmp_path)] == ["start", "end"]
    assert records(tmp_path)[1]["requests"] == {"GET": 2}


@pytest.mark.parametrize("how", LEFT)
@pytest.mark.threat("outlives-the-end")
def test_a_child_that_leaves_the_block_neither_ends_nor_records_the_session(
    emulator: Emulator, tmp_path: Path, how: str
) -> None:
    assert run(_left(LEFT[how]), tmp_path, emulator.netosecret) == 1
    assert [each["event"] for each in records(tmp_path)] == ["start", "end"]
    assert records(tmp_path)[1]["ended"] == ("left by GeneratorExit" if "generator" in how else "left")


OWN = (
    _SESSION
    + """
with session() as opened:
    def act():
        with masquerade("acme-10", reason=REASON, client=fusion) as own:
            return own.client.account, [each.shortname for each in own.client.list_customers()]
    child = in_child(act)
    print(json.dumps([child, opened.customer, opened.remaining() > 0]))
"""
)


def test_a_child_may_open_a_session_of_its_own(emulator: Emulator, tmp_path: Path) -> None:
    assert run(OWN, tmp_path, emulator.netosecret) == [["acme-10", ["below-1"]], "acme-00", True]
    assert [(each["event"], each["customer"]) for each in records(tmp_path)] == [
        ("start", "acme-00"),
        ("start", "acme-10"),
        ("end", "acme-10"),
        ("end", "acme-00"),
    ]


LOCKED = (
    _SESSION
    + """
from pulumi_fusion.sessions.audit import AuditLog
from pulumi_fusion.sessions.audit.file import locked
log = AuditLog(pathlib.Path("audit.jsonl"))
log.append("note", "first", {})
inside, done = threading.Event(), threading.Event()
def hold():
    with locked(log.path):
        inside.set()
        done.wait()
holder = threading.Thread(target=hold)
holder.start()
inside.wait()
reading, writing = os.pipe()
if (pid := os.fork()) == 0:
    os.close(writing)
    os.read(reading, 1)
    os._exit(0)
done.set()
holder.join()
began = time.monotonic()
log.append("note", "second", {})
print(json.dumps(time.monotonic() - began))
os.close(writing)
os.waitpid(pid, 0)
"""
)


def test_a_child_has_no_lock_of_the_audit(emulator: Emulator, tmp_path: Path) -> None:
    assert run(LOCKED, tmp_path, emulator.netosecret) < 5


HANDLER = (
    _SESSION
    + """
children = []
signal.signal(signal.SIGALRM, lambda *_: children.append(os.fork()))
with session() as opened:
    signal.setitimer(signal.ITIMER_REAL, 0.4)
    got = tried(lambda: opened.get("/api/v1/users"))
    if children == [0]:
        assert "was forked inside it" in got[0][1], got
    else:
        assert os.waitpid(children[0], 0)[1] == 0
        print(json.dumps(got[0][0]))
"""
)


@pytest.mark.parametrize("fault", ["delay=1.5 x1", "503 retry-after=2 x1"])
def test_a_signal_handler_that_forks_during_a_call_leaves_one_session(
    emulator: Emulator, tmp_path: Path, fault: str
) -> None:
    emulator.faults.add(f"GET /users {fault}")
    assert run(HANDLER, tmp_path, emulator.netosecret) == "done"
    assert [each["event"] for each in records(tmp_path)] == ["start", "end"]


ENDPOINT = (
    _SESSION
    + """
import socket
from urllib.parse import urlsplit
from pulumi_fusion.api.credentials import Netosecret
from pulumi_fusion.redaction import Secret

def refused(where):
    try:
        socket.create_connection(where, timeout=2).close()
    except ConnectionRefusedError:
        return True
    return False

with session() as opened:
    parts = urlsplit(Netosecret.parse(Secret(opened.environ()["NETOSECRET"])).url)
    where = parts.hostname, parts.port
    held = socket.create_connection(where)  # a connection of a subprocess, which the endpoint has accepted
    held.sendall(b"GET")
    time.sleep(0.3)
    reading, writing = os.pipe()
    if (pid := os.fork()) == 0:
        os.close(writing)
        held.close()
        with contextlib.suppress(Exception):
            opened._subprocesses.close()
        asked = tried(opened.environ)[0]
        assert asked[0] == "SessionEnded", asked
        os.read(reading, 1)
        os._exit(0)
    time.sleep(0.5)
    works = not refused(where)
    held.sendall(b" /x HTTP/1.1\\r\\nHost: x\\r\\n\\r\\n")
    answered = held.recv(12)
    held.close()
closed = refused(where)
os.close(writing)
print(json.dumps([works, answered.decode(), closed, os.waitpid(pid, 0)[1]]))
"""
)


@pytest.mark.threat("outlives-the-end")
def test_a_child_has_no_port_of_the_endpoint_and_does_not_close_it(emulator: Emulator, tmp_path: Path) -> None:
    assert run(ENDPOINT, tmp_path, emulator.netosecret) == [True, "HTTP/1.1 403", True, 0]
