"""No form of a secret is shown anywhere or written to a file."""

from __future__ import annotations

import base64
import copy
import dataclasses
import io
import json
import logging
import pickle
import re
import secrets
from collections.abc import Callable, Iterator
from urllib.parse import quote, quote_plus

import pytest

from pulumi_fusion.errors import FusionError
from pulumi_fusion.redaction import MASK, Secret, redact, redact_logs
from pulumi_fusion.settings import Settings


@pytest.fixture
def text() -> str:
    """A new secret for each test, with characters that each form encodes differently."""
    return f'{secrets.token_hex(8)}/+ "ü\\{secrets.token_hex(8)}'


def inside(before: int, after: int) -> Callable[[str], str]:
    """Return the base64 text of bytes that contain the secret."""
    return lambda text: base64.b64encode(b"x" * before + text.encode() + b"y" * after).decode()


FORMS: dict[str, Callable[[str], str]] = {
    "raw": lambda text: text,
    "json": lambda text: json.dumps({"key": text}),
    "json with unicode": lambda text: json.dumps([text], ensure_ascii=False),
    "repr": repr,
    "url": lambda text: quote(text, safe=""),
    "form": quote_plus,
    "url in lower case": lambda text: re.sub("%..", lambda found: found[0].lower(), quote(text, safe="")),
    "url with every byte encoded": lambda text: "".join(f"%{byte:02X}" for byte in text.encode()),
    "the same in lower case": lambda text: "".join(f"%{byte:02x}" for byte in text.encode()),
    "hex": lambda text: text.encode().hex(),
    "upper hex": lambda text: text.encode().hex().upper(),
    "base64": lambda text: base64.b64encode(text.encode()).decode(),
    "url-safe base64": lambda text: base64.urlsafe_b64encode(text.encode()).decode().rstrip("="),
    **{
        f"base64 after {before} and before {after} bytes": inside(before, after)
        for before in range(4)
        for after in range(4)
    },
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("place", ["{}", "before {}", "{} after", "before {} between {} after", "\n{}\n"])
def test_every_form_of_a_secret_is_masked_anywhere_in_a_text(text: str, form: str, place: str) -> None:
    shown = place.replace("{}", FORMS[form](text))
    assert redact(shown) == shown
    Secret(text)
    masked = redact(shown)
    assert MASK in masked
    for part in (text, text[:12], text[-12:], text[4:16]):
        assert part not in masked
        assert part.encode().hex() not in masked.lower()
    # Only the characters of a longer base64 text that also encode neighbouring bytes are kept.
    assert FORMS[form](text)[6:-6] not in masked


def test_the_rest_of_a_text_is_not_changed(text: str) -> None:
    Secret(text)
    assert redact(f"a {text} b {text} c") == f"a {MASK} b {MASK} c"
    assert redact("nothing to hide") == "nothing to hide"


def test_a_secret_inside_another_is_masked_completely(text: str) -> None:
    Secret(text)
    Secret(f"{text}-and-more")
    assert redact(f"{text}-and-more") == MASK


def test_a_text_too_short_for_a_secret_is_not_masked() -> None:
    Secret("up")
    Secret("")
    assert redact("pulumi up") == "pulumi up"


def test_lone_surrogates_are_masked_like_the_rest() -> None:
    broken = f"{secrets.token_hex(8)}\udcff"
    assert Secret(broken) == Secret(broken)
    assert redact(f"a {broken} b") == f"a {MASK} b"


@pytest.mark.parametrize(
    "show",
    [str, repr, ascii, "{}".format, "{:>40}".format, "{!r}".format, "%s".__mod__, "%r".__mod__, lambda s: f"{s}"],
)
def test_a_secret_shows_as_a_mask(text: str, show: Callable[[Secret], str]) -> None:
    assert show(Secret(text)) == MASK


def test_objects_that_contain_a_secret_do_not_show_it(text: str) -> None:
    secret = Secret(text)
    settings = Settings(netosecret=secret)
    for shown in (repr([secret]), repr({"key": secret}), repr(settings), str(settings), f"{settings}"):
        assert text not in shown
        assert MASK in shown
    assert not hasattr(secret, "__dict__")


@pytest.mark.parametrize("store", [*(lambda s, p=p: pickle.dumps(s, p) for p in range(6)), copy.copy, copy.deepcopy])
def test_a_secret_cannot_be_pickled_or_copied(text: str, store: Callable[[object], object]) -> None:
    for holder in (Secret(text), Settings(netosecret=Secret(text))):
        if store is copy.copy and isinstance(holder, Settings):
            continue  # a shallow copy holds the same object
        with pytest.raises(TypeError, match="can't be pickled or copied") as raised:
            store(holder)
        assert text not in str(raised.value)


def test_a_secret_cannot_be_serialized(text: str) -> None:
    with pytest.raises(TypeError):
        json.dumps(Secret(text))
    with pytest.raises(TypeError):
        dataclasses.asdict(Settings(netosecret=Secret(text)))


def test_secrets_are_compared_by_their_text(text: str) -> None:
    assert Secret(text) == Secret(text)
    assert hash(Secret(text)) == hash(Secret(text))
    assert Secret(text) != Secret(text + "x")
    assert Secret(text) != text
    assert Secret(text).reveal() == text


def test_no_part_of_an_error_shows_a_secret(text: str) -> None:
    secret = Secret(text).reveal()
    error = FusionError(f"do {secret}", f"got {secret}", shortname=secret, next_step=f"see {secret}")
    for shown in (str(error), repr(error), error.attempted, error.came_back, error.next_step, repr(error.args)):
        assert text not in shown
        assert repr(text)[1:-1] not in shown
    assert text not in str(error.during(f"redo {secret}"))


# Log records


@pytest.fixture
def written() -> Iterator[io.StringIO]:
    make_record = logging.getLogRecordFactory()
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(logging.Formatter("%(name)s %(message)s"))
    child = logging.getLogger("somebody.elses.child")
    child.setLevel(logging.DEBUG)
    child.propagate = False
    child.addHandler(handler)
    redact_logs()
    try:
        yield stream
    finally:
        child.removeHandler(handler)
        logging.setLogRecordFactory(make_record)


LOG = logging.getLogger("somebody.elses.child")


def test_log_records_of_any_logger_are_masked(text: str, written: io.StringIO) -> None:
    Secret(text)
    LOG.debug(text)
    LOG.debug("as argument %s", text)
    LOG.debug("as mapping %(key)s", {"key": text})
    LOG.debug("inside %r", {"Authorization": f"Bearer {base64.b64encode(text.encode()).decode()}"})
    assert text not in written.getvalue()
    assert base64.b64encode(text.encode()).decode()[:-4] not in written.getvalue()
    assert written.getvalue().count(MASK) == 4


def test_exceptions_in_log_records_are_masked(text: str, written: io.StringIO) -> None:
    Secret(text)

    def fail() -> None:
        try:
            dict[str, str]()[text]
        except KeyError as cause:
            raise ValueError(f"about {text}") from cause

    try:
        fail()
    except ValueError:
        LOG.exception("failed")
    shown = written.getvalue()
    assert text not in shown
    assert repr(text)[1:-1] not in shown
    assert "ValueError: about ***" in shown
    assert "KeyError" in shown
    LOG.error("without one", exc_info=(None, None, None))
    assert "without one" in written.getvalue()


def test_no_log_record_controls_a_terminal(written: io.StringIO) -> None:
    LOG.warning("a customer %s\nof two\tlines", "x\x1b[2J\u202e")
    assert written.getvalue() == "somebody.elses.child a customer x\ufffd[2J\ufffd\nof two\tlines\n"
    LOG.error("failed", exc_info=ValueError("x\x1b[2J"))
    assert "ValueError: x\ufffd[2J" in written.getvalue()
    assert "\x1b" not in written.getvalue()


@pytest.mark.parametrize(("message", "args"), [("%s %s", (1,)), ("%d", ("x",)), ("%(absent)s", ({"a": 1},))])
def test_a_log_record_with_a_wrong_format_raises_nothing(
    text: str, written: io.StringIO, message: str, args: tuple[object, ...]
) -> None:
    Secret(text)
    LOG.debug(f"{message} {text}", *args)
    assert written.getvalue() == f"somebody.elses.child {message} {MASK}\n"


def test_redact_logs_may_be_called_twice(written: io.StringIO) -> None:
    once = logging.getLogRecordFactory()
    redact_logs()
    assert logging.getLogRecordFactory() is once
