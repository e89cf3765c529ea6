"""An emulator that gets any requests and is restarted or killed in any order, and what must be true then."""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
import threading
from collections import Counter
from collections.abc import Callable
from http.client import HTTPException
from pathlib import Path
from typing import Any, Protocol

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from fusion_emulator import ROOT, Emulator, StateFileBusy
from tests.contract.emulator.caller import Caller, Reply, customer
from tests.contract.emulator.inputs import EDITS, FIELDS, LINES, NAMES, SWITCHES, some
from tests.contract.emulator.invariants import broken, is_tree

__all__ = ["AnySequence", "Copied", "Running"]

CONTROL = "/_emulator"


class Running(Protocol):
    """A running emulator with a state file."""

    netosecret: str
    path: Path

    def stop(self) -> None:
        """End it in an orderly way."""

    def kill(self) -> Path:
        """End it at once, also within a request, and return where its state file is."""


class Copied:
    """An emulator of this process. A kill leaves its file as it is at that moment, which is what a copy has."""

    def __init__(self, path: Path) -> None:
        self.path, self._emulator = path, Emulator(state=path)
        self._emulator.start()
        self.netosecret = self._emulator.netosecret

    def stop(self) -> None:
        self._emulator.stop()

    def kill(self) -> Path:
        copy = Path(tempfile.mkdtemp(dir=self.path.parents[1])) / self.path.name
        shutil.copyfile(self.path, copy)
        (copy.parent / f".{copy.name}.draft-killed").write_bytes(b'{"format":')
        self.stop()
        return copy


class AnySequence(RuleBasedStateMachine):
    """``callers`` are the credentials and tokens that were given so far."""

    start: Callable[[Path], Running] = Copied
    sequences = restarts = requests = 0

    @initialize()
    def begin(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="sequence-"))
        self.linked = False
        self.running = type(self).start(self.folder / "first" / "state.json")
        self.root = Caller(self.running.netosecret)
        assert self.root.authenticate().status == 200
        self.callers = [self.root]
        self.snapshots: list[Any] = [self.control("GET", "/snapshot").json]
        for number, parent in enumerate([ROOT, *NAMES[:2], ROOT]):
            assert self.control("POST", "/accounts", {"shortname": NAMES[number], "parent": parent}).status == 200
        type(self).sequences += 1

    def teardown(self) -> None:
        if sys.exc_info()[0] is None:
            self.end_and_start(kill=True)
        self.running.stop()
        shutil.rmtree(self.folder)

    # Requests of the API.

    @rule(data=st.data(), fields=some(FIELDS), name=st.sampled_from(NAMES))
    def create(self, data: st.DataObject, fields: dict[str, Any], name: str) -> None:
        caller = data.draw(st.sampled_from(self.callers))
        self.send(caller, "POST", "/api/v1/customer", {**customer(shortname=name), **fields})

    @rule(data=st.data(), fields=some(FIELDS), name=st.sampled_from([*NAMES, ROOT]))
    def update(self, data: st.DataObject, fields: dict[str, Any], name: str) -> None:
        body = {"organization": "Acme Two", "type": "reseller", "retention": 45, "rollupRetention": 90, **fields}
        self.send(data.draw(st.sampled_from(self.callers)), "PUT", f"/api/v1/customer/{name}", body)

    @rule(data=st.data(), name=st.sampled_from([*NAMES, ROOT]))
    def delete(self, data: st.DataObject, name: str) -> None:
        self.send(data.draw(st.sampled_from(self.callers)), "DELETE", f"/api/v1/customer/{name}")

    @rule(data=st.data(), email=st.sampled_from(["a@example.com", "b@example.com", "nobody"]), role=st.booleans())
    def create_or_delete_user(self, data: st.DataObject, email: str, role: bool) -> None:
        caller = data.draw(st.sampled_from(self.callers))
        listed = self.send(caller, "GET", "/api/v1/users")
        users = listed.data if listed and listed.status == 200 else []
        if users and data.draw(st.booleans()):
            self.send(caller, "DELETE", f"/api/v1/user/{data.draw(st.sampled_from(users))['id']}")
        else:
            body = {"email": email, "given_name": "A", "family_name": "B", "roles": ["admin"] if role else []}
            self.send(caller, "POST", "/api/v1/user", body)

    @rule(data=st.data(), name=st.sampled_from(["ci", "pulumi-fusion"]), role=st.sampled_from(["admin", "readonly"]))
    def create_key(self, data: st.DataObject, name: str, role: str) -> None:
        caller = data.draw(st.sampled_from(self.callers))
        made = self.send(caller, "POST", "/api/v1/api-keys", {"appname": name, "roles": [role]})
        if caller is self.root and made and made.status == 201:
            other = Caller(self.root.netosecret)
            other.secret = {**self.root.secret, "appname": name, "appkey": made.data["appkey"]}
            self.callers.append(other)

    @rule(data=st.data(), name=st.sampled_from([*NAMES, ROOT]))
    def exchange(self, data: st.DataObject, name: str) -> None:
        """Get a token of a credential, for its own account or one below."""
        known = data.draw(st.sampled_from(self.callers))
        caller = Caller(known.netosecret, shortname=name)
        caller.secret = {**known.secret}
        if (reply := self.send(caller, "POST", "/api/v1/auth/token", {"jwt": caller.request_token()})) is None:
            return
        if reply.status == 200 and b"access_token" in reply.body:
            caller.token = json.loads(reply.body)["access_token"]
            self.callers.append(caller)

    @rule(data=st.data(), addresses=st.sampled_from([[], ["127.0.0.1"], ["192.0.2.1", "127.0.0.0/8"], ["nowhere"], {}]))
    def replace_addresses(self, data: st.DataObject, addresses: object) -> None:
        caller = data.draw(st.sampled_from(self.callers))
        self.send(caller, "PUT", "/api/v1/customer/access-allowed-ips", addresses)

    # Requests to the control routes.

    @rule(name=st.sampled_from([*NAMES, ROOT]), fields=some({**EDITS, "username": st.just("c@example.com")}))
    def control_create(self, name: str, fields: dict[str, Any]) -> None:
        self.control("POST", "/accounts", {"shortname": name, **fields})

    @rule(name=st.sampled_from([*NAMES, *NAMES, ROOT]), fields=some(EDITS))
    def control_change(self, name: str, fields: dict[str, Any]) -> None:
        self.control("PATCH", f"/accounts/{name}", fields)

    @rule(
        name=st.sampled_from([*NAMES, ROOT]),
        field=st.sampled_from(["parent", "shortname", "ingest_port"]),
        data=st.data(),
    )
    def control_move(self, name: str, field: str, data: st.DataObject) -> None:
        """Change what must stay a tree, or unique."""
        self.control("PATCH", f"/accounts/{name}", {field: data.draw(EDITS[field])})

    @rule(name=st.sampled_from([*NAMES, ROOT]))
    def control_delete(self, name: str) -> None:
        assert (self.control("DELETE", f"/accounts/{name}").status == 409) == (name == ROOT)

    @rule(unique=st.booleans())
    def share_shortnames(self, unique: bool) -> None:
        self.control("PATCH", "/switches", {"unique_shortnames": unique})

    @rule(changes=some(SWITCHES))
    def switch(self, changes: dict[str, Any]) -> None:
        self.control("PATCH", "/switches", changes)

    @rule(line=LINES)
    def fail(self, line: str) -> None:
        self.control("POST", "/faults", {"faults": [line]})

    @rule(seconds=st.sampled_from([-100, 3600, 10**6, 10**12, "soon"]))
    def move_clock(self, seconds: object) -> None:
        self.control("PATCH", "/clock", {"advance": seconds})

    @rule()
    def save_snapshot(self) -> None:
        self.snapshots.append(self.control("GET", "/snapshot").json)

    @rule(data=st.data(), odd=st.booleans(), field=st.sampled_from([*EDITS, "id", "users", "keys"]))
    def load_snapshot(self, data: st.DataObject, odd: bool, field: str) -> None:
        """Load a snapshot, of which an account was perhaps changed or removed."""
        loaded = json.loads(json.dumps(data.draw(st.sampled_from(self.snapshots))))
        if odd and len(loaded["accounts"]) > 1:
            one, other = data.draw(st.lists(st.sampled_from(loaded["accounts"]), min_size=2, max_size=2))
            one[field] = other[field] if data.draw(st.booleans()) else data.draw(EDITS.get(field, st.none()))
        if odd and data.draw(st.booleans()):
            del loaded["accounts"][data.draw(st.integers(0, len(loaded["accounts"]) - 1))]
        before = self.control("GET", "/snapshot").json
        if self.control("PUT", "/snapshot", loaded).status != 200:
            assert self.control("GET", "/snapshot").json == before
        self.authenticate()

    @rule(parts=st.lists(st.sampled_from(["accounts", "faults", "switches", "requests", "clock", "all"]), max_size=3))
    def reset(self, parts: list[str]) -> None:
        self.control("POST", "/reset", {"only": parts})
        self.authenticate()

    def authenticate(self) -> None:
        """Get a token of the emulator's credential, which no change of all accounts makes invalid."""
        self.control("DELETE", "/faults")
        self.control("DELETE", "/clock")
        assert self.root.authenticate().status == 200

    # Ends and starts.

    @rule(kill=st.booleans())
    def end_and_start(self, kill: bool) -> None:
        """Whatever was acknowledged is there, and so are the credentials and tokens."""
        before = self.view()
        self.again(kill=kill)
        assert self.view() == before

    @rule(at=st.integers(0, 12))
    def kill_within_requests(self, at: int) -> None:
        """Of requests that have no answer yet, each is there wholly or not at all."""
        before = self.view()
        sent: list[str] = []
        acknowledged: list[str] = []
        enough = threading.Event()
        root = Caller(self.running.netosecret, token=self.root.token)

        def create() -> None:
            for number in range(at + 3):
                sent.append(f"flight-{number:02}")
                try:
                    reply = root.create(shortname=sent[-1])
                except (OSError, HTTPException):
                    return
                finally:
                    if number == at:
                        enough.set()
                if reply.status == 201:
                    acknowledged.append(sent[-1])

        self.control("PATCH", "/switches", {"types": "customer=SLG,reseller=MSSP", "parents": "any"})
        thread = threading.Thread(target=create)
        thread.start()
        enough.wait(30)
        certain = list(acknowledged)
        self.again(kill=True, meanwhile=thread.join)
        found = [each["shortname"] for each in self.accounts() if each["shortname"].startswith("flight-")]
        assert set(certain) <= set(found) <= set(sent)
        for name in found:
            assert self.control("DELETE", f"/accounts/{name}").status == 204
        # The mails of the deleted accounts stay.
        assert Counter(map(str, self.view()["accounts"])) == Counter(map(str, before["accounts"]))

    @rule(way=st.sampled_from(["same", "symlink", "hard link"]))
    def a_second_emulator(self, way: str) -> None:
        other = self.folder / "other.json"
        other.unlink(missing_ok=True)
        if way == "symlink":
            other.symlink_to(self.running.path)
        elif way == "hard link":
            other.hardlink_to(self.running.path)
        with pytest.raises(StateFileBusy):
            Emulator(state=self.running.path if way == "same" else other).start()
        self.linked = way == "hard link"

    def again(self, *, kill: bool, meanwhile: Callable[[], object] = lambda: None) -> None:
        """End the emulator and start another one on its file, at another port."""
        if kill:
            path = self.running.kill()
        else:
            self.running.stop()
            path = self.running.path
        meanwhile()
        self.linked = path.stat().st_nlink > 1
        self.running = type(self).start(path)
        secret = Caller(self.running.netosecret).secret
        assert secret == {**self.root.secret, "url": secret["url"]}
        for caller in self.callers:
            caller.secret["url"] = secret["url"]
        assert self.root.send("POST", "/api/v1/auth/token", {"jwt": self.root.request_token()}).status == 200
        assert [each.name for each in path.parent.iterdir()] == [path.name]
        if not self.linked:
            # It was rewritten as a whole state, unless it was one.
            assert not broken(json.loads(path.read_bytes().partition(b"\n")[0]))
        type(self).restarts += 1

    # What must be true.

    @invariant()
    def accounts_are_a_tree(self) -> None:
        accounts = self.accounts()
        assert len({each["id"] for each in accounts}) == len(accounts)
        assert len({each["ingest_port"] for each in accounts} | {2000}) == len(accounts) + 1
        names = [each["shortname"] for each in accounts]
        if self.control("GET", "/switches").json["unique_shortnames"]:
            assert len({*names, ROOT}) == len(names) + 1
            assert is_tree({ROOT: None, **{each["shortname"]: each["parent"] for each in accounts}}, ROOT)

    def accounts(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.control("GET", "/accounts").json
        return found

    def view(self) -> dict[str, Any]:
        """Return all that can be read: accounts, mails, and what each token may see."""
        self.control("DELETE", "/faults")
        self.control("DELETE", "/clock")
        answers = [caller.send("GET", "/api/v1/users") for caller in self.callers]
        return {
            "accounts": self.accounts(),
            "snapshot": self.control("GET", "/snapshot").json,
            "mails": self.control("GET", "/mails").json,
            "tokens": [(answer.status, answer.json.get("data")) for answer in answers],
        }

    def control(self, method: str, path: str, body: object = None) -> Reply:
        type(self).requests += 1
        reply = self.root.send(method, CONTROL + path, body)
        assert reply.status < 500, reply.body
        return reply

    def send(self, caller: Caller, method: str, path: str, body: object = None) -> Reply | None:
        """Return the reply, None where a fault cut it off. An answer of 5xx must be one of a fault."""
        type(self).requests += 1
        faults = self.control("GET", "/faults").json
        try:
            reply = caller.send(method, path, body)
        except (OSError, HTTPException):
            assert faults
            return None
        assert reply.status < 500 or faults, reply.body
        return reply
