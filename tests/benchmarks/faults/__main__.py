"""Print the result of a create with a fault, by the policy of this provider and three common ones, as Markdown.

    python -m tests.benchmarks.faults

Each cell is one `pulumi up` of one customer against a fresh emulator, which is asked afterwards what it holds:
``kept`` is on the service and in the state, ``lost`` on the service alone, ``none`` nowhere (the next run makes it);
``doubled``: the service has it twice. Takes about a minute.
"""

from __future__ import annotations

import random
from collections import Counter
from typing import Final

from fusion_emulator import Emulator, Switches
from pulumi_fusion.api import transport
from tests.benchmarks.faults.policies import POLICIES, READ_TIMEOUT, Policy

FAULTS: Final = {
    "F5 committed, then reset": "POST /customer reset-after x1",
    "F6 committed, answer after the timeout": "POST /customer hang-after x1",
    "F7 committed, answer cut": "POST /customer cut-body x1",
    "F15 committed, then 500": "POST /customer 500-after x1",
    "F16 committed, then 502": "POST /customer 502-after x1",
    "F17 committed, then 504": "POST /customer 504-after x1",
    "F4 reset, not executed": "POST /customer reset-before x1",
    "F14 500, not executed": "POST /customer 500-before x1",
    "F18 503, not executed": "POST /customer 503-before retry-after=1 x1",
    "F12 429": "POST /customer 429 retry-after=1 x1",
    "F19 401, token ended": "POST /customer token-expired x1",
}


def tried(policy: Policy, fault: str, *, unique: bool) -> tuple[str, Counter[str]]:
    """A cell, and the customers that it adds to each total."""
    with Emulator(Switches(unique_shortnames=unique), faults=[fault]) as emulator:
        kept = policy.create(emulator)
        live = [account.id for account in emulator.accounts() if account.shortname == "acmecorp"]
    counts = Counter(
        kept=int(kept in live),
        lost=sum(each != kept for each in live),
        doubled=max(0, len(live) - 1),
        none=int(not live),
    )
    words = [f"{word}" for word in ("kept", "lost", "doubled", "none") if counts[word]]
    return ", ".join(words), counts


def main() -> None:
    # What differs between the policies is what they do, not how long they wait.
    transport.READ_SECONDS = READ_TIMEOUT
    random.seed(1)
    print(f"| fault | names | {' | '.join(policy.name for policy in POLICIES)} |")  # noqa: T201
    print(f"|---|---|{'---|' * len(POLICIES)}")  # noqa: T201
    totals = {policy.name: Counter[str]() for policy in POLICIES}
    for name, fault in FAULTS.items():
        for unique in (True, False):
            cells = []
            for policy in POLICIES:
                cell, counts = tried(policy, fault, unique=unique)
                totals[policy.name] += counts
                cells.append(cell)
            print(f"| {name} | {'unique' if unique else 'not unique'} | {' | '.join(cells)} |", flush=True)  # noqa: T201
    sums = [
        f"**{total['kept']} kept, {total['lost']} lost, {total['doubled']} doubled, {total['none']} none**"
        for total in totals.values()
    ]
    print(f"| **in all {2 * len(FAULTS)}** | | {' | '.join(sums)} |")  # noqa: T201


if __name__ == "__main__":
    main()
