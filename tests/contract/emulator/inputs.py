"""What the requests of a sequence have in their bodies."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from fusion_emulator import ROOT
from tests.contract.emulator.test_any_request import VALUES

__all__ = ["EDITS", "FIELDS", "LINES", "NAMES", "SWITCHES", "some"]

NAMES = tuple(f"acct-{number}" for number in range(6))
FIELDS: dict[str, st.SearchStrategy[Any]] = {
    "shortname": st.sampled_from(NAMES),
    "organization": st.sampled_from(["Acme, Inc.", "Grüße 🦄", "\x00\u2028\x1b[2J"]),
    "type": st.sampled_from(["customer", "reseller"]),
    "retention": st.sampled_from([7, 90]),
    "rollupRetention": st.sampled_from([180, 365]),
    "trial": st.booleans(),
    "fps": st.sampled_from([0, 2**63 - 1]),
}
EDITS: dict[str, st.SearchStrategy[Any]] = {
    **FIELDS,
    "parent": st.sampled_from([*NAMES, ROOT]),
    "ingest_ip": st.just("192.0.2.1"),
    "ingest_port": st.sampled_from([2000, 2006, 2007, 65535]),
    "allowed_ips": st.just(["127.0.0.0/8", "192.0.2.1"]),
}
SWITCHES: dict[str, st.SearchStrategy[Any]] = {
    "delete_parent": st.sampled_from(["refused", "cascades"]),
    "stale_reads": st.integers(0, 2),
    "parents": st.sampled_from(["any", "reseller"]),
    "record": st.sampled_from(["strict", "extended"]),
    "types": st.sampled_from(["other=Other", "customer=SLG,reseller=MSSP"]),
    "texts": st.sampled_from(["kept", "NFKC"]),
    "user_rate": st.sampled_from(["off", "1/300"]),
    "replay": st.sampled_from(["refused", "accepted", "maybe"]),
}
LINES = st.sampled_from(
    [
        *(
            "* * reset-after x2",
            "* * reset-before x2",
            "POST /customer 503-after x1",
            "* * cut-body x1",
            "* * 500-before",
        ),
        *("* * token-expired x1", "* * clock-skew=600 x1", "* * stale=2", "nonsense"),
    ]
)


def some(fields: dict[str, st.SearchStrategy[Any]]) -> st.SearchStrategy[dict[str, Any]]:
    """At most two of the fields, now and then with any value or an unknown name."""
    valid = st.sets(st.sampled_from(sorted(fields)), max_size=2).flatmap(
        lambda names: st.fixed_dictionaries({name: fields[name] for name in names})
    )
    odd = st.dictionaries(st.sampled_from([*fields, "id", "root", "sharedsecret"]), VALUES, max_size=2)
    return st.one_of(valid, valid, valid, st.builds(lambda one, other: {**one, **other}, valid, odd))
