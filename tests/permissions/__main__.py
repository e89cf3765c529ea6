"""Run each command under each role, and write what happened and the page about permissions."""

from __future__ import annotations

import tempfile
from pathlib import Path

from tests.docs.__main__ import main
from tests.permissions.commands import COMMANDS
from tests.permissions.outcomes import FILE, as_json, run

with tempfile.TemporaryDirectory() as folder:
    FILE.write_text(as_json(run(Path(folder), COMMANDS)), encoding="utf-8")
main()
