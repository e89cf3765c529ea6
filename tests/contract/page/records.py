"""A record of an audit file, for pages that show a session without one."""

from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone
from pathlib import Path

__all__ = ["record_session"]


def record_session(audit: Path, *, customer: str, mode: str) -> None:
    """Write the start of a session that lasts 15 minutes."""
    now = datetime.now(timezone.utc)
    times = {"time": now.isoformat(), "until": (now + timedelta(minutes=15)).isoformat()}
    audit.write_text(
        f"{json.dumps({'event': 'start', 'session': 'a1', 'customer': customer, 'mode': mode, **times})}\n"
    )
