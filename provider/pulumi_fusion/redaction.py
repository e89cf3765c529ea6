"""Secrets that aren't shown in logs and errors, and redaction of their derived forms in any text.

Pulumi masks a secret configuration value but nothing that is derived from it
(https://github.com/pulumi/pulumi/issues/3138). So the shared secret, the application key and every token are registered
here as soon as they exist, in each encoding in which they could appear.
"""

from __future__ import annotations

import base64
import hmac
import json
import logging
import re
import traceback
from collections.abc import Iterator
from typing import Any, NoReturn
from urllib.parse import quote, quote_plus

from pulumi_fusion.characters import printable
from pulumi_fusion.forking import Lock

__all__ = ["MASK", "Secret", "forms", "known_forms", "redact", "redact_logs"]

MASK = "***"

# Characters. A shorter value is too short for a secret, and redacting it would damage ordinary words.
_SHORTEST = 6


class Secret:
    """A secret text: it is shown, formatted and logged as ``***`` and can't be pickled or copied.

    Creating one also registers every form of the text with :func:`redact`. Only :meth:`reveal` returns the text.
    """

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text
        _known.learn(text)

    def forget(self) -> None:
        """Drop the text here and from :func:`redact`; a later :meth:`reveal` returns an empty one."""
        _known.unlearn(self._text)
        self._text = ""

    def reveal(self) -> str:
        """Return the text itself, to send it."""
        return self._text

    def __repr__(self) -> str:
        return MASK

    def __format__(self, spec: str) -> str:
        return MASK

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and hmac.compare_digest(_bytes(self._text), _bytes(other._text))

    def __hash__(self) -> int:
        return hash((Secret, self._text))

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        raise TypeError("a Secret can't be pickled or copied, since the copy could be written to a file")


class _Known:
    """All forms of all secrets of this process, the longest first, since a form may contain another secret."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._forms: tuple[str, ...] = ()

    def learn(self, text: str) -> None:
        with self._lock:
            self._forms = tuple(sorted(_long_enough(text).union(self._forms), key=len, reverse=True))

    def unlearn(self, text: str) -> None:
        gone = _long_enough(text)
        with self._lock:
            self._forms = tuple(form for form in self._forms if form not in gone)

    def forms(self) -> tuple[str, ...]:
        return self._forms

    def hide(self, text: str) -> str:
        for form in self._forms:
            if form in text:
                text = text.replace(form, MASK)
        return text


def forms(text: str) -> tuple[str, ...]:
    """Return each form in which a secret text may appear, the longest first."""
    return tuple(sorted(_long_enough(text), key=len, reverse=True))


def _long_enough(text: str) -> set[str]:
    return {form for form in _forms(text) if len(form) >= _SHORTEST} if len(text) >= _SHORTEST else set()


def _bytes(text: str) -> bytes:
    # A lone surrogate isn't valid Unicode, but an environment variable can contain one (PEP 383).
    return text.encode(errors="surrogatepass")


_ENCODED_BYTE = re.compile("%[0-9A-F]{2}")


def _forms(text: str) -> Iterator[str]:
    raw = _bytes(text)
    yield text
    yield json.dumps(text)[1:-1]
    yield json.dumps(text, ensure_ascii=False)[1:-1]
    yield repr(text)[1:-1]
    for quoted in (quote(raw, safe=""), quote_plus(raw), "".join(f"%{byte:02X}" for byte in raw)):
        yield quoted
        yield _ENCODED_BYTE.sub(lambda found: found[0].lower(), quoted)
    yield raw.hex()
    yield raw.hex().upper()
    # Inside a longer base64 text the secret starts at one of three offsets, each with another encoding. The characters
    # at both ends also encode neighbouring bytes, so only those in between identify the secret.
    for offset in range(3):
        encoded = base64.b64encode(b"\0" * offset + raw).decode()
        bits = 8 * offset
        inner = encoded[-(-bits // 6) : (bits + 8 * len(raw)) // 6]
        yield inner
        yield inner.translate(str.maketrans("+/", "-_"))


_known = _Known()


def known_forms() -> tuple[str, ...]:
    """Return every form of every secret, for :class:`pulumi_fusion.secret_search.SecretSearch`."""
    return _known.forms()


def redact(text: str) -> str:
    """Return the text with every known form of every secret replaced by ``***``."""
    return _known.hide(text)


def redact_logs() -> None:
    """Make every log record of this process redacted and printable; calling it again changes nothing.

    It replaces the record factory, since a filter on the root logger doesn't get the records of child loggers
    (https://docs.python.org/3/library/logging.html#filter-objects).
    """
    make_record = logging.getLogRecordFactory()
    if getattr(make_record, "redacts", False):
        return

    def redacted(*args: Any, **kwargs: Any) -> logging.LogRecord:
        record = make_record(*args, **kwargs)
        try:
            message = record.getMessage()
        except (TypeError, ValueError, LookupError):  # a format that doesn't fit its arguments
            message = str(record.msg)
        record.msg, record.args = printable(redact(message), keep="\n\t"), None
        if record.exc_info and record.exc_info[0]:
            # Formatters reuse exc_text if it is set, instead of formatting the exception.
            text = "".join(traceback.format_exception(*record.exc_info)).rstrip()
            record.exc_text = printable(redact(text), keep="\n\t")
            record.exc_info = None
        return record

    redacted.redacts = True  # type: ignore[attr-defined]
    logging.setLogRecordFactory(redacted)
