"""The commands, programs and outputs of the documents, with the real CLI."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest

from fusion_emulator import Emulator
from tests.docs.blocks import DOCUMENTS, ROOT, steps
from tests.docs.pages import PAGES, Page
from tests.docs.shell import run
from tests.engine.stack import Stack, engine_environment

_NOT_COPIED = shutil.ignore_patterns("venv", ".state", "__pycache__", "node_modules", "sdks")
_WITH_STEPS = [path.relative_to(ROOT).as_posix() for path in DOCUMENTS if steps(path)]


@pytest.mark.parametrize("document", _WITH_STEPS)
def test_the_blocks_of_a_document(document: str, tmp_path: Path) -> None:
    page = PAGES.get(document, Page())
    folder = tmp_path / "page"
    folder.mkdir()
    # A seed, so that a page can name the ids of its customers.
    with Emulator(page.switches, seed=1) as emulator:
        for shortname, fields in page.customers.items():
            emulator.seed(shortname, **fields)
        environment = _prepare(page, folder, emulator)
        emulator.requests.clear()

        failure = run(steps(ROOT / document), folder, tmp_path / "logs", environment)
    if failure:
        pytest.fail(failure, pytrace=False)


def _prepare(page: Page, folder: Path, emulator: Emulator) -> dict[str, str]:
    """Copy the project of a page, make its stack, and return the environment of its commands."""
    if page.project:
        shutil.copytree(ROOT / page.project, folder, dirs_exist_ok=True, ignore=_NOT_COPIED)
        if (folder / "requirements.txt").exists():
            (folder / "venv").symlink_to(sys.prefix)  # as after `pulumi install`
    for name, path in page.links.items():
        (folder / name).symlink_to(ROOT / path)
    (folder / "backend").mkdir()
    if page.stack:
        Stack(folder, name=page.stack)
    environment = engine_environment(folder) | {
        "NETOSECRET": emulator.key(role=page.role),
        "FUSION_API_URL": emulator.url,
        "FUSION_AUDIT_FILE": str(folder / "audit.jsonl"),
        "PULUMI_SKIP_CONFIRMATIONS": "true",
        # `pulumi up` begins with a preview, which takes as long and shows nothing else.
        "PULUMI_OPTION_SKIP_PREVIEW": "true",
    }
    environment |= {name: value for name, value in page.environment.items() if value is not None}
    for name in (name for name, value in page.environment.items() if value is None):
        environment.pop(name, None)
    return environment
