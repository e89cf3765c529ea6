"""The YAML language server, which editors use, over its stdio.

https://microsoft.github.io/language-server-protocol/specifications/lsp/3.17/specification/
"""

from __future__ import annotations

import itertools
import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

SETTINGS: Final = {"yaml": {"validate": True, "hover": True, "completion": True, "schemaStore": {"enable": False}}}


class LanguageServer:
    """A running server for the files of a folder; its answers are read in the order in which it sends them."""

    def __init__(self, process: subprocess.Popen[bytes], folder: Path) -> None:
        assert process.stdin is not None and process.stdout is not None
        self._folder = folder
        self._input, self._output = process.stdin, process.stdout
        self._ids = itertools.count(1)
        self._diagnostics: dict[str, list[dict[str, Any]]] = {}

    def open(self, text: str) -> Document:
        """Open a new file of the folder, with this text."""
        uri = (self._folder / f"{next(self._ids)}.yaml").as_uri()
        item = {"uri": uri, "languageId": "yaml", "version": 1, "text": text}
        self.notify("textDocument/didOpen", {"textDocument": item})
        return Document(self, uri, text)

    def notify(self, method: str, params: Any) -> None:
        self._send({"method": method, "params": params})

    def request(self, method: str, params: Any) -> Any:
        """Send a request and return its result."""
        number = next(self._ids)
        self._send({"id": number, "method": method, "params": params})
        while True:
            message = self._receive()
            if message.get("id") == number and "method" not in message:
                assert "error" not in message, message
                return message["result"]

    def diagnostics(self, uri: str) -> list[dict[str, Any]]:
        """Wait for the diagnostics of an open document and return them."""
        while uri not in self._diagnostics:
            self._receive()
        return self._diagnostics.pop(uri)

    def _send(self, message: dict[str, Any]) -> None:
        body = json.dumps({"jsonrpc": "2.0", **message}).encode()
        self._input.write(b"Content-Length: %d\r\n\r\n%s" % (len(body), body))
        self._input.flush()

    def _receive(self) -> dict[str, Any]:
        """Return the next message; the server's own requests are answered, and diagnostics are kept."""
        length = 0
        while line := self._output.readline().strip():
            if line.lower().startswith(b"content-length:"):
                length = int(line.split(b":")[1])
        assert length, "the language server ended"
        message: dict[str, Any] = json.loads(self._output.read(length))
        if message.get("method") == "textDocument/publishDiagnostics":
            self._diagnostics[message["params"]["uri"]] = message["params"]["diagnostics"]
        elif "method" in message and "id" in message:
            self._send({"id": message["id"], "result": self._own_request(message)})
        return message

    @staticmethod
    def _own_request(message: dict[str, Any]) -> Any:
        if message["method"] == "workspace/configuration":
            return [SETTINGS.get(item["section"]) for item in message["params"]["items"]]
        return None


class Document:
    """A text that an editor has open."""

    def __init__(self, server: LanguageServer, uri: str, text: str) -> None:
        self._server, self._uri, self._text = server, uri, text

    def diagnostics(self) -> list[tuple[int, str]]:
        """Return the line, from 1, and the message of each problem that the editor shows."""
        return [(each["range"]["start"]["line"] + 1, each["message"]) for each in self._server.diagnostics(self._uri)]

    def completions(self, after: str) -> list[str]:
        """Return what the editor offers after the first occurrence of a text."""
        found = self._server.request("textDocument/completion", self._place(self._text.index(after) + len(after)))
        return [each["label"] for each in (found["items"] if isinstance(found, dict) else found)]

    def hover(self, at: str) -> str:
        """Return what the editor shows at the first occurrence of a text."""
        return str(self._server.request("textDocument/hover", self._place(self._text.index(at)))["contents"]["value"])

    def _place(self, position: int) -> dict[str, Any]:
        before = self._text[:position]
        place = {"line": before.count("\n"), "character": position - before.rfind("\n") - 1}
        return {"textDocument": {"uri": self._uri}, "position": place}


@contextmanager
def running(program: Path, folder: Path) -> Iterator[LanguageServer]:
    """Start the server for the files of a folder, and end it."""
    process = subprocess.Popen([program, "--stdio"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=folder)
    try:
        server = LanguageServer(process, folder)
        capabilities = {
            "workspace": {"configuration": True},
            "textDocument": {"hover": {"contentFormat": ["markdown"]}},
        }
        server.request("initialize", {"processId": None, "rootUri": folder.as_uri(), "capabilities": capabilities})
        server.notify("initialized", {})
        server.notify("workspace/didChangeConfiguration", {"settings": SETTINGS})
        yield server
    finally:
        process.kill()
        process.communicate()
