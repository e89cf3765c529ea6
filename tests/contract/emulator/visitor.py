"""A visitor of the emulator's page without JavaScript: http.client and html.parser."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from html.parser import HTMLParser
from http.client import HTTPConnection
from typing import Any, Final
from urllib.parse import urlencode

from fusion_emulator import Emulator

__all__ = ["Element", "Visit", "Visitor", "parse"]

PAGE: Final = "/_emulator/"
LIVE: Final = "/_emulator/page/live"
_VOID: Final = frozenset({"meta", "link", "input", "br"})


@dataclass
class Element:
    """An element of a document."""

    tag: str
    attributes: dict[str, str] = field(default_factory=dict)
    children: list[Element | str] = field(default_factory=list)

    @property
    def text(self) -> str:
        """All text in it, with single spaces."""
        parts = (each if isinstance(each, str) else each.text for each in self.children)
        return " ".join(" ".join(parts).split())

    def all(self, tag: str, **attributes: str) -> list[Element]:
        """Return the elements below it of this tag (``*`` is any) with these attributes."""
        found = []
        for child in self.children:
            if isinstance(child, Element):
                wanted = tag in ("*", child.tag) and attributes.items() <= child.attributes.items()
                found += [child] * wanted + child.all(tag, **attributes)
        return found

    def by_id(self, id_: str) -> Element:
        """Return the only element with this id."""
        [found] = self.all("*", id=id_)
        return found

    def rows(self) -> list[list[str]]:
        """Return the texts of the cells of its tables, without the headings."""
        rows = [row for body in self.all("tbody") for row in body.all("tr")]
        return [[cell.text for cell in row.children if isinstance(cell, Element)] for row in rows]


class _Parser(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.open = [Element("document")]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        element = Element(tag, {name: value or "" for name, value in attrs})
        self.open[-1].children.append(element)
        if tag not in _VOID:
            self.open.append(element)

    def handle_endtag(self, tag: str) -> None:
        closed = self.open.pop()
        assert closed.tag == tag, f"</{tag}> ends <{closed.tag}>"

    def handle_data(self, data: str) -> None:
        self.open[-1].children.append(data)


def parse(text: str) -> Element:
    """Return a document; fails unless every element is closed."""
    parser = _Parser()
    parser.feed(text)
    parser.close()
    assert len(parser.open) == 1, f"<{parser.open[-1].tag}> is not closed"
    return parser.open[0]


@dataclass(frozen=True)
class Visit:
    """An answer."""

    status: int
    headers: dict[str, str]
    text: str

    @property
    def document(self) -> Element:
        return parse(self.text)


@dataclass(frozen=True)
class Visitor:
    """A browser of one user of an emulator."""

    emulator: Emulator

    def send(self, method: str, path: str, body: str | None = None, **headers: str) -> Visit:
        """Send a request; ``_`` in the names of headers is ``-``."""
        connection = HTTPConnection("127.0.0.1", self.emulator.port, timeout=30)
        try:
            connection.request(method, path, body, {name.replace("_", "-"): each for name, each in headers.items()})
            response = connection.getresponse()
            return Visit(response.status, dict(response.getheaders()), response.read().decode())
        finally:
            connection.close()

    def page(self, query: str = "") -> Element:
        """Return the page."""
        visit = self.send("GET", PAGE + query)
        assert visit.status == 200, visit.text
        return visit.document

    def live(self, query: str = "") -> Element:
        """Return the live parts of the page."""
        return self.send("GET", LIVE + query).document

    def submit(self, action: str, *, token: str | None = None, **fields: Any) -> Visit:
        """Send a form of the page, with the token that the page has unless another one is given."""
        found = re.search(r'name="form_token" value="([^"]+)"', self.send("GET", PAGE).text)
        assert found is not None
        sent = {"form_token": found[1] if token is None else token, **fields}
        return self.send(
            "POST",
            f"/_emulator/page/{action}",
            urlencode(sent),
            Content_Type="application/x-www-form-urlencoded",
            Origin=self.emulator.url,
            Sec_Fetch_Site="same-origin",
        )
