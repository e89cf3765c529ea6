"""The chain of the audit: every change of a file is a break, except those that a file can't show."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pulumi_fusion.sessions.audit import examine
from pulumi_fusion.sessions.audit.chain import (
    CARRIED,
    END,
    LONGEST_LINE,
    ROTATED,
    START,
    UNCLOSED,
    ChainEnd,
    line_of,
    new_record,
)
from tests.unit.sessions.audit.files import BEFORE, FACTS, Chain, text_of

NO_RECORD = "it isn't an audit record, or was cut short"
CHANGED = "it was changed after it was written"
MOVED = "records before it were removed, added or moved"

THREE = Chain().session("s0").session("s1").session("s2").lines


def after_a_rotation() -> list[bytes]:
    chain = Chain(ChainEnd(17, "a" * 64))
    chain.add(ROTATED, "", archive="audit-20261127T120000Z.jsonl")
    for name in ("r0", "r1"):
        chain.add(CARRIED, name, start_hash="b" * 64)
    chain.add(END, "r1", start_hash="b" * 64, start_record="carried")
    return chain.session("s0").lines


FILES = {"now": THREE, "until 2026-11-27": BEFORE.read_bytes().splitlines(), "after a rotation": after_a_rotation()}


def breaks(data: bytes) -> list[tuple[int, str]]:
    return [(each.line, each.what) for each in examine(data).breaks]


def test_an_unmodified_chain_has_no_break() -> None:
    found = examine(text_of(THREE))
    assert (found.breaks, found.open) == ([], [])
    assert [record["event"] for record in found.records] == ["start", "end"] * 3
    assert [record["sequence"] for record in found.records] == [1, 2, 3, 4, 5, 6]
    assert found.records[0]["previous"] == "0" * 64
    assert [each["previous"] for each in found.records[1:]] == [each["hash"] for each in found.records[:-1]]


def changed(found: list[bytes]) -> list[bytes]:
    record = json.loads(found[2])
    return [*found[:2], json.dumps({**record, "reason": "another reason"}).encode(), *found[3:]]


@pytest.mark.parametrize(
    ("tamper", "line", "what"),
    [
        (changed, 3, CHANGED),
        (lambda found: found[:2] + found[3:], 3, MOVED),
        (lambda found: found[1:], 1, MOVED),
        (lambda found: [found[0], found[2], found[1], *found[3:]], 2, MOVED),
        (lambda found: [*found[:3], found[2], *found[3:]], 4, MOVED),
        (lambda found: [*found[:2], b"not a record", *found[2:]], 3, NO_RECORD),
        (lambda found: [*found[:2], b"", *found[2:]], 3, NO_RECORD),
        (lambda found: [*found[:-1], found[-1][:40]], 6, NO_RECORD),
        (lambda found: [*found[:2], b"[" * 100_000, *found[2:]], 3, NO_RECORD),
        (lambda found: [*found[:2], b'{"' + b" " * LONGEST_LINE, *found[2:]], 3, NO_RECORD),
    ],
)
@pytest.mark.threat("cuts-the-audit")
def test_a_modified_line_is_reported_by_its_number(
    tamper: Callable[[list[bytes]], list[bytes]], line: int, what: str
) -> None:
    assert breaks(text_of(tamper(THREE)))[0] == (line, what)


def test_consecutive_lines_that_are_not_records_are_one_break() -> None:
    assert breaks(text_of([*THREE[:2], b"x", b"", b"{", *THREE[2:], b"{}", b"y"])) == [
        (3, "from here to line 5 there are no audit records"),
        (10, "from here to line 11 there are no audit records"),
    ]


def with_another_order(line: bytes) -> bytes:
    record = json.loads(line)
    return json.dumps(dict(sorted(record.items()))).encode()


@pytest.mark.parametrize(
    "rewritten",
    [
        lambda line: line.replace(b'"reason"', b'"reason": "another reason", "reason"'),
        lambda line: line.replace(b'{"sequence"', b'{"sequence": 9, "sequence"'),
        lambda line: b"\xef\xbb\xbf" + line,
        lambda line: b" " + line,
        lambda line: line + b" ",
        lambda line: line + b"\r",
        lambda line: line + b"\0",
        lambda line: line.replace(b": ", b":"),
        lambda line: line.replace(b'"INC', b'"\\u0049NC'),
        lambda line: line.replace(b"acme-corp", b"acme\\u002dcorp"),
        lambda line: line.replace(b'"sequence": 3', b'"sequence": 3.0'),
        lambda line: line.replace(b"null", b"null, \"x\": NaN"),
        with_another_order,
    ],
)  # fmt: skip
@pytest.mark.threat("cuts-the-audit")
def test_the_hash_covers_the_raw_line(rewritten: Callable[[bytes], bytes]) -> None:
    line = rewritten(THREE[2])
    assert line != THREE[2]
    assert breaks(text_of([*THREE[:2], line, *THREE[3:]]))[0][0] == 3


@pytest.mark.parametrize("end", [b"\r\n", b"\n\n", b"\x0b\n", b"\x0c\n", b"\x1c\n", b"\x85\n"], ids=repr)
def test_only_a_line_feed_ends_a_line(end: bytes) -> None:
    assert breaks(end.join(THREE) + b"\n") != []


@pytest.mark.parametrize("file", FILES)
@given(data=st.data())
@pytest.mark.threat("cuts-the-audit")
def test_every_change_of_a_byte_is_a_break(file: str, data: st.DataObject) -> None:
    text = bytearray(text_of(FILES[file]))
    place = data.draw(st.integers(0, len(text) - 1))
    other = data.draw(st.integers(0, 255))
    what = data.draw(st.sampled_from(["changed", "removed", "added"]))
    before = bytes(text)
    if what == "changed":
        text[place] = other
    elif what == "removed":
        del text[place]
    else:
        text.insert(data.draw(st.integers(0, len(text))), other)
    assert bytes(text) == before or breaks(bytes(text))


@pytest.mark.parametrize("file", FILES)
@given(data=st.data())
@pytest.mark.threat("cuts-the-audit")
def test_every_change_of_lines_except_a_cut_end_is_a_break(file: str, data: st.DataObject) -> None:
    lines, last = list(FILES[file]), len(FILES[file]) - 1
    one, two = data.draw(st.integers(0, last)), data.draw(st.integers(0, last))
    what = data.draw(st.sampled_from(["removed", "doubled", "swapped", "moved"]))
    if what == "removed":
        del lines[one]
    elif what == "doubled":
        lines.insert(two, lines[one])
    elif what == "swapped":
        lines[one], lines[two] = lines[two], lines[one]
    else:
        lines.insert(two, lines.pop(one))
    found = examine(text_of(lines))
    if lines == FILES[file][: len(lines)]:
        assert not found.breaks
    else:
        assert found.breaks


def test_a_cut_end_shows_at_most_as_a_session_without_an_end() -> None:
    """The documented limit of the check."""
    assert [examine(text_of(THREE[:length])).breaks for length in range(1, 7)] == [[]] * 6
    assert [len(examine(text_of(THREE[:length])).open) for length in range(1, 7)] == [1, 0] * 3


def test_an_empty_file_and_a_missing_end_of_line_are_breaks() -> None:
    assert breaks(b"") == [(1, "the file is empty: its records were removed, or none was ever written")]
    assert breaks(text_of(THREE)[:-1]) == [(6, "the end of this line is missing")]
    assert breaks(text_of(THREE)[:-2]) == [(6, NO_RECORD)]
    assert breaks(text_of(THREE) + b"\n") == [(7, NO_RECORD)]


def test_records_of_earlier_versions_still_verify() -> None:
    found = examine(BEFORE.read_bytes())
    assert (found.breaks, len(found.records)) == ([], 3)
    later = Chain(ChainEnd(3, found.records[-1]["hash"]))
    later.add(END, "b" * 32, start_hash=found.records[-1]["hash"], start_record="present")
    found = examine(BEFORE.read_bytes() + later.bytes())
    assert (found.breaks, found.open) == ([], [])


@pytest.mark.parametrize(
    ("events", "line", "what"),
    [
        ((END,), 1, "it is an end without a start of the session 's'"),
        ((UNCLOSED,), 1, "it is an end without a start of the session 's'"),
        ((START, START), 2, "it is a second start of the session 's'"),
        ((START, END, START), 3, "it is a second start of the session 's'"),
        ((START, END, END), 3, "it is a second end of the session 's'"),
        ((START, END, UNCLOSED), 3, "it is a second end of the session 's'"),
        ((START, UNCLOSED, END), 3, "it is a second end of the session 's'"),
        ((END, END), 2, "it is a second end of the session 's'"),
        ((START, CARRIED), 2, "it is a second start of the session 's'"),
        ((CARRIED,), 1, "it carries the session 's' over, and no rotation is before it"),
        ((START, END, ROTATED), 3, "only the first record of a file follows a rotation"),
    ],
)
@pytest.mark.threat("cuts-the-audit")
def test_starts_and_ends_that_do_not_match_are_reported(events: tuple[str, ...], line: int, what: str) -> None:
    chain = Chain()
    for event in events:
        chain.add(event, "s")
    assert breaks(chain.bytes())[-1] == (line, what)


@pytest.mark.threat("cuts-the-audit")
def test_an_end_is_compared_with_its_start() -> None:
    chain = Chain()
    chain.add(START, "s")
    chain.add(END, "s", start_hash="f" * 64)
    assert breaks(chain.bytes()) == [(2, "it belongs to another start of the session 's' than the one in this file")]
    chain = Chain()
    start = chain.add(START, "s")
    chain.add(END, "s", start_hash=start["hash"], start_record="missing")
    assert breaks(chain.bytes()) == [(2, "the start of the session 's' was missing when it ended")]


def test_a_file_that_continues_an_archive_is_checked_from_its_first_record() -> None:
    chain = Chain(ChainEnd(17, "a" * 64))
    chain.add(ROTATED, "", archive="audit-20261127T120000Z.jsonl")
    chain.add(CARRIED, "runs", start_hash="b" * 64)
    chain.add(CARRIED, "runs too", start_hash="c" * 64)
    chain.add(END, "runs", start_hash="b" * 64, start_record="present")
    found = examine(chain.bytes())
    assert (found.breaks, [each["session"] for each in found.open]) == ([], ["runs too"])
    assert found.rotated == found.records[0]
    assert breaks(text_of(chain.lines[1:]))[0] == (1, MOVED)
    assert breaks(chain.bytes().replace(b"20261127", b"20261126"))[0] == (1, CHANGED)


@given(st.binary(max_size=300))
def test_no_content_of_an_audit_file_raises(data: bytes) -> None:
    examine(data)


@pytest.mark.parametrize(
    "value", ["9" * 4300, "-1", "0", "1e3", "true", "[]", "9007199254740992"], ids=lambda text: text[:5]
)
@pytest.mark.threat("cuts-the-audit")
def test_a_forged_sequence_is_not_a_record(value: str) -> None:
    forged = '{"sequence": ' + value + ', "event": "start", "session": "s", "previous": "", "hash": "' + "0" * 64 + '"}'
    assert breaks(forged.encode() + b"\n") == [(1, NO_RECORD)]


def test_after_the_highest_sequence_the_next_is_1() -> None:
    forged = new_record(START, "s", FACTS, ChainEnd(2**53 - 2, "0" * 64))
    after = new_record(START, "t", FACTS, ChainEnd(forged["sequence"], forged["hash"]))
    assert after["sequence"] == 1
    assert breaks(line_of(forged) + b"\n" + line_of(after) + b"\n") == [(1, MOVED)]
