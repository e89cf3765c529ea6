"""Configuration of all tests."""

from __future__ import annotations

import signal
from collections.abc import Iterator

import pytest
from hypothesis import settings

from pulumi_fusion import redaction
from tests.scale import NIGHTLY, PROFILE

# A background job inherits ignored SIGINT and SIGQUIT, and one under nohup SIGHUP; the processes of the tests must not.
signal.signal(signal.SIGINT, signal.default_int_handler)
for ignored in (signal.SIGQUIT, signal.SIGHUP):
    signal.signal(ignored, signal.SIG_DFL)

# Each run uses the same random inputs, the nightly one new ones. An input has no deadline, since the machine may be
# loaded.
settings.register_profile("default", deadline=None, database=None, derandomize=True)
settings.register_profile("nightly", deadline=None, database=None, print_blob=True)
settings.load_profile("nightly" if NIGHTLY else "default")
assert PROFILE in ("default", "nightly"), f"HYPOTHESIS_PROFILE={PROFILE}: there are default and nightly"


@pytest.fixture(autouse=True)
def forgotten_secrets() -> Iterator[None]:
    """Let the redaction forget the credentials of a test after it; every later text is searched for all it knows."""
    known = redaction._known
    before = known.forms()
    yield
    known._forms = before
