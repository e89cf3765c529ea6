"""The messages in provider/docs/messages.md and on the pages about errors are those that users get."""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

import pytest

from fusion_emulator import Emulator
from pulumi_fusion import documentation, errors
from pulumi_fusion.errors import FusionError
from tests.docs.messages import ERRORS, PAGES, TRIGGERS, CheckFailedError, Service, quoted, raised

PAGE: Final = Path(__file__).parents[2] / "provider" / "docs" / "messages.md"
QUOTED: Final = {name: text for page in PAGES for name, text in quoted(page.read_text(encoding="utf-8")).items()}


class Row(NamedTuple):
    """A row of the page."""

    operation: str
    error: str
    part: str

    def matches(self, message: str) -> bool:
        """Return whether the message contains the stable part."""
        return bool(re.search(re.escape(self.part).replace("…", ".+?"), message))


def rows() -> list[Row]:
    """Return the rows of the page."""
    return [Row(*each) for each in re.findall(r"^\| ([^|]+) \| ([^|]+) \| `(.+)` \|$", PAGE.read_text(), re.MULTILINE)]


@pytest.fixture
def own_process(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Undo what a provider process sets: the log records and the length of tracebacks."""
    monkeypatch.setattr(sys, "tracebacklimit", 1000, raising=False)
    factory = logging.getLogRecordFactory()
    yield
    logging.setLogRecordFactory(factory)


@pytest.fixture
def service(own_process: None, tmp_path: Path) -> Iterator[Service]:
    with Emulator() as emulator:
        yield Service(emulator, tmp_path)


@pytest.mark.parametrize("row", rows(), ids=lambda row: row.operation)
def test_a_documented_message_is_the_real_one(service: Service, row: Row) -> None:
    with pytest.raises((FusionError, CheckFailedError)) as raised:
        TRIGGERS[row.operation](service)

    assert row.matches(str(raised.value)), str(raised.value)
    if isinstance(raised.value, FusionError):
        assert row.error == f"`{type(raised.value).__name__}`"
    elif row.error != "failure without a property":
        assert str(raised.value).startswith(f"{row.error.removeprefix('failure of ').strip('`')}: ")


def test_every_documented_message_has_a_trigger() -> None:
    assert [row.operation for row in rows()] == [*TRIGGERS]


@pytest.mark.usefixtures("own_process")
@pytest.mark.parametrize("name", ERRORS)
def test_the_message_of_an_error_class_is_the_real_one(name: str) -> None:
    failure = raised(name)

    assert type(failure).__name__ == name
    assert QUOTED[name] == str(failure), "run .venv/test/bin/python -m tests.docs.messages"


def test_each_error_class_has_a_section_on_its_page_and_a_message_unless_it_is_a_base_class() -> None:
    families = {kind.__base__ for name in errors.__all__ if (kind := getattr(errors, name))}
    bases = {name for name in errors.__all__ if getattr(errors, name) in families} - ERRORS.keys()
    assert bases == {"FusionError", "Refusal", "RequestFailed", "Rejected"}
    assert QUOTED.keys() == ERRORS.keys() == set(errors.__all__) - bases
    headings = {path.stem: re.findall(r"^## (\w+)$", path.read_text(encoding="utf-8"), re.MULTILINE) for path in PAGES}
    described = {documentation.about_error(name) for names in headings.values() for name in names}
    assert described == {documentation.about_error(name) for name in errors.__all__}
    for page, names in headings.items():
        assert {documentation.about_error(name) for name in names} == {
            documentation.more(page, each.lower()) for each in names
        }


def test_the_message_of_a_class_has_a_stable_part_if_the_class_has_some() -> None:
    parts: dict[str, list[Row]] = {}
    for row in rows():
        if re.fullmatch(r"`[A-Z]\w+`", row.error):
            parts.setdefault(row.error.strip("`"), []).append(row)
    assert parts
    assert [name for name, found in parts.items() if not any(row.matches(QUOTED[name]) for row in found)] == []
