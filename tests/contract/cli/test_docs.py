"""The command ``pulumi-fusion docs``: pages, sections, and the pages in the built archives."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path
from typing import Final

import pytest

from tests.contract.cli.terminal import COMMAND, Terminal

ROOT: Final = Path(__file__).parents[3]
PAGES: Final = {path.stem for path in (ROOT / "provider" / "docs").glob("*.md")}


def test_the_list_has_each_page_with_its_title(bare: Terminal) -> None:
    done = bare.run("docs")
    assert (done.returncode, done.stderr) == (0, "")
    shown = dict(line.split(maxsplit=1) for line in done.stdout.splitlines()[1:])
    assert shown.keys() == PAGES
    assert shown["messages"].strip() == "Which parts of a message may a script match?"


@pytest.mark.parametrize("name", sorted(PAGES))
def test_a_page_is_its_markdown_without_comments(bare: Terminal, name: str) -> None:
    done = bare.run("docs", name)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("#")
    assert "<!--" not in done.stdout
    assert set(done.stdout.splitlines()) <= set((ROOT / "provider" / "docs" / f"{name}.md").read_text().splitlines())


@pytest.mark.parametrize("name", ["customer#outputs", "customer.md#outputs", "customer#Outputs"])
def test_a_section_ends_at_the_next_heading_of_its_level(bare: Terminal, name: str) -> None:
    done = bare.run("docs", name)
    assert done.returncode == 0
    assert done.stdout.startswith("## Outputs\n")
    assert done.stdout.count("\n## ") == 0


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("customers", "there is no page 'customers'. Did you mean customer?"),
        ("../README", "there is no page '../README'. There are: "),
        ("customer#output", "the page has no section 'output'. Did you mean outputs?"),
        ("customer#xyz", "the page has no section 'xyz'. There are: which-fields"),
    ],
)
def test_an_unknown_name_is_an_error_with_the_nearest(bare: Terminal, name: str, message: str) -> None:
    done = bare.run("docs", name)
    assert (done.returncode, done.stdout) == (2, "")
    assert message in done.stderr


def test_a_terminal_shows_a_page_with_formatting_in_its_width(bare: Terminal) -> None:
    program = f"import pty; pty.spawn([{str(COMMAND)!r}, 'docs', 'messages'])"
    environment = bare.environment(TERM="xterm", COLUMNS="80")
    done = subprocess.run(
        [sys.executable, "-c", program], env=environment, stdin=subprocess.DEVNULL, capture_output=True, check=True
    )
    shown = re.sub(r"\x1b\[[0-9;]*m", "", done.stdout.decode())
    assert shown != done.stdout.decode()
    assert "| --- |" not in shown
    assert max(map(len, shown.splitlines())) <= 80
    assert "Which parts of a message may a script match?" in shown


@pytest.fixture(scope="module")
def archives(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the sdist and the wheel that is built from it."""
    folder = tmp_path_factory.mktemp("archives")
    build = "import sys; from hatchling.cli import hatchling; sys.argv[0] = 'hatchling'; hatchling()"
    subprocess.run([sys.executable, "-c", build, "build", "-t", "sdist", "-d", folder], cwd=ROOT, check=True)
    [sdist] = folder.glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        archive.extractall(folder, filter="data")
    source = folder / sdist.name.removesuffix(".tar.gz")
    subprocess.run([sys.executable, "-c", build, "build", "-t", "wheel", "-d", folder], cwd=source, check=True)
    return folder


def test_the_wheel_contains_the_pages(archives: Path, bare: Terminal, tmp_path: Path) -> None:
    [wheel] = archives.glob("*.whl")
    shutil.unpack_archive(wheel, tmp_path / "site", "zip")
    assert {path.stem for path in (tmp_path / "site" / "pulumi_fusion" / "docs").glob("*.md")} == PAGES
    # The packages of PYTHONPATH come before the editable install.
    program = (
        "import pulumi_fusion, sys\nfrom pulumi_fusion.cli import main\n"
        "print(pulumi_fusion.__file__)\nsys.argv[1:] = ['docs']\nsys.exit(main())"
    )
    environment = bare.environment(PYTHONPATH=str(tmp_path / "site"))
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.startswith(str(tmp_path))
    assert "messages" in done.stdout
