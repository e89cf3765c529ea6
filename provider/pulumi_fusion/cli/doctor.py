"""The command ``pulumi-fusion doctor``."""

from __future__ import annotations

import contextlib
import importlib.metadata
import os
import platform
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from enum import Enum
from pathlib import Path
from typing import Final

import click
from rich.text import Text

from pulumi_fusion.binding import Binding
from pulumi_fusion.characters import printable
from pulumi_fusion.cli.connection import connect, service_options
from pulumi_fusion.cli.output import console, print_json
from pulumi_fusion.documentation import more
from pulumi_fusion.errors import FusionError, SettingsError
from pulumi_fusion.paths import absolute
from pulumi_fusion.posix import needs_posix
from pulumi_fusion.secret_search import SecretSearch
from pulumi_fusion.settings import SETTING_SOURCES, Settings

__all__ = ["doctor"]

OLDEST_ENGINE: Final = (3, 216, 0)
"""Older engines ignore the inputs that a dynamic provider's read returns, so they don't show drift."""

_DEADLINE: Final = 20.0
"""Seconds for each request to the service unless the settings have a deadline; a diagnosis shouldn't take minutes."""


class Verdict(str, Enum):
    """The result of a check; only FAILED means that the set-up doesn't work."""

    OK = "ok"
    FAILED = "failed"
    SKIPPED = "skipped"
    OPTIONAL = "optional"


_STYLES: Final = {Verdict.OK: "green", Verdict.FAILED: "bold red", Verdict.SKIPPED: "dim", Verdict.OPTIONAL: "yellow"}


@dataclass(frozen=True)
class Check:
    """The result of one check, and how to get what is missing."""

    name: str
    verdict: Verdict
    found: str
    next_step: str | None = None


@click.command(epilog=more("troubleshooting"))
@click.option("--json", "as_json", is_flag=True, help="Print the results as JSON, for scripts.")
@service_options
@click.pass_context
def doctor(ctx: click.Context, *, as_json: bool, account: str | None, api_url: str | None) -> None:
    """Report which settings were found and where, what works, what is missing and how to get it.

    Requests the customers and their types from the service, and the version from the Pulumi CLI; changes nothing and
    shows no value of a setting. Settings in a stack's configuration aren't read: `pulumi config` lists them.

    \b
    Environment:
      NETOSECRET, FUSION_*     the settings, see `pulumi-fusion --help`
      PULUMI_FUSION_ENGINE     a directory with the Pulumi CLI, searched after PATH
      PULUMI_IGNORE_AMBIENT_PLUGINS  true: Pulumi uses the registered plugin and none on PATH

    \b
    Exit codes: 0 everything required works; 1 something is missing or fails; 2 wrong usage.
    """
    sources: dict[str, str | None] = {}
    try:
        settings = Settings.resolve({"account": account, "api_url": api_url})
    except SettingsError as wrong:
        checks = [_failed("settings", wrong), Check("service", Verdict.SKIPPED, "needs the settings")]
    else:
        sources = {name: settings.sources.get(name) for name in SETTING_SOURCES}
        checks = [*_service(settings)]
    if binding := Binding.of(os.environ):
        checks.insert(0, Check("environment", Verdict.OK, f"bound to {binding.service} by {binding.variable}"))
    checks += [_engine(os.environ), _plugin(os.environ), *_packages()]
    works = all(check.verdict is not Verdict.FAILED for check in checks)
    if as_json:
        print_json({"works": works, "settings": sources, "checks": [asdict(check) for check in checks]})
    else:
        _print(sources, checks)
    ctx.exit(0 if works else 1)


def _service(settings: Settings) -> Iterator[Check]:
    try:
        client = connect(settings, deadline=None if "deadline" in settings.sources else _DEADLINE)
    except FusionError as wrong:
        yield _failed("credential", wrong)
        yield Check("service", Verdict.SKIPPED, "needs the credential")
        return
    source = settings.sources.get("netosecret", "")
    yield Check("credential", Verdict.OK, f"of account {client.home_account}, from the {source}")
    with client:
        try:
            customers, types = client.list_customers(), client.list_customer_types()
        except FusionError as wrong:
            yield _failed("service", wrong, where=client.url)
            return
    yield Check(
        "service",
        Verdict.OK,
        f"{client.url} answers, in account {client.account}: {len(customers)} customers, "
        f"types {', '.join(each.value for each in types) or 'none'}",
    )


def _failed(name: str, wrong: FusionError, *, where: str | None = None) -> Check:
    prefix = f"{where}: " if where else ""
    return Check(name, Verdict.FAILED, f"{prefix}{wrong.came_back}", wrong.with_reference().next_step)


def _engine(environ: Mapping[str, str]) -> Check:
    """Check the engine on PATH, else the one in PULUMI_FUSION_ENGINE."""
    install = (
        f"Install the Pulumi CLI {_dotted(OLDEST_ENGINE)} or newer: https://www.pulumi.com/docs/iac/download-install/ "
        "(in a clone of this project, `.ci/engine/get` prints a directory that contains it)."
    )
    kept = environ.get("PULUMI_FUSION_ENGINE", "").strip()
    with contextlib.suppress(ValueError):  # a ~ without a home: nothing is found there
        kept = kept and str(absolute(kept, environ))
    places = [place for place in (environ.get("PATH"), kept) if place]
    found = [program for program in (shutil.which("pulumi", path=place) for place in places) if program]
    problems = []
    for program in found:
        try:
            version = _version(Path(program), environ)
        except ValueError as wrong:
            problems.append(f"{program} {wrong}")
            continue
        if version < OLDEST_ENGINE:
            problems.append(f"{program} is {_dotted(version)}, which is too old")
            continue
        if host := _missing_host(Path(program), environ):
            problems.append(f"{program} has no {host} in its folder or on PATH, which Python programs need")
            continue
        on_path = shutil.which("pulumi", path=environ.get("PATH", "")) == program
        directory = Path(program).parent
        return Check(
            "engine",
            Verdict.OK,
            f"Pulumi CLI {_dotted(version)}, {program}",
            None if on_path else f'It is not on PATH: export PATH="{directory}:$PATH".',
        )
    what = "; ".join(problems) or "no `pulumi` on PATH" + (f" or in {kept}" if kept else "")
    return Check("engine", Verdict.FAILED, what, install)


def _version(program: Path, environ: Mapping[str, str]) -> tuple[int, ...]:
    """Return the version of the engine. Raises ValueError with the reason if it can't be read."""
    # `pulumi version` needs neither the credential nor the network.
    search = SecretSearch()
    kept = {name: value for name, value in environ.items() if name != "NETOSECRET" and not search.finds(value)}
    try:
        done = subprocess.run(  # noqa: S603  # the engine that every other command of the user runs
            [program, "version"],
            env={**kept, "PULUMI_SKIP_UPDATE_CHECK": "true"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as wrong:
        raise ValueError(f"does not run: {wrong}") from None
    numbers = re.match(r"v?(\d+)\.(\d+)\.(\d+)", done.stdout.strip())
    if done.returncode or not numbers:
        raise ValueError(f"doesn't print its version (exit code {done.returncode})")
    return tuple(map(int, numbers.groups()))


def _missing_host(program: Path, environ: Mapping[str, str]) -> str | None:
    # Package managers link only `pulumi` into their bin directory; its hosts are in the folder of the real file.
    search = os.pathsep.join([str(program.parent), str(program.resolve().parent), environ.get("PATH", "")])
    hosts = ("pulumi-language-python", "pulumi-resource-pulumi-python")
    return next((host for host in hosts if not shutil.which(host, path=search)), None)


def _plugin(environ: Mapping[str, str]) -> Check:
    """Check which provider Pulumi runs for programs that use the plugin; other programs need none."""
    install = f"For programs that use the plugin: pulumi-fusion plugin install. {more('installation-configuration')}"
    try:
        from pulumi_fusion.cli import plugin
    except ModuleNotFoundError as missing:
        if (sentence := needs_posix("the plugin", missing)) is None:
            raise
        return Check("plugin", Verdict.OPTIONAL, sentence)
    try:
        registered = plugin.registered(environ)
    except click.ClickException as wrong:
        return Check("plugin", Verdict.OPTIONAL, wrong.message, install)
    ambient = plugin.ambient(environ)
    if registered and ambient:
        found = f"{ambient} on PATH is used, with a warning in each command, and not the one in {registered}"
        return Check("plugin", Verdict.OPTIONAL, found, plugin.IGNORE_PATH)
    if registered:
        return Check("plugin", Verdict.OK, f"registered in {registered}")
    if ambient:
        return Check("plugin", Verdict.OK, f"{ambient} on PATH; Pulumi warns about it in each command")
    return Check("plugin", Verdict.OPTIONAL, "not registered with Pulumi and not on PATH", install)


def _packages() -> Iterator[Check]:
    yield Check("python", Verdict.OK, f"{platform.python_version()}, {sys.executable}")
    try:
        own = importlib.metadata.version("pulumi-fusion")
        required = importlib.metadata.requires("pulumi-fusion") or []
    except importlib.metadata.PackageNotFoundError:
        yield Check(
            "packages", Verdict.FAILED, "pulumi-fusion is not installed", "Install it with: pip install pulumi-fusion"
        )
        return
    versions = {_name(each): _installed(_name(each)) for each in required if "extra ==" not in each}
    missing = [name for name, version in versions.items() if version is None]
    shown = [f"{name} {version}" for name, version in {"pulumi-fusion": own, **versions}.items() if version]
    pip = f"{sys.executable} -m pip install"
    if missing:
        yield Check("packages", Verdict.FAILED, f"{', '.join(missing)} not installed", f"{pip} {' '.join(missing)}")
    else:
        yield Check("packages", Verdict.OK, ", ".join(shown))
    flask = _installed("Flask")
    yield (
        Check("emulator", Verdict.OK, f"Flask {flask}")
        if flask
        else Check("emulator", Verdict.OPTIONAL, "Flask is not installed", f"{pip} 'pulumi-fusion[emulator]'")
    )


def _name(requirement: str) -> str:
    matched = re.match(r"[A-Za-z0-9._-]+", requirement)
    return matched[0] if matched else requirement


def _installed(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def _dotted(version: tuple[int, ...]) -> str:
    return ".".join(map(str, version))


def _print(sources: Mapping[str, str | None], checks: list[Check]) -> None:
    screen = console()
    for name, source in sources.items():
        screen.print(Text(printable(f"setting   {name}: {source or 'not given'}"), style="" if source else "dim"))
    for check in checks:
        verdict = Text(f"{check.verdict.value:<10}", style=_STYLES[check.verdict])
        screen.print(verdict + Text(f"{check.name}: {printable(check.found)}"))
        if check.next_step:
            screen.print(Text(f"{'':<10}{printable(check.next_step)}"))
