"""Names from the service and the credential are printed without control characters."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final

import pytest

from fusion_emulator import Emulator
from tests.contract.cli.terminal import Terminal

EVIL: Final = "x\x1b[2J\x1b]0;evil\x07\u202e\x9b31m"
SESSION: Final = ("masquerade", "acme-corp", "--reason", "INC-1234 ingest check")


@pytest.fixture
def evil(tmp_path: Path, emulator: Emulator) -> Terminal:
    """A shell with a credential and a service whose names contain control characters."""
    emulator.switch(record="extended")
    emulator.seed("acme-corp", type="reseller")
    emulator.seed("acme-east", parent="acme-corp")
    emulator.edit("acme-east", organization=EVIL)
    emulator.edit("acme-corp", organization=f"{EVIL}\nerror: another line")
    root = emulator.root.shortname
    emulator.edit_freely(root, shortname=f"msp{EVIL}")
    return Terminal(tmp_path, {"NETOSECRET": emulator.key(f"msp{EVIL}", appname=f"app{EVIL}")})


def obeyed(text: str) -> set[str]:
    """Return the characters of the text that control a terminal."""
    return {char for char in text if not char.isprintable() and char != "\n"}


SHOWN: Final = {
    "customers": (("customers",), 0, "x\ufffd[2J\ufffd]0;evil\ufffd\ufffd\ufffd31m error: another line"),
    "customers as a tree": (("customers", "--tree"), 0, "mspx\ufffd[2J"),
    "customers inside": (("customers", "--account", "acme-corp"), 0, "x\ufffd[2J"),
    "no customers": (("customers", "--account", "acme-east"), 0, "acme-east has no customers"),
    "types": (("types",), 0, "SLG"),
    "doctor": (("doctor",), None, "mspx\ufffd[2J"),
    "a session": ((*SESSION, "--ci", "--", "true"), 0, "from mspx\ufffd[2J"),
    "its key": ((*SESSION, "--ci", "--", "true"), 0, "as appx\ufffd[2J"),
    "its end": ((*SESSION, "--ci", "--", "true"), 0, "MASQUERADE ENDED acme-corp"),
    "a refused session": (("masquerade", "nobody-here", *SESSION[2:], "--ci", "--", "true"), 1, "has no such customer"),
    "a command that is not there": ((*SESSION, "--ci", "--", EVIL), 127, "no command"),
    "a wrong option": ((*SESSION, "--ci", "--duration", EVIL), 2, "--duration"),
    "a wrong argument": (("customers", EVIL), 2, "unexpected extra argument"),
    "a wrong verb": ((EVIL,), 2, "No such command"),
    "a wrong account": (("customers", "--account", EVIL), 1, "Could not"),
    "a wrong file": (("audit", "--audit-file", f"/{EVIL}/x"), None, ""),
    "a wrong address": (("customers", "--api-url", f"https://{EVIL}"), 1, "Could not"),
}


@pytest.mark.parametrize("case", SHOWN)
@pytest.mark.threat("clears-the-screen")
def test_no_output_contains_control_characters(evil: Terminal, case: str) -> None:
    arguments, code, said = SHOWN[case]
    done = evil.run(*arguments, FUSION_DEADLINE="10")
    assert code is None or done.returncode == code, done.stderr
    assert said in done.stdout + done.stderr
    assert obeyed(done.stdout + done.stderr) == set()


@pytest.mark.threat("clears-the-screen")
def test_audit_prints_no_control_characters(evil: Terminal, tmp_path: Path) -> None:
    evil.run(*SESSION, "--ci", "--", "true")
    file = tmp_path / ".local" / "state" / "pulumi-fusion" / "audit.jsonl"
    assert file.read_text().isascii()
    assert json.loads(file.read_text().splitlines()[0])["app"] == f"app{EVIL}"
    shown = evil.run("audit")
    as_json = evil.run("audit", "--json")
    assert obeyed(shown.stdout + shown.stderr + as_json.stdout) == set()
    # A program that can write the file can add other names to it, also for a session without an end.
    start = {**json.loads(file.read_text().splitlines()[0]), "session": EVIL, "customer": EVIL, "mode": EVIL}
    file.write_text(json.dumps({**start, "os_user": EVIL, "time": EVIL, "pid": 2**22 - 1, "ended": EVIL}) + "\n")
    shown = evil.run("audit")
    assert obeyed(shown.stdout + shown.stderr) == set()
    assert "evil" in shown.stdout
    message = evil.run(*SESSION, "--ci", "--", "true")
    assert obeyed(message.stdout + message.stderr) == set()


@pytest.mark.threat("clears-the-screen")
def test_errors_of_the_endpoint_have_no_control_characters(evil: Terminal) -> None:
    done = evil.run(*SESSION, "--ci", "--", "pulumi-fusion", "customers", "--account", EVIL)
    assert done.returncode == 1
    assert obeyed(done.stdout + done.stderr) == set()
