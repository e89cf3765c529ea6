#!/usr/bin/env python3
"""Find words that the project doesn't use because an engineer who joins today would have to ask what they mean.

    tests/wording.py [FILE...]      every file of the project unless some are named

Prints ``file:line: word: what to write instead (reason)`` for each, and exits with 1 if there are any. It reads code,
documentation and file names. An underscore separates words, so names count, and so do phrases that a line end splits.
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final, NamedTuple

__all__ = ["BANNED", "ROOT", "Banned", "Finding", "findings", "main", "project_files"]

ROOT: Final = Path(__file__).resolve().parents[1]
_SUFFIXES: Final = frozenset({".py", ".md", ".sh", ".yaml", ".yml", ".toml", ".ts", ".go"})
_SCRIPTS: Final = frozenset({"run", "get", "restore", "environment", "CODEOWNERS", ".gitignore"})
# These files quote the words.
_SKIPPED: Final = frozenset({"tests/wording.py", "tests/unit/test_wording.py"})


class Banned(NamedTuple):
    """A pattern (a space matches any white space and underscores), what to write instead, and why."""

    pattern: str
    instead: str
    reason: str


_PERSON: Final = "code and documents don't speak; name what happens"
_PICTURE: Final = "a picture that the reader has to translate"
_OLD: Final = "outdated or literary English"
_PRONOUN: Final = "the reader can't know whom it means"

BANNED: Final = (
    Banned("tells?|told|says", "returned, raised, reported, documented; distinguish", _PERSON),
    Banned("whoever", "anyone who, the caller, the process that", _PRONOUN),
    Banned("besides?", "next to, concurrent, also, except", "it has meant a sibling, a concurrent request and `also`"),
    Banned("vouch(es|ed|ing)?", "verified", _PICTURE),
    Banned("witness(es|ed)?", "recent write, evidence", _PICTURE),
    Banned("young", "fresh, recent", _PICTURE),
    Banned("anew", "again, recreated", _OLD),
    Banned(
        "settles?|settled|settling", "resolve; consistency timeout", "it has meant to wait, to find out and to decide"
    ),
    Banned("in doubt", "outcome unknown, ambiguous", "the standard terms for a lost response"),
    Banned("left open", "outcome unknown, unresolved", "the standard terms for a lost response"),
    Banned("(stands?|stood|standing) (for|in for|below)", "replaces; is below", _PICTURE),
    Banned("(a|the) look", "GET, read, recheck", "a request is called by its method"),
    Banned("(looks?|looked|looking) ((at|up) )?again", "recheck, GET again", "a request is called by its method"),
    Banned("looked for", "searched, read by a GET", "a request is called by its method"),
    Banned("(somebody|someone) else", "another account, another process", "compare ids and name what differs"),
    Banned("ours", "created by this run; of this project", _PRONOUN),
    Banned("shop window", "public API", _PICTURE),
    Banned("rooms?", "module, package", _PICTURE),
    Banned("house", "package, project", _PICTURE),
    Banned("faces?", "frontend: the dynamic provider, the plugin", _PICTURE),
    Banned("(keeps?|kept|keeping) to", "enforce, follow, use only", _OLD),
    Banned("(lives?|lived) on", "survives, remains", _PICTURE),
    Banned("meets? (it|them|all)", "is raised for", "an exception is raised"),
    Banned("none of (its|their|ours|theirs|the service's)( own)?", "no children, not from the API", "a riddle"),
    Banned(
        r"(?<!there\s)(is|are|was|were) no (?!longer|more than)(?=\w)",
        "isn't a, has no",
        "negate the verb, not the noun",
    ),
)

# A space of a pattern also matches a line end; a comment's mark after it is blanked before the search.
_PATTERNS: Final = tuple(
    (re.compile(rf"\b(?:{banned.pattern})\b".replace(" ", r"\s+"), re.IGNORECASE), banned) for banned in BANNED
)
_COMMENT_MARK: Final = re.compile(r"^(\s*)#", re.MULTILINE)


class Finding(NamedTuple):
    """A banned word in a file; ``line`` counts from 1."""

    path: str
    line: int
    word: str
    banned: Banned

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.word!r}: write {self.banned.instead} ({self.banned.reason})"


def findings(path: str, text: str) -> Iterator[Finding]:
    """Yield the banned words of a file's text, by pattern and line, and of its name as if it were on line 1."""
    for pattern, banned in _PATTERNS:
        if found := pattern.search(Path(path).name.replace("_", " ")):
            yield Finding(path, 1, found[0], banned)
    plain = _COMMENT_MARK.sub(r"\1 ", text.replace("_", " "))
    for pattern, banned in _PATTERNS:
        for found in pattern.finditer(plain):
            yield Finding(path, plain.count("\n", 0, found.start()) + 1, " ".join(found[0].split()), banned)


def main(arguments: Sequence[str]) -> int:
    """Print the findings in the named files, or in all of the project, and return the exit code."""
    paths = [Path(each) for each in arguments] or project_files()
    found = [each for path in paths for each in findings(str(path), path.read_text(encoding="utf-8"))]
    for each in sorted(found, key=lambda finding: (finding.path, finding.line)):
        print(each)  # noqa: T201 - a linter reports on stdout
    return 1 if found else 0


def project_files() -> list[Path]:
    """Return the files that git tracks or would add, by path relative to the working directory where possible."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.splitlines()
    files = [ROOT / name for name in listed if name not in _SKIPPED]
    here = Path.cwd()
    return [
        path.relative_to(here) if path.is_relative_to(here) else path
        for path in files
        if path.is_file() and (path.suffix in _SUFFIXES or (not path.suffix and path.name in _SCRIPTS))
    ]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
