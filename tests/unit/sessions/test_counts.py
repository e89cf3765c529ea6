"""What a session counts, and what it reports of it at its end."""

from __future__ import annotations

import json
import re
import time

import pytest

from pulumi_fusion.sessions.bounds import RefusedKind
from pulumi_fusion.sessions.counts import Counts
from pulumi_fusion.sessions.end_report import (
    end_line,
    helper_died_text,
    lasting_effects,
    raw_token_validity,
    remaining_access,
)
from pulumi_fusion.sessions.request import SessionRequest

USER = "/api/v1/user"
READING, WRITING, RAW = (
    SessionRequest("acme-corp", "INC-1234 ingest check", write=write, raw_token=raw)
    for write, raw in ((False, False), (True, False), (False, True))
)


def test_a_change_is_counted_as_made_unknown_or_not_at_all() -> None:
    counts = Counts()
    for changed in (True, True, None, False):
        counts.sent("POST", USER)
        counts.finished("POST", USER, changed)
    counts.sent("DELETE", f"{USER}/7?x=y")  # still under way
    for path in ("/api/v1/search/flow", "/api/v1/stats/flow/ts"):
        counts.sent("POST", path)
        counts.finished("POST", path, True)
    counts.sent("GET", "/api/v1/users")
    counts.finished("GET", "/api/v1/users", True)
    facts = counts.facts()
    assert facts["requests"] == {"POST": 6, "DELETE": 1, "GET": 1}
    assert facts["changes"] == {
        "made": 2,
        "made_paths": {"POST /api/v1/user": 2},
        "unknown": 2,
        "unknown_paths": {"POST /api/v1/user": 1, "DELETE /api/v1/user/7": 1},
    }
    assert counts.facts() == facts


@pytest.mark.threat("fills-the-audit")
def test_the_size_of_the_counts_is_bounded() -> None:
    counts = Counts()
    for number in range(300):
        for changed in (True, False, None):
            path = f"{USER}/{number}{'x' * 500}"
            counts.sent("PUT", path)
            counts.finished("PUT", path, changed)
        counts.sent("PUT", f"{USER}/under-way-{number}")
        counts.refused("writes")
    facts = counts.facts()
    assert len(json.dumps(facts)) < 60_000
    assert (facts["changes"]["made"], facts["changes"]["unknown"]) == (300, 600)
    assert facts["refused"] == {"writes": 300}


def test_failed_changes_do_not_displace_made_ones() -> None:
    counts = Counts()
    for number in range(100):
        counts.sent("PUT", f"{USER}/{number}")
        counts.finished("PUT", f"{USER}/{number}", None if number % 2 else False)
    counts.sent("POST", "/api/v1/api-keys")
    counts.finished("POST", "/api/v1/api-keys", True)
    assert counts.facts()["changes"]["made_paths"] == {"POST /api/v1/api-keys": 1}


def report(counts: Counts) -> list[str]:
    return lasting_effects("acme-corp", {"seconds": 5, **counts.facts()})


def test_only_what_changed_something_outlives_a_session() -> None:
    counts = Counts()
    counts.sent("GET", "/api/v1/users")
    counts.sent("POST", USER)
    counts.finished("POST", USER, False)
    assert report(counts) == []
    counts.sent("POST", USER)
    counts.finished("POST", USER, True)
    assert report(counts) == [
        "1 request changed something inside acme-corp: POST /api/v1/user. "
        "What they created there (API keys, users) remains."
    ]
    for number in range(7):
        counts.sent("DELETE", f"{USER}/{number}")
        counts.finished("DELETE", f"{USER}/{number}", True)
    counts.sent("PUT", USER)
    made, unknown = report(counts)
    assert made.startswith("8 requests changed something inside acme-corp: POST /api/v1/user, DELETE /api/v1/user/0, ")
    assert "DELETE /api/v1/user/3 and 3 more. " in made
    assert unknown.startswith(
        "1 request may have changed something inside acme-corp, since the outcome is unknown: PUT "
    )


def test_the_end_line_has_the_refused_requests_by_kind() -> None:
    counts = Counts()
    counts.sent("GET", "/api/v1/users")
    kinds: list[RefusedKind] = ["writes", "token routes", "writes"]
    for kind in kinds:
        counts.refused(kind)
    assert end_line("acme-corp", "exit code 0", {"seconds": 65, **counts.facts()}) == (
        "MASQUERADE ENDED acme-corp after 1 min 5 s: exit code 0; 1 GET, 3 refused (token routes: 1, writes: 2)"
    )


def test_what_a_raw_token_was_used_for_is_unknown() -> None:
    counts = {"seconds": 65, **Counts.no_facts()}
    assert end_line("acme-corp", "exit code 0", counts).endswith("; what the raw token was used for is unknown")
    [sentence] = lasting_effects("acme-corp", counts, time.time() + 7260)
    assert "neither limited nor counted" in sentence
    assert "may still work until" in sentence


def test_a_raw_token_works_until_a_moment_in_local_time(monkeypatch: pytest.MonkeyPatch) -> None:
    expires = time.time() + 23 * 3600 + 50 * 60
    with monkeypatch.context() as within:
        within.setenv("TZ", "CET-1")
        time.tzset()
        words = raw_token_validity(expires)
    time.tzset()
    at = time.strftime("%Y-%m-%d %H:%M", time.gmtime(expires + 3600))
    assert words == f"may still work until {at} CET (in 23 h 50 min)"
    assert raw_token_validity(time.time() - 100).startswith("was to end at ")
    assert re.search("its expiry is unknown", raw_token_validity(None))


def test_the_last_words_of_a_helper_that_died() -> None:
    assert helper_died_text(READING, None) == "and its access is gone"
    assert helper_died_text(WRITING, None).endswith("; what it changed inside the customer, if anything, remains")
    assert helper_died_text(RAW, None).startswith("but the raw token may still work")


RAW_LEFT = "it is over, but the raw token that it handed out "


@pytest.mark.parametrize(
    ("start", "left"),
    [
        ({"mode": "read-only"}, "it is over, and so is its access$"),
        ({"mode": "read and write"}, "so is its access; what it changed inside the customer, if anything, remains$"),
        ({"mode": "raw token"}, f"{RAW_LEFT}may still work$"),
        ({"mode": "raw token", "token_ends": 7}, f"{RAW_LEFT}may still work$"),
        ({"mode": "raw token", "token_ends": "2020-01-01T00:00:00+00:00"}, f"{RAW_LEFT}was to end at "),
        ({"mode": "raw token", "token_ends": "2999-01-01T00:00:00+00:00"}, f"{RAW_LEFT}may still work until "),
    ],
)
def test_what_is_left_of_a_session_without_an_end(start: dict[str, object], left: str) -> None:
    assert re.search(left, remaining_access(start))
