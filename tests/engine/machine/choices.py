"""What the rules choose from."""

from __future__ import annotations

from typing import Any, Final

from hypothesis import strategies as st

NAMES: Final = ("a", "b", "c", "d")
SHORTNAMES: Final = ("alpha", "bravo", "carol", "delta")

FIELDS: Final[dict[str, tuple[Any, ...]]] = {
    "dataRetention": (7, 45, 90),
    "rollupRetention": (90, 180, 365),
    "status": ("Active", "Trial Active"),
    "organization": ("Acme, Inc.", "Acme plc"),
    "type": ("SLG", "MSSP"),
    "contractualFlowsPerSecond": (1, 500, None),
    "email": ("other@example.com", None),
    "deletionProtection": (True, False),
}
CHANGES: Final = st.sampled_from([(key, value) for key, values in FIELDS.items() for value in values])

OPTIONS: Final = st.sampled_from(
    [
        ("protect", True),
        ("protect", None),
        ("delete_before_replace", True),
        ("delete_before_replace", None),
        ("replace_on_changes", ["dataRetention"]),
        ("replace_on_changes", ["organization"]),
        ("replace_on_changes", None),
        ("ignore_changes", ["dataRetention"]),
        ("ignore_changes", ["email", "givenName", "familyName"]),
        ("ignore_changes", None),
        ("retain_on_delete", True),
        ("retain_on_delete", None),
    ]
)

FAULTS: Final = st.sampled_from(
    [
        f"{request} {kind} x1"
        for request, kinds in {
            "POST /customer": ("reset-after", "500-before", "504-after", "cut-body", "exists-409", "missing-fields=id"),
            "PUT /customer/*": ("reset-after", "500-before", "504-after"),
            "DELETE /customer/*": ("reset-after", "500-before", "504-after", "204-before"),
            "GET /customer/*": ("500", "html-404", "other-account", "403", "reset"),
            "GET /customers": ("500", "html-200", "429 retry-after=1", "empty"),
            "POST /auth/token": ("500", "401"),
        }.items()
        for kind in kinds
    ]
)
MOMENTS: Final = st.sampled_from(
    [
        f"{request} hang-{side}=3 x1"
        for request in ("POST /customer", "PUT /customer/*", "DELETE /customer/*")
        for side in ("before", "after")
    ]
)
WAYS: Final = st.sampled_from(["bare", "bare", "alias", "alias", "adopt"])
