"""What holds for all tests."""

from __future__ import annotations

import signal

from hypothesis import settings

from tests.scale import NIGHTLY, PROFILE

# A job in the background ignores SIGINT and SIGQUIT, one under nohup SIGHUP, and so would all that the tests start.
signal.signal(signal.SIGINT, signal.default_int_handler)
for ignored in (signal.SIGQUIT, signal.SIGHUP):
    signal.signal(ignored, signal.SIG_DFL)

# A run of the tests tries the same inputs every time, the nightly one others every night. How long an input takes on a
# busy machine says nothing.
settings.register_profile("default", deadline=None, database=None, derandomize=True)
settings.register_profile("nightly", deadline=None, database=None, print_blob=True)
settings.load_profile("nightly" if NIGHTLY else "default")
assert PROFILE in ("default", "nightly"), f"HYPOTHESIS_PROFILE={PROFILE}: there are default and nightly"
