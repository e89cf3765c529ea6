"""What holds for all tests."""

from __future__ import annotations

import signal

# A job in the background ignores interrupts, and so would all that the tests start and interrupt.
signal.signal(signal.SIGINT, signal.default_int_handler)
