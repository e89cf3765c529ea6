"""The code blocks of the documents, and what a test does with each.

A fenced block is one of these; any other is an error. A comment such as ``<!-- exit: 1 -->`` is in the line before.

| Block | What the test does |
|---|---|
| ``sh`` | Runs the commands in bash. Each must exit with 0. |
| ``console`` | Runs the lines after ``$ `` (continued after ``> ``) and compares their output. |
| ``text`` with ``<!-- output of: COMMAND -->`` | Runs the command and compares its output. |
| ``python`` | Runs the program. |
| any with ``<!-- from: FILE -->`` | Checks that the block is a part of this file, which other tests run. |
| any with ``<!-- write: NAME -->`` | Writes the block to a file of the page's folder, for the blocks after it. |
| any with ``<!-- run by: FILE::TEST -->`` | Checks that this test exists; it runs the commands of the block. |
| ``mermaid`` | Checks that the files that the diagram names exist. |

``<!-- exit: 1 -->`` is the exit code of the last command of a ``console`` or ``text`` block. ``...`` in an output
replaces any text, and white space and line ends are equal, as in doctest.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from markdown_it import MarkdownIt
from markdown_it.token import Token

__all__ = ["DOCUMENTS", "ROOT", "Block", "Step", "blocks", "mistake", "steps"]

ROOT: Final = Path(__file__).resolve().parents[2]
DOCUMENTS: Final = (
    ROOT / "README.md",
    ROOT / "provider" / "ARCHITECTURE.md",
    *sorted((ROOT / "provider" / "docs").glob("**/*.md")),
    *sorted((ROOT / ".github").glob("*.md")),
    *sorted((ROOT / "examples").glob("*/README.md")),
    *sorted((ROOT / "examples").glob("*/*/README.md")),
)
_COMMENT: Final = re.compile(r"<!--\s*(from|write|run by|exit|output of):\s*(.*?)\s*-->")
_CONTROLS: Final = frozenset({"from", "write", "run by"})


@dataclass(frozen=True)
class Block:
    """A code block: its language, its text, the line where it begins, and the comments before it by their names."""

    document: Path
    line: int
    language: str
    text: str
    comments: dict[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        return f"{self.document.relative_to(ROOT)}:{self.line}"


@dataclass(frozen=True)
class Step:
    """What bash runs: the commands, the exit code of the last one, and the output if it is compared."""

    line: int
    script: str
    exit: int = 0
    output: str | None = None


def blocks(document: Path) -> list[Block]:
    """Return the code blocks of a document, also indented ones, which have no language."""
    tokens = [each for each in MarkdownIt().parse(document.read_text(encoding="utf-8")) if each.map]
    return [
        Block(document, _line(token), (token.info.split() or [""])[0], token.content, _comments(tokens[:index]))
        for index, token in enumerate(tokens)
        if token.type in ("fence", "code_block")
    ]


def mistake(block: Block) -> str | None:
    """Return what is wrong with a block that no test can run, or None."""
    if source := block.comments.get("from"):
        file = ROOT / source
        return None if file.is_file() and _is_part(block.text, file) else f"isn't a part of {source}"
    if test := block.comments.get("run by"):
        path, _, name = test.partition("::")
        file = ROOT / path
        return None if file.is_file() and f"def {name}(" in file.read_text() else f"no such test: {test}"
    if block.language == "mermaid":
        named = re.findall(r"[\w/]+\.(?:py|md|toml|yaml)\b", block.text)
        missing = [each for each in named if not (ROOT / "provider" / "pulumi_fusion" / each).exists()]
        return f"no such files: {', '.join(missing)}" if missing else None
    return None if _is_run(block) else "no test runs it; see tests/docs/blocks.py"


def steps(document: Path) -> list[Step]:
    """Return what the blocks of a document run, in their order."""
    return [step for block in blocks(document) for step in _steps(block)]


def _is_run(block: Block) -> bool:
    return (
        "write" in block.comments
        or block.language in ("sh", "console", "python")
        or (block.language == "text" and "output of" in block.comments)
    )


def _steps(block: Block) -> Iterator[Step]:
    exit_code = int(block.comments.get("exit", "0"))
    if name := block.comments.get("write"):
        yield Step(
            block.line,
            f"mkdir -p -- \"$(dirname '{name}')\"\ncat > '{name}' <<'END OF BLOCK'\n{block.text}END OF BLOCK",
        )
    elif _CONTROLS & block.comments.keys():
        return
    elif block.language == "sh":
        yield Step(block.line, block.text)
    elif block.language == "python":
        yield Step(block.line, f"python - <<'END OF BLOCK'\n{block.text}END OF BLOCK")
    elif block.language == "text" and (command := block.comments.get("output of")):
        yield Step(block.line, command, exit_code, block.text)
    elif block.language == "console":
        commands = list(_commands(block))
        for number, (line, script, output) in enumerate(commands, start=1):
            yield Step(line, script, exit_code if number == len(commands) else 0, output)


def _commands(block: Block) -> Iterator[tuple[int, str, str]]:
    """Yield the line, text and output of each command of a console block."""
    for found in re.finditer(r"^\$ (.*\n(?:> .*\n)*)((?:(?!\$ ).*\n)*)", block.text, re.MULTILINE):
        line = block.line + 1 + block.text.count("\n", 0, found.start())
        yield line, re.sub(r"^> ", "", found[1], flags=re.MULTILINE), found[2]


def _comments(before: list[Token]) -> dict[str, str]:
    """Return the comments that end in the line before a block, by their names."""
    found: dict[str, str] = {}
    for token in reversed(before):
        if token.type != "html_block":
            break
        found |= dict(_COMMENT.findall(token.content))
    return found


def _line(token: Token) -> int:
    assert token.map is not None
    return token.map[0] + 1


def _is_part(text: str, file: Path) -> bool:
    """Return whether the lines are consecutive lines of the file, except for a common indentation."""
    wanted = textwrap.dedent(text).splitlines()
    lines = file.read_text(encoding="utf-8").splitlines()
    return any(
        textwrap.dedent("\n".join(lines[start : start + len(wanted)])).splitlines() == wanted
        for start in range(len(lines) - len(wanted) + 1)
    )
