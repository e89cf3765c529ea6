"""Every code block of the documents is run by a test, and every generated part is current."""

from __future__ import annotations

import json
from importlib.metadata import version
from pathlib import Path

import pytest

from tests.docs.blocks import DOCUMENTS, ROOT, Block, Step, blocks, mistake, steps
from tests.docs.generated import updated
from tests.docs.shell import run

PAGE = """\
# Page

<!-- write: notes/hello.txt -->
```text
hello
```

1. A list has blocks, too:

   ```sh
   name=hello.txt
   ```

```console
$ cat notes/$name \\
>   notes/$name
hello
...
$ true
```

<!-- exit: 3 -->
<!-- output of: echo failed; exit 3 -->
```text
failed
```

```python
print(1)
```
"""


def name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def written(folder: Path, text: str) -> Path:
    page = folder / "page.md"
    page.write_text(text)
    return page


@pytest.mark.parametrize("document", DOCUMENTS, ids=name)
def test_a_test_runs_every_block(document: Path) -> None:
    found = {str(block): what for block in blocks(document) if (what := mistake(block))}

    assert found == {}


@pytest.mark.parametrize("document", DOCUMENTS, ids=name)
def test_the_generated_parts_are_current(document: Path) -> None:
    text = document.read_text(encoding="utf-8")

    assert updated(text) == text, "run .venv/test/bin/python -m tests.docs"


def test_the_steps_of_a_page(tmp_path: Path) -> None:
    first, *others = steps(written(tmp_path, PAGE))

    assert "notes/hello.txt" in first.script
    assert others == [
        Step(10, "name=hello.txt\n"),
        Step(15, "cat notes/$name \\\n  notes/$name\n", 0, "hello\n...\n"),
        Step(19, "true\n", 0, ""),
        Step(24, "echo failed; exit 3", 3, "failed\n"),
        Step(28, "python - <<'END OF BLOCK'\nprint(1)\nEND OF BLOCK"),
    ]


def environment(folder: Path) -> dict[str, str]:
    return {"PATH": "/usr/bin:/bin", "HOME": str(folder)}


def test_a_page_runs_in_one_shell(tmp_path: Path) -> None:
    page = steps(written(tmp_path, PAGE.replace("```python\nprint(1)\n```\n", "")))

    assert run(page, tmp_path, tmp_path / "logs", environment(tmp_path)) is None


def test_the_exit_code_of_the_last_step_is_kept(tmp_path: Path) -> None:
    page = steps(written(tmp_path, "<!-- exit: 1 -->\n```console\n$ false\n```\n"))

    assert run(page, tmp_path, tmp_path / "logs", environment(tmp_path)) is None


@pytest.mark.parametrize(
    ("block", "reported"),
    [
        ("```sh\nfalse\ntrue\n```\n", "line 1: exit code 1 instead of 0"),
        ("```console\n$ echo one\ntwo\n```\n", "line 2: echo one"),
        ("```console\n$ echo one\n```\n", "line 2: echo one"),
        ("```console\n$ echo one; false\none\n```\n", "line 2: exit code 1 instead of 0"),
        ("<!-- exit: 1 -->\n```console\n$ echo one\none\n```\n", "line 3: exit code 0 instead of 1"),
    ],
)
def test_a_block_that_does_something_else_is_reported(tmp_path: Path, block: str, reported: str) -> None:
    found = run(steps(written(tmp_path, block)), tmp_path, tmp_path / "logs", environment(tmp_path))

    assert found is not None
    assert found.startswith(reported)


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("    an indented block\n", "no test runs it"),
        ("```text\nan output\n```\n", "no test runs it"),
        ("<!-- from: examples/yaml/Pulumi.yaml -->\n```yaml\nname: another\n```\n", "isn't a part of"),
        ("<!-- run by: tests/unit/test_documents.py::test_of_nothing -->\n```sh\ntrue\n```\n", "no such test"),
        ("```mermaid\ngraph TD; a[api/nothing.py]\n```\n", "no such files: api/nothing.py"),
    ],
)
def test_a_block_that_no_test_runs_is_a_mistake(tmp_path: Path, text: str, what: str) -> None:
    [block] = blocks(written(tmp_path, text))

    assert what in (mistake(block) or "")


def test_a_part_of_a_file_is_accepted() -> None:
    lines = (ROOT / "examples/yaml/Pulumi.yaml").read_text().splitlines()
    part = "".join(f"{line[2:]}\n" for line in lines if line.startswith(("  acme", "    type")))

    assert mistake(Block(ROOT / "README.md", 1, "yaml", part, {"from": "examples/yaml/Pulumi.yaml"})) is None


def test_the_status_in_the_readme_names_the_versions_that_were_run() -> None:
    text = " ".join((ROOT / "README.md").read_text(encoding="utf-8").replace("> ", "").split())
    runs = json.loads((ROOT / "tests/compatibility/runs.json").read_text())

    assert f"Status**: {version('pulumi-fusion')}," in text
    for name, key in (("Python", "python"), ("Pulumi CLI", "cli"), ("SDK", "sdk")):
        minors = sorted((int(major), int(minor)) for major, minor, *_ in (run[key].split(".") for run in runs))
        first, last = (".".join(map(str, each)) for each in (minors[0], minors[-1]))
        assert f"{name} {first} to {last}" in text
