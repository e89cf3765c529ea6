"""Search what the jobs of a pipeline left for planted credentials."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from urllib.parse import quote

from tests.engine.stack import credential_parts

__all__ = ["leaks", "parts"]


def parts(netosecret: str) -> list[str]:
    """Return a credential, what it encodes, and the secret in it."""
    return [netosecret, base64.b64decode(netosecret + "==").decode(), credential_parts(netosecret)["sharedsecret"]]


def leaks(secrets: Iterable[str], texts: Iterable[str], *folders: Path) -> list[str]:
    """Return where one of the secrets is, in any form: in the texts, or in the files of the folders."""
    contents = [("a text", each.encode()) for each in texts]
    files = (each for folder in folders for each in folder.rglob("*"))
    # Links lead to the environment of the tests.
    contents += [(str(each), each.read_bytes()) for each in files if each.is_file() and not each.is_symlink()]
    forms = [form for secret in secrets for form in _forms(secret)]
    return [where for where, content in contents if any(form in content for form in forms)]


def _forms(secret: str) -> Iterator[bytes]:
    raw = secret.encode()
    yield from (
        raw,
        json.dumps(secret)[1:-1].encode(),
        quote(secret, safe="").encode(),
        base64.b64encode(raw).rstrip(b"="),
    )
