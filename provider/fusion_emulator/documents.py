"""A state as JSON: in state files and snapshots."""

from __future__ import annotations

import dataclasses
import functools
import json
from collections.abc import Iterable
from typing import Any, Final, NamedTuple, NoReturn

from pydantic import TypeAdapter, ValidationError

from fusion_emulator.checks import problems
from fusion_emulator.earlier import converted
from fusion_emulator.state import TABLES, Account, Change, State

__all__ = ["InvalidStateError", "Read", "account_problems", "read", "written", "written_change"]

FORMAT: Final = 2

_REPAIR: Final = "Correct it, or restore a copy."

_SHOWN: Final = 5
"""The number of problems that a message names."""


class InvalidStateError(ValueError):
    """A text is not a state; the text of this error names the place, the reason and what to do."""


class Read(NamedTuple):
    """What was read.

    ``length`` is the number of bytes up to the end of the last complete change, ``current`` whether the format is the
    present one, and ``whole`` whether there were no changes.
    """

    state: State
    length: int
    current: bool
    whole: bool


def written(state: State) -> str:
    """Return a whole state as a line."""
    return _line({"format": FORMAT, **dataclasses.asdict(state)})


def written_change(change: Change) -> str:
    """Return a change as a line."""
    return _line({name: _plain(value) for name, value in change.items()})


def _line(document: dict[str, Any]) -> str:
    return json.dumps(document, separators=(",", ":"), allow_nan=False) + "\n"


def _plain(value: Any) -> Any:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return dataclasses.asdict(value)
    return {id_: _plain(each) for id_, each in value.items()} if isinstance(value, dict) else value


def read(content: bytes, *, unique_shortnames: bool) -> Read:
    """Return the state in the content of a file: a whole state, then a line per change.

    A last line without an end is a change that was not acknowledged. It is left out.

    Args:
        content: JSON in UTF-8.
        unique_shortnames: Whether two accounts with the same shortname are an error.

    Raises:
        InvalidStateError: The content is something else.
    """
    text = _decoded(content)
    document, end = _first_document(text)
    current = _is_current(document)
    document = document if current else _converted(document)
    rest = text[end:].lstrip()
    changes, _, unfinished = rest.rpartition("\n")
    start = text.count("\n", 0, len(text) - len(rest)) + 1
    for number, line in enumerate(changes.split("\n") if changes else (), start):
        _apply(document, line, number)
    state = _typed(document)
    _refuse(problems(state, unique_shortnames=unique_shortnames))
    return Read(state, len(content) - len(unfinished.encode()), current=current, whole=not rest)


def account_problems(account: Account) -> list[str]:
    """Return a sentence per field of an account that has the wrong type."""
    try:
        _validated(Account, dataclasses.asdict(account))
    except ValidationError as wrong:
        return _sentences(wrong)
    return []


def _decoded(content: bytes) -> str:
    if content.startswith((b"\xff\xfe", b"\xfe\xff")) or b"\0" in content[:100]:
        raise InvalidStateError("It is UTF-16 or UTF-32 instead of UTF-8. Convert it, for instance with iconv.")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as wrong:
        raise InvalidStateError(f"It is not UTF-8 at byte {wrong.start}. {_REPAIR}") from None


def _first_document(text: str) -> tuple[dict[str, Any], int]:
    """Return the whole state at the beginning of a text, and where it ends."""
    start = len(text) - len(text.lstrip())
    try:
        document, end = _decoder().raw_decode(text, start)
    except (ValueError, RecursionError) as wrong:
        raise InvalidStateError(f"{_json_problem(wrong)}. {_REPAIR}") from None
    if not isinstance(document, dict):
        raise InvalidStateError("It is not a state of this emulator. Choose another file.")
    return document, end


def _is_current(document: dict[str, Any]) -> bool:
    """Remove the format of a document, and return whether it is the present one."""
    format_ = document.pop("format", None)
    if type(format_) is int and format_ > FORMAT:
        raise InvalidStateError(
            f"It has format {format_}, and this release reads formats up to {FORMAT}. Update pulumi-fusion, or choose "
            "another file."
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
    try:
        change = _decoder().decode(line)
        for name, value in change.items():
            if name not in TABLES:
                document[name] = value
                continue
            for id_, each in value.items():
                if each is None:
                    document[name].pop(id_, None)
                else:
                    document[name][id_] = each
    except (ValueError, RecursionError) as wrong:
        raise InvalidStateError(f"Line {number}: {_json_problem(wrong)}. {_REPAIR}") from None
    except (AttributeError, KeyError, TypeError):
        raise InvalidStateError(f"Line {number} is not a change of a state. {_REPAIR}") from None


@functools.cache
def _decoder() -> json.JSONDecoder:
    return json.JSONDecoder(object_pairs_hook=_unique, parse_constant=_refuse_constant)


def _unique(pairs: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    pairs = list(pairs)
    document = dict(pairs)
    if len(document) < len(pairs):
        names = [name for name, _ in pairs]
        raise ValueError(f"the key {next(each for each in names if names.count(each) > 1)!r} appears twice")
    return document


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _json_problem(wrong: ValueError | RecursionError) -> str:
    return "It is nested too deeply" if isinstance(wrong, RecursionError) else f"It is not valid JSON: {wrong}"


def _typed(document: dict[str, Any]) -> State:
    try:
        state: State = _validated(State, document)
    except ValidationError as wrong:
        _refuse(_sentences(wrong))
    return state


def _validated(kind: type, document: dict[str, Any]) -> Any:
    # As JSON, in which an array is the strict form of a tuple.
    return _adapter(kind).validate_json(json.dumps(document), strict=True)


@functools.cache
def _adapter(kind: type) -> TypeAdapter[Any]:
    return TypeAdapter(kind)


def _sentences(wrong: ValidationError) -> list[str]:
    """Return a sentence per error, without the values, some of which are secret."""
    found = []
    for error in wrong.errors(include_url=False, include_context=False, include_input=False):
        place = [str(each) for each in error["loc"]]
        if place[:1] == ["sessions"]:
            place[1:2] = ["..."]
        found.append(f"{'.'.join(place)}: {error['msg']}" if place else error["msg"])
    return found


def _refuse(found: list[str]) -> None:
    """Raise InvalidStateError with the first problems, if there are any."""
    if found:
        more = f"; and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
        raise InvalidStateError(f"{'; '.join(found[:_SHOWN])}{more}. {_REPAIR}")
