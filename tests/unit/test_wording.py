"""The check of the wording finds each banned word in any place, and nothing in plain text."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests import wording
from tests.wording import findings

WORDS = [
    "told",
    "tells",
    "says",
    "whoever",
    "beside",
    "besides",
    "vouches for itself",
    "witness",
    "young",
    "anew",
    "made anew",
    "settle",
    "settled",
    "in doubt",
    "left open",
    "stands for",
    "a look",
    "the look",
    "look again",
    "looks up again",
    "looked for",
    "somebody else",
    "somebody else's",
    "ours",
    "shop window",
    "room",
    "house",
    "face",
    "faces",
    "keep to",
    "lives on",
    "meets them",
    "none of its own",
    "is no list",
    "are no files",
]


@pytest.mark.parametrize("word", WORDS)
@pytest.mark.parametrize("text", ["{}", "An example: {}.", "({}, that is)", "def test_{}(): ...", "# {} #"])
def test_a_banned_word_is_found(word: str, text: str) -> None:
    found = [each.word for each in findings("example.py", text.format(word))]

    assert found and all(each in word for each in found)


@pytest.mark.parametrize("word", [word for word in WORDS if " " in word])
@pytest.mark.parametrize("between", ["_", "\n", "\n    # ", "\n\n    "])
def test_a_banned_phrase_is_found_across_line_ends_and_underscores(word: str, between: str) -> None:
    assert [*findings("example.py", f"# {word.replace(' ', between)}")]


def test_a_banned_word_is_found_in_a_file_name() -> None:
    assert [*findings("tests/unit/test_both_faces.py", "")]


@pytest.mark.parametrize(
    "text",
    [
        "the surface of the interface",
        "hold the lock",
        "it takes 24 hours",
        "there is no file yet",
        "it is no longer than a second",
        "it is not a list",
        "a mushroom",
        "InDoubt and NotOurs are public names",
        "keep it to yourself",
        "the process lives",
        "look up the name",
    ],
)
def test_plain_text_passes(text: str) -> None:
    assert not [*findings("example.py", text)]


def test_every_pattern_is_shown_by_an_example() -> None:
    found = {each.banned for word in WORDS for each in findings("example.py", word)}

    assert found == set(wording.BANNED)


def test_a_finding_names_place_word_replacement_and_reason(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    file = tmp_path / "example.md"
    file.write_text("Fine.\nThe service told\nus.\n")

    code = wording.main([str(file)])

    assert code == 1
    assert capsys.readouterr().out == (
        f"{file}:2: 'told': write returned, raised, reported, documented; distinguish "
        "(code and documents don't speak; name what happens)\n"
    )


def test_a_clean_file_exits_with_success(tmp_path: Path) -> None:
    file = tmp_path / "example.md"
    file.write_text("Fine.\n")

    assert wording.main([str(file)]) == 0


@pytest.mark.parametrize(
    "name",
    [
        ".github/CODEOWNERS",
        ".github/CONTRIBUTING.md",
        ".github/ISSUE_TEMPLATE/bug.yml",
        ".gitignore",
        ".pre-commit-config.yaml",
        "examples/typescript/index.ts",
        "provider/docs/decisions/README.md",
        "pyproject.toml",
        "tests/run",
    ],
)
def test_each_kind_of_file_is_read(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(wording.ROOT)

    assert Path(name) in wording.project_files()
