"""Run an emulator again and again, which ends at each of its calls to the file system in turn.

    python -m tests.contract.emulator.dying FOLDER EVERY [EARLIER]

It prints a line of JSON per run: the state file, and what was sent and acknowledged until the end. With EARLIER, the
state file is a copy of this one before each run.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final
from unittest.mock import patch

from fusion_emulator import Emulator, store
from tests.contract.emulator.caller import Caller

NOW: Final = 1_795_800_000
"""When the tokens of the earlier state are valid."""

CALLS: Final = (
    (os, "open"),
    (os, "pwrite"),
    (os, "fsync"),
    (os, "ftruncate"),
    (os, "replace"),
    (os, "unlink"),
    (fcntl, "flock"),
)

Note = Callable[..., object]


def scenario(path: Path, note: Note) -> None:
    """Use an emulator, with a note before and after each request."""
    with Emulator(state=path, clock=lambda: NOW) as emulator:
        note(acknowledged="start", netosecret=emulator.netosecret)
        caller = Caller(emulator.netosecret)
        reply = caller.authenticate(iat=NOW)
        note(acknowledged="token", token=reply.json["access_token"])
        for number in range(5):
            name = f"dying-{number}"
            note(sent=name)
            assert caller.create(shortname=name).status == 201
            note(acknowledged=name)
        note(sent="-dying-0")
        assert caller.delete("dying-0").status == 204
        note(acknowledged="-dying-0")


@contextmanager
def ending(last: int, manner: str) -> Iterator[None]:
    """End the process at a call: before it, after it, or in the middle of what it writes."""
    count = 0

    def dies(call: Callable[..., Any]) -> Callable[..., Any]:
        def counted(*arguments: Any, **options: Any) -> Any:
            nonlocal count
            count += 1
            if count < last:
                return call(*arguments, **options)
            if manner == "within" and call is write:
                call(arguments[0], arguments[1][: len(arguments[1]) // 2], arguments[2])
            elif manner == "after":
                call(*arguments, **options)
            os._exit(9)

        return counted

    write = os.pwrite
    patches = [patch.object(module, name, dies(getattr(module, name))) for module, name in CALLS]
    for each in patches:
        each.start()
    try:
        yield
    finally:
        for each in patches:
            each.stop()


def run(path: Path, last: int, manner: str) -> list[dict[str, Any]] | None:
    """Return the notes of a run that ends at this call, None if it came to its own end."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        note = lambda **fields: os.write(writing, json.dumps(fields).encode() + b"\n")  # noqa: E731
        with ending(last, manner):
            scenario(path, note)
        os._exit(0)
    os.close(writing)
    with open(reading, "rb") as notes:  # noqa: PTH123  # a descriptor
        found = [json.loads(line) for line in notes]
    _, status = os.waitpid(child, 0)
    code = os.waitstatus_to_exitcode(status)
    assert code in (0, 9), code
    return found if code == 9 else None


def main(folder: Path, every: int, earlier: Path | None) -> None:
    """Run until nothing ends early."""
    for manner in ("before", "within", "after"):
        last = 1
        while True:
            path = folder / f"{manner}-{last}" / "state.json"
            path.parent.mkdir()
            if earlier:
                shutil.copyfile(earlier, path)
            notes = run(path, last, manner)
            if notes is None:
                break
            print(json.dumps({"path": str(path), "notes": notes}), flush=True)  # noqa: T201
            last += every


if __name__ == "__main__":
    # So that the file is rewritten as soon as the changes are longer than the state.
    with patch.object(store, "_LONGEST_LOG", 0):
        main(Path(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3]) if sys.argv[3:] else None)
