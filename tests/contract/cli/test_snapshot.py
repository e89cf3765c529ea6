"""The commands pulumi-fusion snapshot save, load and diff."""

from __future__ import annotations

import json
import socket
import subprocess
import threading
from pathlib import Path

import pytest

from fusion_emulator import Emulator
from tests.contract.cli.terminal import COMMAND, Terminal


@pytest.fixture
def inside(bare: Terminal, emulator: Emulator) -> Terminal:
    """Return a terminal in the environment of an emulator."""
    emulator.seed("acme-one", username="real.person@acme.example")
    emulator.seed("acme-two", parent="acme-one")
    return Terminal(bare.folder, {**bare.environ, "FUSION_EMULATOR": emulator.url})


def test_a_snapshot_is_saved_compared_and_loaded(inside: Terminal, emulator: Emulator, tmp_path: Path) -> None:
    saved = inside.run("snapshot", "save", "before.json")
    assert (saved.returncode, saved.stdout) == (0, "")
    assert saved.stderr == f"Saved 3 accounts in {tmp_path}/before.json.\n"
    before = emulator.snapshot()
    assert (tmp_path / "before.json").read_text() == before

    same = inside.run("snapshot", "diff", "before.json")
    assert (same.returncode, same.stdout) == (0, f"{tmp_path}/before.json -> {emulator.url}: 3 equal\n")

    emulator.edit("acme-one", retention=45, organization="\u202eevil \x1b[31m", fps=7)
    emulator.key("acme-one")
    emulator.remove("acme-two")
    emulator.seed("acme-six")
    shown = inside.run("snapshot", "diff", "before.json")
    assert shown.returncode == 7
    assert shown.stdout.splitlines() == [
        f"{tmp_path}/before.json -> {emulator.url}: 1 added, 1 removed, 1 changed, 1 equal",
        "+ acme-six",
        "- acme-two",
        "~ acme-one",
        '    organization: "acme-one Inc." -> "\N{REPLACEMENT CHARACTER}evil \\u001b[31m"',
        "    retention: 90 -> 45",
        "    fps: null -> 7",
        "    keys: differ",
    ]

    loaded = inside.run("snapshot", "load", "before.json")
    assert (loaded.returncode, loaded.stdout) == (0, "")
    assert loaded.stderr == f"Loaded 3 accounts into the emulator at {emulator.url}.\n"
    assert emulator.snapshot() == before


def test_two_files_are_compared_without_an_emulator(bare: Terminal, tmp_path: Path) -> None:
    for seed in (1, 2):
        with Emulator(seed=seed) as emulator:
            emulator.seed("acme-one", username=f"person-{seed}@acme.example")
            emulator.key("acme-one", appname="ci")
            (tmp_path / f"{seed}.json").write_text(emulator.snapshot())
    found = bare.run("snapshot", "diff", "1.json", "2.json", "--json")
    assert found.returncode == 7
    assert "person" not in found.stdout
    document = json.loads(found.stdout)
    fields = document["changed"][1].pop("fields")
    assert fields["id"]["before"] != fields["id"]["after"]
    assert {**fields, "id": None} == {"id": None, "users": None, "keys": None}
    assert document["changed"][1] == {"shortname": "acme-one"}
    names = {"before": str(tmp_path / "1.json"), "after": str(tmp_path / "2.json")}
    assert {**document, "changed": []} == {"version": 1, **names, "added": [], "removed": [], "changed": [], "equal": 0}
    without = bare.run("snapshot", "diff", "1.json", "2.json", "--without", "id", "--without", "users")
    assert (without.returncode, without.stdout.rpartition(": ")[2]) == (0, "2 equal\n")


def test_standard_streams_are_used_for_a_dash(inside: Terminal, emulator: Emulator) -> None:
    emulator.edit("acme-one", organization="Öster")
    saved = inside.run("snapshot", "save", "-", LC_ALL="C", PYTHONUTF8="0")
    assert (saved.stdout, saved.stderr) == (emulator.snapshot(), "")
    for arguments in (("load", "-"), ("diff", "-")):
        done = subprocess.run(
            [COMMAND, "snapshot", *arguments],
            input=saved.stdout,
            env=inside.environment(),
            cwd=inside.folder,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, done.stderr
    assert inside.run("snapshot", "diff", "-", "-").returncode == 2


def test_a_file_that_cannot_be_used_changes_nothing(inside: Terminal, emulator: Emulator, tmp_path: Path) -> None:
    document = json.loads(emulator.snapshot())
    document["accounts"][1]["parent"] = "acme-two"
    (tmp_path / "loop.json").write_text(json.dumps(document))
    (tmp_path / "state.json").write_text('{"format": 2}\n')
    before = emulator.snapshot()
    for arguments, reason in (
        (("load", "loop.json"), "'acme-one' is below itself; "),
        (("load", "state.json"), "It is a state file, which has secrets."),
        (("load", "missing.json"), "can't read "),
        (("diff", "state.json"), "state.json. It is a state file, which has secrets."),
        (("diff", "missing.json"), "can't read "),
        (("save", "missing/after.json"), "there is no folder "),
    ):
        refused = inside.run("snapshot", *arguments)
        assert (refused.returncode, refused.stdout) == (1, "")
        assert reason in refused.stderr, refused.stderr
    assert emulator.snapshot() == before


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        (None, "no emulator: FUSION_EMULATOR is not set. Run this inside `pulumi-fusion emulator -- COMMAND`"),
        ("https://api.netography.com", "FUSION_EMULATOR must be the http url of an emulator on this machine"),
        ("http://emulator.example:8080", "FUSION_EMULATOR must use https: http is allowed only for loopback hosts"),
        ("http://127.0.0.1:1", "the emulator at http://127.0.0.1:1 doesn't respond, and may have ended"),
    ],
)
def test_nothing_but_an_emulator_on_this_machine_is_used(bare: Terminal, url: str | None, reason: str) -> None:
    done = bare.run("snapshot", "save", "-", **({} if url is None else {"FUSION_EMULATOR": url}))
    assert (done.returncode, done.stdout) == (1, "")
    assert reason in done.stderr


def test_the_outcome_of_a_load_without_an_answer_is_unknown(bare: Terminal, emulator: Emulator) -> None:
    (bare.folder / "before.json").write_text(emulator.snapshot())
    with socket.create_server(("127.0.0.1", 0)) as server:

        def reset() -> None:
            """Read the beginning of a request, and close the connection with the rest unread."""
            connection, _ = server.accept()
            with connection:
                connection.recv(1)

        thread = threading.Thread(target=reset)
        thread.start()
        url = f"http://127.0.0.1:{server.getsockname()[1]}"
        done = bare.run("snapshot", "load", "before.json", FUSION_EMULATOR=url)
        thread.join()
    assert (done.returncode, done.stdout) == (1, "")
    assert "doesn't respond, and may have ended" in done.stderr
    assert "The outcome is unknown: `pulumi-fusion snapshot diff FILE` shows" in done.stderr
    ended = bare.run("snapshot", "load", "before.json", FUSION_EMULATOR="http://127.0.0.1:1")
    assert (ended.returncode, "doesn't respond" in ended.stderr, "unknown" in ended.stderr) == (1, True, False)


def test_snapshots_work_inside_the_emulator(bare: Terminal, tmp_path: Path) -> None:
    with Emulator() as source:
        source.seed("acme-one")
        (tmp_path / "before.json").write_text(source.snapshot())
    script = (
        "pulumi-fusion snapshot load before.json && pulumi-fusion customers && pulumi-fusion snapshot diff before.json"
    )
    done = bare.run("emulator", "--state", "fusion.json", "--", "sh", "-c", script, HTTP_PROXY="http://127.0.0.1:1")
    assert done.returncode == 0, done.stderr
    assert "acme-one" in done.stdout
    with Emulator(state=tmp_path / "fusion.json") as again:
        assert [each.shortname for each in again.accounts()] == ["acme-one"]
