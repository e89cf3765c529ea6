"""The red line of the page: the masquerade sessions that the audit file has, and the other tokens."""

from __future__ import annotations

import json
import os
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest

from fusion_emulator import Emulator
from fusion_emulator.page.sessions import audited
from tests.contract.emulator.caller import Caller
from tests.contract.emulator.visitor import LIVE, Visitor

NOW = 1_800_000_000.0


def iso(timestamp: float) -> str:
    return datetime.fromtimestamp(timestamp, timezone.utc).isoformat()


def record(event: str = "start", session: str = "a1", **fields: Any) -> str:
    """Return a line of an audit file, of a session that began a minute ago and has 14 minutes left."""
    began = {"time": iso(NOW - 60).replace("+00:00", "Z"), "until": iso(NOW + 840)}
    facts = {"customer": "acme-corp", "mode": "read-only", "os_user": "ada", "reason": "INC-1234 ingest check"}
    return json.dumps({"event": event, "session": session, **began, **facts, **fields}) + "\n"


def running(file: Path | None) -> list[str]:
    return [each.id for each in audited(file, now=NOW)[0]]


def place() -> dict[str, Any]:
    boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    return {"boot_id": boot, "pid_namespace": os.readlink("/proc/self/ns/pid")}  # noqa: PTH115


@pytest.mark.parametrize(
    ("lines", "ids"),
    [
        ((), []),
        ((record(), record("end")), []),
        ((record(), record("unclosed")), []),
        ((record(), record(session="b2"), record("end")), ["b2"]),
        ((record("carried", started=iso(NOW - 60)),), ["a1"]),
        ((record(until=iso(NOW - 1)),), []),
        ((record(until=iso(NOW + 1e9)),), ["a1"]),
        ((record(until=iso(NOW + 1e9), time=iso(NOW - 3601)),), []),
        ((record(until=None),), ["a1"]),
        ((record(until=None, time=iso(NOW - 3601)),), []),
        ((record(until="soon"), record(session="b2", time="2027-01-15")), ["a1"]),
        (("[1]\n", "\n", '{"event": "start"}\n', "{\n", "\xff\n", "[" * 100_000 + "\n", record()), ["a1"]),
        ((record(customer=7), record(session="b2", mode=None), record(session="c3")), ["c3"]),
        ((record(), record("end")[:40]), ["a1"]),
    ],
)
def test_a_session_runs_from_its_start_to_its_end_or_deadline(
    tmp_path: Path, lines: tuple[str, ...], ids: list[str]
) -> None:
    (tmp_path / "audit.jsonl").write_text("".join(lines), encoding="latin-1")
    assert running(tmp_path / "audit.jsonl") == ids


def test_only_the_last_part_of_the_file_is_read(tmp_path: Path) -> None:
    file = tmp_path / "audit.jsonl"
    file.write_text(record() + record("end", "b2", padding="x" * 1000) * 1000 + record(session="c3"))
    assert running(file) == ["c3"]


def test_a_file_that_cannot_be_read_has_no_sessions(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for file in (None, tmp_path / "absent", tmp_path, tmp_path / "pipe"):
        assert running(file) == []


def test_a_session_whose_process_was_killed_has_ended(tmp_path: Path) -> None:
    born = Path(f"/proc/{os.getpid()}/stat").read_text().rpartition(")")[2].split()[19]
    (tmp_path / "audit.jsonl").write_text(
        record(session="runs", pid=os.getpid(), born=born, **place())
        + record(session="another-process", pid=os.getpid(), born="1", **place())
        + record(session="gone", pid=2**22 + 1, born=born, **place())
        + record(session="huge", pid=2**80, born=born, **place())
        + record(session="another-machine", pid=2**22 + 1, born=born, **{**place(), "boot_id": "other"})
    )
    assert running(tmp_path / "audit.jsonl") == ["runs", "another-machine"]


def test_the_red_line_names_the_customer_the_mode_and_the_time_left(tmp_path: Path) -> None:
    audit = tmp_path / "audit.jsonl"
    with Emulator(clock=lambda: NOW, audit=audit) as emulator:
        visitor = Visitor(emulator)
        assert visitor.page().by_id("live-sessions").text == ""
        tag = visitor.send("GET", LIVE).headers["ETag"]
        audit.write_text(record() + record(session="b2", customer="<b>harbor</b>", mode="read and write"))
        shown = visitor.send("GET", LIVE, If_None_Match=tag)
        red = shown.document.by_id("live-sessions")
        assert red.attributes["role"] == "alert"
        assert [each.text for each in red.all("p")] == [
            "MASQUERADE <b>harbor</b> READ AND WRITE , 14 min 0 s left",
            "MASQUERADE acme-corp read-only , 14 min 0 s left",
        ]
        assert [each.attributes["data-ends"] for each in red.all("span", role="timer")] == [f"{NOW + 840:.3f}"] * 2
        assert [each.text for each in red.all("strong")][:2] == ["MASQUERADE <b>harbor</b>", "READ AND WRITE"]
        for document in (shown.document, visitor.page()):
            assert document.all("title")[0].text.startswith("MASQUERADE <b>harbor</b> (read and write) and 1 more ")
        with audit.open("a") as file:
            file.write(record("end") + record("end", "b2"))
        ended = visitor.send("GET", LIVE, If_None_Match=shown.headers["ETag"])
        assert ended.document.by_id("live-sessions").text == ""


def test_many_sessions_are_counted(tmp_path: Path) -> None:
    audit = tmp_path / "audit.jsonl"
    audit.write_text("".join(record(session=f"s{number}") for number in range(23)))
    with Emulator(clock=lambda: NOW, audit=audit) as emulator:
        red = Visitor(emulator).page().by_id("live-sessions")
        assert len(red.all("p")) == 21
        assert "and 3 more masquerade sessions" in red.text
        title = Visitor(emulator).page().all("title")[0].text
        assert title.startswith("MASQUERADE acme-corp (read-only) and 22 more ")


def test_tokens_inside_another_account_are_named_unless_a_session_explains_them(tmp_path: Path) -> None:
    audit = tmp_path / "audit.jsonl"
    with Emulator(audit=audit) as emulator:
        emulator.seed("acme-corp")
        emulator.seed("harbor", type="reseller")
        visitor = Visitor(emulator)
        Caller(emulator.netosecret).authenticate()
        assert visitor.page().by_id("live-tokens").text == ""
        for shortname in ("acme-corp", "harbor", "harbor"):
            assert Caller(emulator.netosecret, shortname=shortname).authenticate().status == 200
        named = "1 access token acts in acme-corp , 2 access tokens act in harbor ."
        assert visitor.page().by_id("live-tokens").text == named
        now = datetime.now(timezone.utc).isoformat()
        audit.write_text(record(time=now, until=None) + record(session="b2", customer="harbor", time=now))
        assert visitor.live().by_id("live-tokens").text == "1 access token acts in harbor ."
        emulator.remove("harbor")
        emulator.expire_tokens()
        assert visitor.live().by_id("live-tokens").text == ""
