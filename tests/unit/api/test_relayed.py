"""What of an answer is passed on, and that no form of the token is in it."""

from __future__ import annotations

import base64
import gzip
import zlib
from collections.abc import Iterable
from itertools import pairwise
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pulumi_fusion.api.relayed import Relayed, passed_on
from pulumi_fusion.errors import InDoubt
from pulumi_fusion.redaction import forms

TOKEN = "eyJhbGciOiJIUzI1NiJ9.eyJzaG9ydG5hbWUiOiJhY21lIn0.x-Y_z+/=0123456789"
Fields = Iterable[tuple[str, str]]


def relayed(fields: Fields, *pieces: bytes, status: int = 200, method: str = "GET") -> Relayed:
    return passed_on("ask", method, status, fields, iter(pieces), TOKEN)


def body(fields: Fields, *pieces: bytes) -> bytes:
    return b"".join(relayed(fields, *pieces).chunks)


def in_base64(text: str) -> list[str]:
    """As it reads inside a longer text, at each of the three offsets."""
    return [base64.b64encode(b"-" * before + text.encode() + b"-----").decode() for before in range(3)]


SHOWN = [
    TOKEN,
    *in_base64(TOKEN),
    *(each.translate(str.maketrans("+/", "-_")) for each in in_base64(TOKEN)),
    TOKEN.encode().hex(),
    TOKEN.encode().hex().upper(),
    quote(TOKEN, safe=""),
    quote(TOKEN, safe="").replace("%2B", "%2b").replace("%2F", "%2f").replace("%3D", "%3d"),
    "".join(f"%{each:02x}" for each in TOKEN.encode()),
    TOKEN.replace("/", "\\/"),
]


@pytest.mark.threat("reads-the-token")
@given(
    shown=st.lists(st.sampled_from(SHOWN) | st.text(max_size=5) | st.sampled_from([TOKEN[:9], TOKEN[:-1]]), max_size=4),
    cuts=st.lists(st.integers(min_value=0, max_value=2000), max_size=6),
)
def test_no_form_of_the_token_is_in_a_body_however_it_is_cut(shown: list[str], cuts: list[int]) -> None:
    text = " ".join(shown).encode()
    at = sorted({0, len(text), *(min(each, len(text)) for each in cuts)})
    got = body([], *(text[begin:end] for begin, end in pairwise(at)))
    assert len(got) == len(text)
    assert not [form for form in forms(TOKEN) if form.encode() in got]
    assert got == body([], text)
    if TOKEN[:9] in shown:
        assert TOKEN[:9].encode() in got


@pytest.mark.threat("reads-the-token")
@pytest.mark.parametrize("shown", SHOWN)
def test_no_form_of_the_token_is_in_a_header(shown: str) -> None:
    headers = relayed([("X-Echo", f"before {shown} after"), (f"X-{shown[:30]}", "kept")]).headers
    assert headers["x-echo"].startswith("before ")
    assert headers["x-echo"].endswith(" after")
    assert not [form for form in forms(TOKEN) if form in headers["x-echo"]]


def test_a_name_that_holds_the_token_is_masked() -> None:
    secret = "abcdef0123456789"
    headers = passed_on("ask", "GET", 200, [(f"X-{secret}", "1")], iter(()), secret).headers
    assert headers == {"x-" + "*" * 16: "1"}


PACKED = gzip.compress(b"the whole answer", mtime=0)
RAW_DEFLATE = zlib.compressobj(wbits=-15)
DEFLATED = RAW_DEFLATE.compress(b"the whole answer") + RAW_DEFLATE.flush()


@pytest.mark.parametrize(
    ("coding", "packed"),
    [
        ("gzip", PACKED),
        ("x-gzip", PACKED),
        ("GZip", PACKED),
        ("gzip, identity", PACKED),
        ("identity,,gzip", PACKED),
        ("gzip", gzip.compress(b"the whole ", mtime=0) + gzip.compress(b"answer", mtime=0) + b"\0" * 7),
        ("deflate", zlib.compress(b"the whole answer")),
        ("deflate", DEFLATED),
        ("deflate, gzip", gzip.compress(zlib.compress(b"the whole answer"), mtime=0)),
        ("gzip, x-gzip", gzip.compress(PACKED, mtime=0)),
        ("identity", b"the whole answer"),
    ],
)
@pytest.mark.parametrize("size", [1, 2, 5, 1000])
def test_an_answer_is_decoded_from_whatever_it_was_asked_for(coding: str, packed: bytes, size: int) -> None:
    fields = [("Content-Encoding", coding), ("Content-Length", str(len(packed)))]
    pieces = [packed[at : at + size] for at in range(0, len(packed), size)]
    assert body(fields, *pieces) == b"the whole answer"
    answer = relayed(fields, packed)
    assert answer.length == (len(packed) if coding == "identity" else None)
    assert not {"content-encoding", "content-length"} & {*answer.headers}


def test_a_long_answer_is_decoded_in_pieces_of_a_bounded_size() -> None:
    long = b"a" * 5_000_000
    pieces = [*relayed([("Content-Encoding", "gzip")], gzip.compress(long)).chunks]
    assert b"".join(pieces) == long
    assert max(map(len, pieces)) <= 64 * 1024


@pytest.mark.parametrize(
    "coding", ["br", "gzip, br", "br, gzip", "zstd", "compress", "x", "gzip, gzip, gzip, gzip", "\x1b"]
)
def test_a_coding_in_which_nothing_can_be_masked_is_refused(coding: str) -> None:
    with pytest.raises(InDoubt, match="in a coding that it was not asked for"):
        relayed([("Content-Encoding", coding)], b"x")
    for method, status in (("HEAD", 200), ("GET", 304)):
        assert relayed([("Content-Encoding", coding)], method=method, status=status).has_body is False


@pytest.mark.parametrize(
    "packed", [PACKED[:-1], PACKED[:-9], PACKED[:1], PACKED + b"x", PACKED + b"more", b"no gzip at all"]
)
def test_a_compressed_answer_that_is_not_whole_is_noticed(packed: bytes) -> None:
    with pytest.raises(InDoubt, match=r"cut short|could not be decompressed"):
        body([("Content-Encoding", "gzip")], packed)


@pytest.mark.threat("mixes-up-answers")
@pytest.mark.parametrize(
    "fields",
    [
        [("Content-Length", each)]
        for each in ("", "abc", "-1", "+1", "1 1", "0x1", "1.0", "1_0", "1, 1", "1, 2", "1,", "9" * 19, "\u00b2")
    ]
    + [
        [("Content-Length", "5"), ("content-length", "5")],
        [("Content-Length", "5"), ("Content-Length", "6")],
        [("Content-Length", "5"), ("Transfer-Encoding", "chunked")],
        [("Transfer-Encoding", "gzip, chunked")],
        [("Transfer-Encoding", "chunked, identity")],
        [("Transfer-Encoding", "chunked"), ("Transfer-Encoding", "chunked")],
        [("Transfer-Encoding", "identity")],
        [("Transfer-Encoding", "")],
    ],
)
def test_an_answer_whose_end_two_readers_could_see_elsewhere_is_refused(fields: Fields) -> None:
    for method in ("GET", "HEAD"):
        with pytest.raises(InDoubt, match=r"invalid Content-Length|ambiguous transfer coding"):
            relayed(fields, b"first", method=method)


def test_headers_of_the_connection_and_what_leads_elsewhere_stay_back() -> None:
    fields = [
        ("Connection", "close, X-Private"),
        ("X-Private", "1"),
        *((name, "1") for name in ("Keep-Alive", "Set-Cookie", "Location", "Refresh", "Alt-Svc", "Upgrade", "TE")),
        ("X-Folded", "one\r\n two"),
        ("X-Null", "a\0b\x1b[2J"),
        ("X Space", "1"),
        ("ETag", '"x"'),
        ("Vary", "Accept"),
        ("Vary", "Origin"),
    ]
    assert relayed(fields).headers == {
        "x-folded": "one two",
        "x-null": "a b [2J",
        "etag": '"x"',
        "vary": "Accept, Origin",
    }
