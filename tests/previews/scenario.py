"""The previews that are recorded: one of each kind of change, one of invalid inputs, and one of a broken program."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from fusion_emulator import Emulator
from tests.engine.frontends import Frontend
from tests.engine.stack import Ran

__all__ = ["FOLDER", "NAMES", "run"]

FOLDER: Final = Path(__file__).parent
NAMES: Final = ("change", "invalid", "broken")

# A customer with a value that is known after apply, and a secret one.
_MORE: Final = """
unit = {unit}
unit["{given_name}"] = pulumi.Output.secret("Grace")
unit["organization"] = customer.{customer_id}.apply(lambda value: f"Unit {{value}}")
Customer("unit", unit, pulumi.ResourceOptions())
"""


def run(frontend: Frontend, folder: Path, emulator: Emulator, save: Callable[[str, Ran], None]) -> None:
    """Run the previews with the real CLI, and pass each by its name to ``save``."""

    def customer(shortname: str, **fields: Any) -> dict[str, Any]:
        return frontend.customer(shortname, **{"organization": shortname.title(), **fields})

    stack = frontend.stack(folder, emulator)
    emulator.seed("adopted", organization="Adopted", retention=180, rollupRetention=365)
    adopted = {account.shortname: account.id for account in emulator.accounts()}["adopted"]
    before = {
        "acme-corp": customer("acme-corp"),
        "lakeside": customer("lakeside", data_retention=45, deletion_protection=True, options={"region": "west"}),
        "orchard": customer("orchard", status="Trial Active"),
        "flowmore": customer("flowmore", status="Trial Active"),
        "renamed": customer("renamed"),
        "northern": customer("northern"),
    }
    stack.declare(before)
    stack.up().ok()

    after = {name: fields for name, fields in before.items() if name != "orchard"}
    after |= {
        "lakeside": customer("lakeside", data_retention=7, options={"region": "west"}),
        "flowmore": customer("flowmore"),
        "renamed": customer("renamed-2"),
        "northern": customer("northern", type="MSSP", organization="Northern | <b>@team</b>"),
        "adopted": customer("adopted", adopt=adopted),
        "fresh-co": customer("fresh-co"),
    }
    stack.declare(after)
    program = folder / "__main__.py"
    text = program.read_text()
    keys = ("givenName", "customerId") if frontend.name == "plugin" else ("given_name", "customer_id")
    program.write_text(text + _MORE.format(unit=frontend.customer("unit-co"), given_name=keys[0], customer_id=keys[1]))
    save("change", stack.pulumi("preview", "--json", "--show-sames").ok())

    program.write_text(text)
    stack.declare({"bad-co": customer("bad-co", data_retention=8, email="ada.at.example.com", status="Paused")})
    save("invalid", stack.pulumi("preview", "--json").failed())

    program.write_text("raise ValueError('broken by ada@example.com')\n")
    save("broken", stack.pulumi("preview", "--json"))
