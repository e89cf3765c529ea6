"""A state as JSON: in state files and snapshots."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import json
import textwrap
from collections.abc import Iterator
from dataclasses import fields
from typing import Any, Final, NamedTuple, TypeVar

from pydantic import TypeAdapter, ValidationError

from fusion_emulator.checks import problems
from fusion_emulator.earlier import converted
from fusion_emulator.json_numbers import NUMBERS
from fusion_emulator.state import TABLES, Account, ApiKey, Change, Mail, Session, State, User

__all__ = [
    "InvalidStateError",
    "Read",
    "account_problems",
    "first_object",
    "read",
    "refuse",
    "typed",
    "written",
    "written_change",
]

T = TypeVar("T")

FORMAT: Final = 2

_REPAIR: Final = "Correct it, or restore a copy."

_SHOWN: Final = 5
"""The number of problems that a message names."""

_LONGEST: Final = 300
"""Characters of a problem."""

_PROBLEMS: Final = {
    "unexpected_keyword_argument": "there is no such field",
    "missing": "required",
    # Python's reader had no other objection.
    "json_invalid": "It is nested too deeply",
}

_SURROGATE: Final = "a text has half of a surrogate pair"

_FIELDS: Final = {each.name for kind in (State, Account, User, ApiKey, Mail, Session) for each in fields(kind)} | {
    "rollupRetention"
}


class InvalidStateError(ValueError):
    """A text is not a state; the text of this error names the place, the reason and what to do."""


class Read(NamedTuple):
    """What was read.

    ``length`` is the number of bytes up to the end of the last complete change, ``current`` whether the format is the
    present one, and ``whole`` whether there is nothing but a whole state.
    """

    state: State
    length: int
    current: bool
    whole: bool


def written(state: State) -> str:
    """Return a whole state as a line."""
    return _line({"format": FORMAT, **dataclasses.asdict(state)})


def written_change(change: Change | State) -> str:
    """Return a change as a line; a state replaces all before it."""
    if isinstance(change, State):
        return _line({"whole": {"format": FORMAT, **dataclasses.asdict(change)}})
    return _line({name: _plain(value) for name, value in change.items()})


def _line(document: dict[str, Any]) -> str:
    return json.dumps(document, separators=(",", ":"), allow_nan=False) + "\n"


def _plain(value: Any) -> Any:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return dataclasses.asdict(value)
    return {id_: _plain(each) for id_, each in value.items()} if isinstance(value, dict) else value


def read(content: bytes) -> Read:
    """Return the state in the content of a file: a whole state, then a line per change or per further whole state.

    A last line without an end is a change that was not acknowledged. It is left out.

    Args:
        content: JSON in UTF-8.

    Raises:
        InvalidStateError: The content is something else.
    """
    text = _decoded(content)
    document, end = _first_document(text)
    current = _is_current(document)
    document = document if current else _converted(document)
    rest = text[end:]
    lines = rest.split("\n")
    unfinished = lines.pop() if len(lines) > 1 else ""
    for number, line in enumerate(lines[1:], text.count("\n", 0, end) + 2):
        if line.strip():
            _apply(document, line, number)
    state = typed(State, document)
    refuse(problems(state))
    return Read(state, len(content) - len(unfinished.encode()), current=current, whole=rest == "\n")


def first_object(content: bytes) -> tuple[dict[str, Any], str]:
    """Return the JSON object at the beginning of a file, and the text after it, or raise InvalidStateError."""
    text = _decoded(content)
    document, end = _first_document(text)
    return document, text[end:]


def account_problems(account: Account) -> list[str]:
    """Return a sentence per field of an account that has the wrong type."""
    try:
        _validated(Account, dataclasses.asdict(account))
    except ValidationError as wrong:
        return _sentences(wrong, {})
    except UnicodeEncodeError:
        return [_SURROGATE]
    except ValueError:
        # Python writes at most 4 300 digits.
        return ["a number has too many digits"]
    return []


def _decoded(content: bytes) -> str:
    # By a byte order mark, or by where the first characters have zeros.
    encoding = json.detect_encoding(content)
    if not encoding.startswith("utf-8") and content[:64].decode(encoding, "ignore").lstrip().startswith("{"):
        raise InvalidStateError("It is UTF-16 or UTF-32 instead of UTF-8. Convert it, for instance with iconv.")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as wrong:
        raise InvalidStateError(f"It is not UTF-8 at byte {wrong.start}. {_REPAIR}") from None


def _first_document(text: str) -> tuple[dict[str, Any], int]:
    """Return the whole state at the beginning of a text, and where it ends."""
    start = len(text) - len(text.lstrip())
    if not text.startswith(("{", "["), start):
        raise InvalidStateError("It is not a JSON object. Choose another file.")
    with _problems_from(1):
        document, end = _decoder().raw_decode(text, start)
        if "\\u" in text[start:end]:
            _require_unicode(document)
        if text[end:].partition("\n")[0].strip():
            raise json.JSONDecodeError("there is more after its end", text, end)
    if not isinstance(document, dict):
        raise InvalidStateError("It is not a JSON object. Choose another file.")
    return document, end


def _is_current(document: dict[str, Any]) -> bool:
    """Remove the format of a document, and return whether it is the present one."""
    format_ = document.pop("format", None)
    if type(format_) is int and format_ > FORMAT:
        raise InvalidStateError(
            f"It has format {format_}, and this version reads formats up to {FORMAT}. Update pulumi-fusion, or choose "
            "another file."
        )
    if "snapshot" in document:
        raise InvalidStateError(
            "It is a snapshot, which lacks the secrets of a state. Choose another file, and load the snapshot into the "
            "running emulator: pulumi-fusion snapshot load FILE."
        )
    if type(format_) is not int or format_ < 1:
        raise InvalidStateError("It is not a state of this emulator. Choose another file.")
    return format_ == FORMAT


def _converted(document: dict[str, Any]) -> dict[str, Any]:
    try:
        return converted(document)
    except (AttributeError, KeyError, TypeError):
        raise InvalidStateError(f"It has format 1, but not the fields of this format. {_REPAIR}") from None


def _apply(document: dict[str, Any], line: str, number: int) -> None:
    """Change a document as a line describes, or raise InvalidStateError."""
    with _problems_from(number):
        change = _decoder().decode(line)
        if "\\u" in line:
            _require_unicode(change)
    try:
        if "whole" in change:
            # It replaced what came before.
            document.clear()
            change = change["whole"]
            _is_current(change)
        for name, value in change.items():
            if name not in TABLES:
                document[name] = value
                continue
            table = document.setdefault(name, {})
            for id_, each in value.items():
                if each is None:
                    table.pop(id_, None)
                else:
                    table[id_] = each
    except (AttributeError, TypeError):
        raise InvalidStateError(f"Line {number} is not a change of a state. {_REPAIR}") from None


@functools.cache
def _decoder() -> json.JSONDecoder:
    return json.JSONDecoder(object_pairs_hook=_unique, **NUMBERS)


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    document = dict(pairs)
    if len(document) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(each for each in names if names.count(each) > 1)
        # The ids of access tokens are secret.
        raise ValueError(f"{f'the field {twice!r}' if twice in _FIELDS else 'an id'} appears twice")
    return document


@contextlib.contextmanager
def _problems_from(line: int) -> Iterator[None]:
    """Raise InvalidStateError for what is wrong with JSON that begins in this line of a file."""
    try:
        yield
    except json.JSONDecodeError as wrong:
        place, problem = f"Line {line + wrong.lineno - 1}, column {wrong.colno}", f"it is not valid JSON: {wrong.msg}"
    except UnicodeEncodeError:
        place, problem = f"Line {line}", _SURROGATE
    except RecursionError:
        place, problem = f"Line {line}", "it is nested too deeply"
    except ValueError as wrong:
        place, problem = f"Line {line}", str(wrong)
    else:
        return
    raise InvalidStateError(f"{place}: {problem}. {_REPAIR}")


def _require_unicode(document: object) -> None:
    """Raise UnicodeEncodeError for a text that UTF-8 cannot encode."""
    json.dumps(document, ensure_ascii=False).encode()


def typed(kind: type[T], document: dict[str, Any]) -> T:
    """Return the value of a dataclass that a document describes, or raise InvalidStateError."""
    try:
        value: T = _validated(kind, document)
    except ValidationError as wrong:
        refuse(_sentences(wrong, document))
    except RecursionError:
        refuse(["It is nested too deeply"])
    return value


def _validated(kind: type, document: dict[str, Any]) -> Any:
    # As JSON, in which an array is the strict form of a tuple.
    return _adapter(kind).validate_json(json.dumps(document, ensure_ascii=False).encode(), strict=True)


@functools.cache
def _adapter(kind: type) -> TypeAdapter[Any]:
    return TypeAdapter(kind)


def _sentences(wrong: ValidationError, document: dict[str, Any]) -> list[str]:
    """Return a sentence per error, without the values, some of which are secret."""
    found = []
    for error in wrong.errors(include_url=False, include_context=False, include_input=False):
        place = [str(each) for each in error["loc"]]
        if place[:1] == ["accounts"] and len(place) > 1:
            place[1] = _shortname(document["accounts"], error["loc"][1]) or place[1]
        if place[:1] in (["sessions"], ["seen"]):
            # The ids of tokens.
            place[1:2] = ["*"]
        problem = _PROBLEMS.get(error["type"], error["msg"])
        found.append(f"{'.'.join(place)}: {problem}" if place else problem)
    return found


def _shortname(accounts: Any, index: int | str) -> str | None:
    """Return the shortname of an account in an array of them."""
    account = accounts[index] if isinstance(index, int) else None
    shortname = account.get("shortname") if isinstance(account, dict) else None
    return shortname if isinstance(shortname, str) else None


def refuse(found: list[str]) -> None:
    """Raise InvalidStateError with the first problems, if there are any."""
    if found:
        shown = "; ".join(textwrap.shorten(_printable(each), _LONGEST) for each in found[:_SHOWN])
        more = f"; and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
        raise InvalidStateError(f"{shown}{more}. {_REPAIR}")


def _printable(text: str) -> str:
    return "".join(each if each.isprintable() else ascii(each)[1:-1] for each in text)
