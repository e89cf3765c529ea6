"""Any content of a state file is a valid state, or refused with the reason, and then stays as it is."""

from __future__ import annotations

import functools
import gzip
import json
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fusion_emulator import Emulator, StateFileUnreadable
from fusion_emulator.documents import InvalidStateError, read, written
from tests.benchmarks.process import PROGRAM
from tests.contract.emulator.caller import Caller
from tests.contract.emulator.invariants import broken
from tests.contract.emulator.test_state_file import EARLIER
from tests.scale import scaled

Document = dict[str, Any]
Edit = Callable[[Document], object]


@functools.cache
def content() -> bytes:
    """Return the content of a state file with changes: accounts in three levels, a user, two keys, tokens."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "state.json"
        with Emulator(state=path) as emulator:
            emulator.seed("reseller", type="reseller")
            emulator.seed("leaf-co", parent="reseller", organization="Grüße 🦄")
            emulator.seed("other-co")
            caller = Caller(emulator.netosecret, shortname="reseller")
            caller.authenticate()
            emulator.key("reseller")
            emulator.remove("other-co")
            return path.read_bytes()


def whole() -> Document:
    document: Document = json.loads(written(read(content()).state))
    return document


def secrets(document: Document) -> set[str]:
    """Return all that must not be in a message."""
    accounts, keys = document["accounts"].values(), document["keys"].values()
    return {
        document["signing_key"],
        *(each["sharedsecret"] for each in accounts),
        *(each["appkey"] for each in keys),
        *document["sessions"],
        *document["seen"],
    }


def outcome(changed: bytes) -> str:
    """Return why a content is refused, "" if it is a state, which is a valid one then."""
    try:
        state = read(changed).state
    except InvalidStateError as refused:
        text = str(refused)
        assert text.isprintable() and len(text) < 2000
        assert "remove" not in text.lower()
        assert text.endswith((". Correct it, or restore a copy.", "hoose another file.", "with iconv.")), text
        assert not any(secret in text for secret in secrets(whole()))
        return text
    document = json.loads(written(state))
    assert not broken(document)
    assert read(written(state).encode()).state == state
    return ""


@settings(max_examples=scaled(150, nightly=20_000))
@given(
    st.one_of(
        st.binary(max_size=200),
        st.text(max_size=200).map(str.encode),
        st.binary(max_size=50).map(lambda more: content() + more),
        st.binary(max_size=5).map(lambda first: first + content()),
    )
)
def test_any_bytes(changed: bytes) -> None:
    outcome(changed)


def test_any_part_of_a_file() -> None:
    """A file that ends in its last line is one without this line; one that ends in its first line is refused."""
    first, last = content().index(b"\n"), content().rindex(b"\n", 0, -1)
    for length in range(1, len(content()), scaled(97, nightly=1)):
        assert bool(outcome(content()[:length])) == (length < first)
    for length in range(last + 1, len(content()), scaled(23, nightly=1)):
        found = read(content()[:length])
        assert (found.state, found.length) == (read(content()[: last + 1]).state, last + 1)


@settings(max_examples=scaled(200, nightly=50_000))
@given(st.data())
def test_any_changed_bytes(data: st.DataObject) -> None:
    changed = bytearray(content())
    for _ in range(data.draw(st.integers(1, 3))):
        changed[data.draw(st.integers(0, len(changed) - 1))] = data.draw(st.integers(0, 255))
    outcome(bytes(changed))


@settings(max_examples=scaled(100, nightly=10_000))
@given(st.data())
def test_any_lines(data: st.DataObject) -> None:
    lines = content().splitlines(keepends=True)
    outcome(b"".join(data.draw(st.lists(st.sampled_from(lines), max_size=2 * len(lines)))))
    assert not outcome(b"".join(lines)), "the file itself"


VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**320), 10**320)
    | st.integers(-5, 70_000)
    | st.floats()
    | st.text(st.characters(exclude_categories=[]), max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


CHANGES = st.dictionaries(
    st.sampled_from(["accounts", "users", "sessions", "seen", "root", "minted", "whole", "format", "x"]),
    VALUES,
    max_size=2,
)


@settings(max_examples=scaled(100, nightly=20_000))
@given(CHANGES | st.builds(lambda fields: {"whole": {**whole(), **fields}}, CHANGES))
def test_any_change(change: Document) -> None:
    outcome(content() + (json.dumps(change) + "\n").encode())


@settings(max_examples=scaled(200, nightly=50_000))
@given(st.data())
def test_any_changed_value(data: st.DataObject) -> None:
    """A value at any place is replaced, removed or added; as a whole state, and as one of the earlier format."""
    document = data.draw(st.sampled_from([whole(), json.loads(EARLIER.read_bytes())]))
    place: Any = document
    while True:
        key = data.draw(st.sampled_from(sorted(place) if isinstance(place, dict) else range(len(place))))
        if not isinstance(place[key], dict | list) or not place[key] or data.draw(st.booleans()):
            break
        place = place[key]
    match data.draw(st.sampled_from(["replace", "remove", "add"])):
        case "remove":
            del place[key]
        case "add" if isinstance(place, dict):
            place[data.draw(st.text(max_size=8))] = data.draw(VALUES | st.just(place[key]))
        case _:
            place[key] = data.draw(VALUES)
    outcome((json.dumps(document) + "\n").encode())


def first(document: Document, table: str) -> Document:
    """Return the newest value of a table."""
    value: Document = list(document[table].values())[-1]
    return value


REFUSED: list[tuple[str, Edit, str]] = [
    ("a newer format", lambda it: it.update(format=3), r"format 3, and this version reads formats up to 2. Update"),
    ("no format", lambda it: it.pop("format"), "It is not a state of this emulator. Choose another file"),
    ("an unknown root", lambda it: it.update(root="nobody"), "root: no account has the id 'nobody'"),
    ("an unknown key", lambda it: it.update(own_key="nobody"), "own_key: no API key has the id 'nobody'"),
    ("a ghost", lambda it: first(it, "accounts").update(parent="gone"), "parent 'gone' of 'leaf-co' does not exist"),
    (
        "a cycle",
        lambda it: first(it, "accounts").update(parent=first(it, "accounts")["id"]),
        "'leaf-co' is below itself",
    ),
    ("a second root", lambda it: first(it, "accounts").update(parent=None), "'leaf-co' has no parent"),
    ("a name twice", lambda it: first(it, "accounts").update(shortname="reseller"), "2 have the shortname 'reseller'"),
    ("a port twice", lambda it: first(it, "accounts").update(ingest_port=2000), "2 have the ingest port 2000"),
    ("no port", lambda it: first(it, "accounts").update(ingest_port=0), "ingest port 0 is not between 1 and 65535"),
    ("another id", lambda it: first(it, "users").update(id="x"), "its id is 'x'"),
    ("a wrong type", lambda it: first(it, "accounts").update(retention="90"), "retention: Input should be a valid int"),
    ("an unknown field", lambda it: first(it, "keys").update(appKey="x"), "appKey: there is no such field"),
    ("an unknown table", lambda it: it.update(roles={}), "roles: there is no such field"),
    ("a missing field", lambda it: first(it, "users").pop("email"), "email: required"),
    ("a user of nobody", lambda it: first(it, "users").update(account="x"), "the account 'x' does not exist"),
    (
        "a token of nobody",
        lambda it: first(it, "sessions").update(account="x"),
        r"sessions\.\.\.\..* 'x' does not exist",
    ),
    ("an odd token", lambda it: first(it, "sessions").update(expires=None), r"sessions\.\*\.expires: Input should be"),
    ("an odd id", lambda it: it["users"].update({"a\nb\x1b": {}}), r"users.a\\nb\\x1b.id: required"),
    ("deep", lambda it: it.update(root=json.loads("[" * 400 + "]" * 400)), "nested too deeply"),
]


@pytest.mark.parametrize(("edit", "reason"), [case[1:] for case in REFUSED], ids=[case[0] for case in REFUSED])
def test_what_the_service_cannot_work_with_is_refused(edit: Edit, reason: str) -> None:
    document = whole()
    edit(document)
    with pytest.raises(InvalidStateError, match=reason):
        read((json.dumps(document) + "\n").encode())
    outcome((json.dumps(document) + "\n").encode())


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        (lambda it: it.decode().encode("utf-16"), "UTF-16 or UTF-32"),
        (lambda it: it.decode().encode("utf-16-be"), "UTF-16 or UTF-32"),
        (lambda it: it.decode().encode("utf-32"), "UTF-16 or UTF-32"),
        (lambda it: it[:50] + b"\xff" + it[50:], "not UTF-8 at byte 50"),
        (lambda it: gzip.compress(it), "not UTF-8 at byte 1"),
        (lambda it: b"\0" * 100, "not a JSON object. Choose another file"),
        (lambda it: b"The state of the customers\n", "not a JSON object. Choose another file"),
        (lambda it: b" \n", "not a JSON object. Choose another file"),
        (lambda it: b"[" * 100_000, "Line 1: it is nested too deeply"),
        (lambda it: it + b"[" * 100_000 + b"\n", "Line 8: it is nested too deeply"),
        (lambda it: it + b'{"minted":' + b"1" * 5000 + b"}\n", "Line 8: a number is too large"),
        (lambda it: it + b'{"seen":{"x":1e999}}\n', "Line 8: a number is too large"),
        (lambda it: it + b'{"seen":{"x":NaN}}\n', "Line 8: NaN is not a number"),
        (lambda it: it + b'{"seen":{"\\ud800":1}}\n', "Line 8: a text has half of a surrogate pair"),
        (lambda it: it + b'{"minted":1,"minted":2}\n', "Line 8: the field 'minted' appears twice"),
        (lambda it: it + b'{"seen":{"x":1,"x":2}}\n', "Line 8: an id appears twice"),
        (lambda it: it + b'{"minted":1\n', "Line 8, column 12: it is not valid JSON"),
        (lambda it: it + b"[]\n", "Line 8 is not a change of a state"),
        (lambda it: it.replace(b"\n", b" x\n", 1), "Line 1, column .*: there is more after its end"),
        (lambda it: it + it, "format: there is no such field"),
    ],
    ids=lambda value: value[:30] if isinstance(value, str) else "",
)
def test_a_message_names_the_place_and_the_reason(changed: Callable[[bytes], bytes], reason: str) -> None:
    with pytest.raises(InvalidStateError, match=reason):
        read(changed(content()))
    outcome(changed(content()))


@pytest.mark.parametrize(
    "same",
    [
        lambda it: b"\xef\xbb\xbf" + it,
        lambda it: b"\n \n" + it,
        lambda it: it + b"\n\n",
        lambda it: it.replace(b"\n", b"\r\n"),
        lambda it: it.replace(b"\n", b"\n\n"),
        lambda it: it + b'{"accou',
        lambda it: json.dumps(whole(), indent=2).encode(),
    ],
    ids=["bom", "blank before", "blank after", "crlf", "blank between", "unfinished", "edited"],
)
@pytest.mark.parametrize("linked", [False, True])
def test_a_file_that_an_editor_saved_is_read_and_used_on(
    tmp_path: Path, same: Callable[[bytes], bytes], linked: bool
) -> None:
    path = tmp_path / "state.json"
    path.write_bytes(same(content()))
    if linked:
        (tmp_path / "link.json").hardlink_to(path)
    with Emulator(state=path) as emulator:
        assert json.loads(written(emulator._running.state)) == whole()
        emulator.seed("added-co")
    with Emulator(state=path) as emulator:
        assert emulator.account("added-co")
        assert emulator.account("leaf-co")


def test_the_command_names_the_file_and_does_not_change_it(tmp_path: Path) -> None:
    document = whole()
    first(document, "accounts")["parent"] = "gone"
    path = tmp_path / "state.json"
    path.write_text(json.dumps(document))
    before = path.read_bytes()
    done = subprocess.run([PROGRAM, "emulator", "--state", path], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith(
        f"Error: cannot read the state file {path}. accounts.{first(document, 'accounts')['id']}"
    )
    assert done.stderr.endswith("does not exist. Correct it, or restore a copy.\n")
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]
    with pytest.raises(StateFileUnreadable):
        Emulator(state=path).start()
