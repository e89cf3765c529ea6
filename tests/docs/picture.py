"""Make the pictures of the documents from real runs, in the environment of tests/run.

``python -m tests.docs.picture preview`` applies the program of the quick start against an emulator, changes it, and
records a preview, an update and the list of customers in a terminal. ``python -m tests.docs.picture session`` records a
masquerade session in bash.
"""

from __future__ import annotations

import os
import re
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.terminal_theme import TerminalTheme
from rich.text import Text

from fusion_emulator import Emulator
from tests.contract.sessions.pseudo_terminal import PseudoTerminal
from tests.docs.blocks import ROOT
from tests.engine.stack import Stack

PREVIEW: Final = ROOT / "provider" / "docs" / "preview.svg"
SESSION: Final = ROOT / "examples" / "masquerade" / "red-line.svg"
COLUMNS: Final = 116
ACME: Final = """
acme = Customer(
    "acme",
    email="admin@acme.example.com",
    given_name="Skippy",
    family_name="Longbottom",
    organization="Acme Corporation",
    shortname="acme-corp",
    type="SLG",
    status="Active",
    data_retention=90,
    rollup_retention=365,
)
"""

_COLORS: Final = [(255, 95, 95), (95, 215, 135), (230, 190, 90), (95, 160, 255), (215, 135, 215), (95, 215, 215)]
_BACKGROUND: Final = (27, 31, 36)
_TEXT: Final = (220, 220, 220)
_BRIGHT: Final = [(128, 128, 128), *_COLORS, (255, 255, 255)]
_THEME: Final = TerminalTheme(_BACKGROUND, _TEXT, [_BACKGROUND, *_COLORS, _TEXT], _BRIGHT)
# White text on the red of _THEME would be hard to read.
_RED_THEME: Final = TerminalTheme(_BACKGROUND, _TEXT, [_BACKGROUND, (197, 22, 30), *_COLORS[1:], _TEXT], _BRIGHT)
_CONTROLS: Final = re.compile(r"\x1b\][^\x1b\a]*(?:\x1b\\|\a)|\x1b\[[0-9;?]*[A-Zhlnt]")
# rich's format without the fonts that a viewer would download.
_FORMAT: Final = """\
<svg class="rich-terminal" viewBox="0 0 {width} {height}" xmlns="http://www.w3.org/2000/svg">
<style>
.{unique_id}-matrix {{ font-family: ui-monospace, 'DejaVu Sans Mono', Menlo, Consolas, monospace;
  font-size: {char_height}px; line-height: {line_height}px; font-variant-east-asian: full-width; }}
.{unique_id}-title {{ font-size: 18px; font-weight: bold; font-family: arial; }}
{styles}
</style>
<defs>
<clipPath id="{unique_id}-clip-terminal">
<rect x="0" y="0" width="{terminal_width}" height="{terminal_height}" />
</clipPath>
{lines}
</defs>
{chrome}
<g transform="translate({terminal_x}, {terminal_y})" clip-path="url(#{unique_id}-clip-terminal)">
{backgrounds}
<g class="{unique_id}-matrix">
{matrix}
</g>
</g>
</svg>
"""


def preview(folder: Path) -> list[tuple[str, str]]:
    """Return the commands and what a terminal shows after each, with its colors."""
    for name in ("Pulumi.yaml", "__main__.py"):
        shutil.copy(ROOT / "examples" / "quickstart" / name, folder)
    program = folder / "__main__.py"
    with Emulator() as emulator:
        environment = {"NETOSECRET": emulator.netosecret, "FUSION_API_URL": emulator.url}
        stack = Stack(folder, environment, name="dev")
        stack.up().ok()
        program.write_text(program.read_text().replace("data_retention=45", "data_retention=7") + ACME)
        previewed = _shown(["pulumi", "preview", "--suppress-outputs"], stack)
        stack.up().ok()
        customers = _shown(["pulumi-fusion", "customers"], stack)
    return [
        ("pulumi preview --suppress-outputs", previewed),
        ("pulumi up", "..."),
        ("pulumi-fusion customers", customers),
    ]


def _shown(command: list[str], stack: Stack) -> str:
    environment = stack.environment()
    del environment["NO_COLOR"]
    terminal = PseudoTerminal(command, folder=stack.folder, environ=environment)
    terminal.resize(40, COLUMNS)
    terminal.see(r"\S")  # the terminal has no output to read before the command has opened it
    if code := terminal.end():
        raise RuntimeError(f"{' '.join(command)} ended with {code}: {terminal.shown}")
    return _last_frame(terminal.shown)


def _last_frame(shown: str) -> str:
    """Return the text without the frames of the progress display that were drawn over, and without its controls."""
    first, *frames = re.split(r"\r?\x1b\[\d+A", shown)
    if frames:
        # The last movement goes up over empty lines; the one before it draws the table a last time.
        first = first.partition("\x1b[?25l")[0] + frames[-2].rstrip("\r\n\x1b[K") + "\r\n\r\n" + frames[-1]
    return _CONTROLS.sub("", first).replace("\r", "").strip("\n")


def session(folder: Path) -> list[tuple[str, str]]:
    """Return the command that opens a session, and all that the terminal shows until its end."""
    (folder / ".bashrc").write_text("PS1='$ '\n")
    with Emulator() as emulator:
        emulator.seed("acme-corp", type="reseller")
        emulator.seed("acme-east", parent="acme-corp", retention=90, rollupRetention=365)
        emulator.seed("acme-west", parent="acme-corp", retention=45, rollupRetention=90, trial=True)
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(folder),
            "SHELL": "/bin/bash",
            "NETOSECRET": emulator.netosecret,
            "FUSION_API_URL": emulator.url,
        }
        command = ["pulumi-fusion", "masquerade", "acme-corp", "--reason", "INC-1234 ingest check"]
        terminal = PseudoTerminal(command, folder=folder, environ=environment)
        terminal.resize(40, COLUMNS)
        for line in ("pulumi-fusion customers", "pulumi-fusion types", "exit"):
            terminal.see(r"\$ (\x1b\][^\a]*\a)?$")
            terminal.enter(line)
        if code := terminal.end():
            raise RuntimeError(f"the session ended with {code}: {terminal.shown}")
    lines = [_filled(line) for line in terminal.shown.replace("\r", "").splitlines()]
    return [('pulumi-fusion masquerade acme-corp --reason "INC-1234 ingest check"', "\n".join(lines))]


def _filled(line: str) -> str:
    """Return the line without its controls, with spaces to its end if the terminal fills it with its color."""
    before, erased, after = line.partition("\x1b[K")
    if erased and before.endswith("m"):
        text, reset, rest = after.partition("\x1b[0m")
        line = f"{before}{text:{COLUMNS}}{reset}{rest}"
    return _CONTROLS.sub("", line)


def main() -> None:
    """Write the pictures that the arguments name."""
    for name in sys.argv[1:]:
        with tempfile.TemporaryDirectory() as temporary:
            if name == "session":
                _write(SESSION, session(Path(temporary)), title="MASQUERADE acme-corp (read-only)", theme=_RED_THEME)
            else:
                _write(PREVIEW, preview(Path(temporary)), title="quickstart", theme=_THEME)


def _write(picture: Path, commands: list[tuple[str, str]], *, title: str, theme: TerminalTheme) -> None:
    with Path("/dev/null").open("w") as nothing:
        console = Console(file=nothing, record=True, width=COLUMNS, force_terminal=True, color_system="truecolor")
        for command, shown in commands:
            console.print(Text.assemble(("$ ", "bold green"), (command, "bold white")))
            console.print(Text.from_ansi(shown))
            console.print()
    exported = console.export_svg(
        title=title, theme=theme, code_format=_FORMAT, unique_id=picture.stem, font_aspect_ratio=0.602
    )
    picture.write_text("".join(f"{line.rstrip()}\n" for line in exported.splitlines()), encoding="utf-8")


if __name__ == "__main__":
    main()
