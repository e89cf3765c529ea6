"""Record the previews of both frontends: ``python -m tests.previews``, with the Pulumi CLI as in tests/run."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any, Final

from fusion_emulator import Emulator
from tests.engine.frontends import FRONTENDS, Frontend
from tests.engine.stack import Ran
from tests.previews.scenario import FOLDER, run

# They have the paths of the machine.
_LEFT_OUT: Final = frozenset({"stackTrace", "sourcePosition"})


def main() -> None:
    """Write the files."""
    for name in FRONTENDS:
        with tempfile.TemporaryDirectory() as folder, Emulator() as emulator:

            def save(what: str, ran: Ran, name: str = name, folder: str = folder) -> None:
                text = json.dumps(_slim(json.loads(ran.stdout)), indent=1)
                (FOLDER / f"{name}-{what}.json").write_text(text.replace(folder, "/home/ada/onboarding") + "\n")

            run(Frontend(name), Path(folder), emulator, save)


def _slim(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _slim(each) for key, each in value.items() if key not in _LEFT_OUT}
    if isinstance(value, list):
        kept = [each for each in value if not (isinstance(each, dict) and "using pulumi-" in str(each.get("message")))]
        return [_slim(each) for each in kept]
    return value


if __name__ == "__main__":
    main()
