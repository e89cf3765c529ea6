"""Find a known secret in a text in which it is encoded, compressed, folded or quoted, also several times.

It searches environment variables, which may contain whole documents: a docker configuration with a base64 text of
``user:password``, a YAML block, an env file. It doesn't decode encryption, base32 and base85, or join lines that have
more than white space and punctuation between the pieces of a secret.
"""

from __future__ import annotations

import binascii
import html
import re
import zlib
from collections import deque
from collections.abc import Iterator
from typing import Final
from urllib.parse import unquote_to_bytes

from pulumi_fusion.redaction import known_forms

__all__ = ["SecretSearch"]

# Limits for one text: decoded layers, bytes that are searched, bytes of one decompressed text.
_LAYERS: Final = 12
_MOST: Final = 4 * 2**20
_LARGEST: Final = 2**20

# Characters. Joining the lines of a text could produce a shorter form by chance.
_SHORTEST_JOINED: Final = 16

_LETTERS: Final = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
_EVERY: Final = bytes(range(256))
_NOT_BASE64: Final = bytes(set(_EVERY) - set(_LETTERS + b"+/-_"))
_NOT_HEX: Final = bytes(set(_EVERY) - set(b"0123456789abcdefABCDEF"))
_STANDARD: Final = bytes.maketrans(b"-_", b"+/")

# A secret and its encodings are printable, perhaps in UTF-16. Decoded bytes without such a run, and without the start
# of compressed data, were not encoded text.
_RUN: Final = re.compile(rb"(?:[\t\n\r\x20-\x7e]\0?){12}")
_COMPRESSED: Final = re.compile(rb"\x1f\x8b\x08|\x78[\x01\x5e\x9c\xda]")
_MOST_COMPRESSED: Final = 16

_ESCAPE: Final = re.compile(rb"\\(?:u00([0-9a-fA-F]{2})|x([0-9a-fA-F]{2})|([^ux]))", re.DOTALL)
_ESCAPED: Final = {b"n": b"\n", b"r": b"\r", b"t": b"\t"}


class SecretSearch:
    """A search for the secrets that are known when it is created. Drop it soon, since it contains them."""

    def __init__(self) -> None:
        self._forms = tuple(_bytes(form) for form in known_forms())
        joined = {_joined(form) for form in self._forms}
        self._joined = tuple(form for form in joined if len(form) >= _SHORTEST_JOINED)

    def finds(self, text: str) -> bool:
        """Return whether the text contains a known secret in any supported encoding."""
        begin = _bytes(text)
        waiting, seen, spent = deque([(begin, 0)]), {begin}, 0
        while waiting and spent < _MOST and self._forms:
            layer, depth = waiting.popleft()
            spent += len(layer)
            if self._shows(layer):
                return True
            for inner in _unwrapped(layer) if depth < _LAYERS else ():
                if inner not in seen and (_RUN.search(inner) or _COMPRESSED.search(inner)):
                    seen.add(inner)
                    waiting.append((inner, depth + 1))
        return False

    def _shows(self, layer: bytes) -> bool:
        if any(form in layer for form in self._forms):
            return True
        joined = _joined(layer)
        return any(form in joined for form in self._joined)


def _bytes(text: str) -> bytes:
    return text.encode(errors="surrogatepass")


def _joined(text: bytes) -> bytes:
    """Return the text without the characters that may separate the lines of a folded one."""
    return text.translate(None, _NOT_BASE64)


def _unwrapped(layer: bytes) -> Iterator[bytes]:
    """Yield every possible decoding of the layer as a whole."""
    if b"%" in layer:
        yield unquote_to_bytes(layer)
    if b"&" in layer:
        yield html.unescape(layer.decode("latin-1")).encode("latin-1", errors="replace")
    if b"\\" in layer:
        yield _ESCAPE.sub(_unescaped, layer)
    if b"\0" in layer:  # UTF-16, as PowerShell encodes
        yield layer.replace(b"\0", b"")
    for found in list(_COMPRESSED.finditer(layer))[:_MOST_COMPRESSED]:
        yield from _decompressed(layer[found.start() :])
    joined = _joined(layer)
    for text in {joined.translate(_STANDARD), joined.translate(None, b"-_")}:
        # The text before it determines the offset at which it begins; the other three offsets give noise.
        for offset in range(4):
            yield from _base64(text[offset:])
    digits = layer.replace(b"0x", b"").translate(None, _NOT_HEX)
    for offset in range(2):
        yield binascii.unhexlify(digits[offset : len(digits) - (len(digits) - offset) % 2])


def _unescaped(found: re.Match[bytes]) -> bytes:
    number = found[1] or found[2]
    return bytes([int(number, 16)]) if number else _ESCAPED.get(found[3], found[3])


def _base64(text: bytes) -> Iterator[bytes]:
    if len(text) % 4 == 1:
        text = text[:-1]
    yield binascii.a2b_base64(text + b"=" * (-len(text) % 4))


def _decompressed(compressed: bytes) -> Iterator[bytes]:
    try:
        yield zlib.decompressobj(zlib.MAX_WBITS | 32).decompress(compressed, _LARGEST)
    except zlib.error:
        return
