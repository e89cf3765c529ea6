"""Usage errors and help of the command line."""

from __future__ import annotations

import re
import subprocess
import sys

import click
import pytest
from click.testing import CliRunner

from pulumi_fusion.cli.commands import COMMANDS, pulumi_fusion


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nope"], "No such command 'nope'"),
        (["customers", "--netosecret", "x"], "No such option"),
        (["customers", "extra"], "unexpected extra argument"),
        (["emulator", "--port", "70000"], "--port"),
        (["emulator", "--port", "many"], "--port"),
        (["emulator", "--switch", "nope=1"], "there are: absence, "),
        (["emulator", "--switch", "record=loose"], "strict | extended"),
        (["emulator", "--fault", "POST /customer nope"], "there are: reset, hang"),
        (["emulator", "--fault", "nope"], "METHOD PATH KIND"),
    ],
)
def test_wrong_usage_exits_2_and_names_what_is_wrong(arguments: list[str], message: str) -> None:
    result = CliRunner().invoke(pulumi_fusion, arguments)
    assert result.exit_code == 2
    assert message in result.stderr
    assert result.stdout == ""


@pytest.mark.parametrize(
    "verb", [*(name for name in COMMANDS if name != "plugin"), "plugin install", "plugin uninstall"]
)
def test_every_command_has_help_with_its_exit_codes(verb: str) -> None:
    result = CliRunner().invoke(pulumi_fusion, [*verb.split(), "--help"])
    assert result.exit_code == 0
    assert "Exit codes" in result.stdout


def test_help_lists_every_command_with_its_summary() -> None:
    shown = CliRunner().invoke(pulumi_fusion, ["--help"]).stdout
    for verb, summary in COMMANDS.items():
        assert f"{verb} " in shown
        assert summary in shown


@pytest.mark.parametrize("verb", COMMANDS)
def test_no_command_has_an_option_for_the_credential(verb: str) -> None:
    command = pulumi_fusion.get_command(click.Context(pulumi_fusion), verb)
    assert command is not None
    valued = [each for each in command.params if not getattr(each, "is_flag", False)]
    assert not [name for each in valued for name in each.opts if re.search("secret|token|key|credential", name)]


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["masquerade", "--help"]])
def test_help_and_version_do_not_import_the_http_stack(arguments: list[str]) -> None:
    program = (
        "import sys\n"
        f"sys.argv = ['pulumi-fusion', *{arguments!r}]\n"
        "from pulumi_fusion.cli import main\n"
        "code = main()\n"
        "loaded = {'pulumi', 'grpc', 'requests', 'pydantic', 'flask', 'werkzeug', 'rich'} & set(sys.modules)\n"
        "sys.exit(code or ' '.join(loaded) or 0)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
