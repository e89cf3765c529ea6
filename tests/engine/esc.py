"""A server for `pulumi env run`, instead of Pulumi ESC: it opens the environments of examples/gitops/esc."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Final

import yaml

__all__ = ["FOLDER", "evaluated", "serve"]

FOLDER: Final = Path(__file__).resolve().parents[2] / "examples/gitops/esc"


def evaluated(name: str, secrets: Mapping[str, str], more: Mapping[str, str]) -> dict[str, Any]:
    """Return the properties of an environment as ESC's API has them.

    Args:
        name: The environment.
        secrets: What `pulumi env set --secret` has set, by key.
        more: Environment variables that the test needs.
    """
    definition = yaml.safe_load((FOLDER / f"{name}.yaml").read_text(encoding="utf-8"))
    assert set(definition) == {"values"}
    values = definition["values"]
    properties: dict[str, Any] = {}
    for key in [key for key, value in values.items() if set(value) == {"fn::secret"}]:
        properties[key] = {"value": secrets[key], "secret": True, "trace": {}}
    for section in ("files", "environmentVariables"):
        resolved = {}
        for variable, text in {**values[section], **(more if section == "environmentVariables" else {})}.items():
            reference = re.fullmatch(r"\$\{(\w+)\}", text)
            resolved[variable] = properties[reference[1]] if reference else {"value": text, "trace": {}}
        properties[section] = {"value": resolved, "trace": {}}
    assert set(properties) == set(values), "only what the CLI and this server know"
    return properties


@contextmanager
def serve(environments: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    """Serve environments of the organization msp by their names, such as fusion/preview; yield the url."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            opened = re.fullmatch(r"/api/esc/environments/msp/(.+)/open/session", self.path)
            self._answer({"properties": environments[opened[1]]} if opened else {"githubLogin": "you"})

        def do_POST(self) -> None:
            self._answer({"id": "session"})

        def _answer(self, content: Mapping[str, Any]) -> None:
            body = json.dumps(content).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:
            """Write nothing to stderr."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
