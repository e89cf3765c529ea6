"""The command ``pulumi-fusion plugin``."""

from __future__ import annotations

import contextlib
import os
import platform
import pwd
import shlex
import shutil
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

import click

import pulumi_fusion
from pulumi_fusion.cli.stderr import report
from pulumi_fusion.documentation import more
from pulumi_fusion.paths import owner_problem
from pulumi_fusion.plugin.version import plugin_version

__all__ = ["IGNORE_PATH", "ambient", "plugin", "registered"]

_PROGRAM: Final = "pulumi-resource-fusion"

IGNORE_PATH: Final = "Set PULUMI_IGNORE_AMBIENT_PLUGINS=true where Pulumi runs, and it uses the registered one."
"""What to do about a provider on PATH, which the engine prefers to a registered one."""

_ANOTHER_HOME: Final = "Set PULUMI_HOME to a folder that you may write to, here and for Pulumi."

# The engine starts it in the folder of a project, whose files must not be imported. So it uses neither `python -m`,
# which searches that folder first, nor `python -P`, which Python 3.10 doesn't support.
_START: Final = """\
import os, sys
here = os.path.realpath(os.getcwd())
sys.path[:] = [each for each in sys.path if each and os.path.realpath(each) != here] + [{package!r}]
try:
    from pulumi_fusion.plugin.server import main
except ModuleNotFoundError as missing:
    sys.exit(f"pulumi-fusion: {{missing.name}} isn't installed in {{sys.prefix}} any more. {again}")
sys.exit(main())"""

_SCRIPT: Final = """\
#!/bin/sh
if [ ! -x {python} ]; then
  echo {gone} >&2
  exit 1
fi
exec {python} -c {code} "$@"
"""

_AGAIN: Final = (
    "The provider was registered with Pulumi from this environment, so this isn't a bug in it. Run "
    "`pulumi-fusion plugin install` in an environment that has pulumi-fusion."
)


@click.group(epilog=more("installation-configuration"))
def plugin() -> None:
    """Register the provider with Pulumi, for programs in any language.

    \b
    Example:
      pulumi-fusion plugin install
      pulumi do fusion:Customer list
    """


@plugin.command(epilog=more("installation-configuration"))
def install() -> None:
    """Register this version in the Pulumi home; doing it again changes nothing.

    Programs in any language then find it, also without an active environment. It registers a script that starts this
    environment, which must not be moved. It downloads nothing and needs no credential.

    Pulumi prefers a pulumi-resource-fusion on PATH, such as that of an active environment, and warns about it several
    times in each command. With PULUMI_IGNORE_AMBIENT_PLUGINS=true it uses the registered one.

    \b
    Environment:
      PULUMI_HOME  where Pulumi keeps its plugins; by default .pulumi in the home of the user database, not in $HOME

    \b
    Exit codes: 0 registered; 1 it failed; 2 wrong usage.
    """
    folder, notes = _folder(os.environ)
    with _failures("register the plugin in", folder):
        folder.parent.mkdir(parents=True, exist_ok=True)
        # The engine may start it at any time, so the complete folder is renamed into place.
        with tempfile.TemporaryDirectory(dir=folder.parent, prefix=f".{folder.name}-") as draft:
            program = Path(draft) / "new" / _PROGRAM
            program.parent.mkdir()
            program.write_text(_script(), encoding="utf-8")
            program.chmod(0o755)
            if folder.exists():
                folder.rename(Path(draft) / "old")
            program.parent.rename(folder)
    if program_on_path := ambient(os.environ):
        notes.append(f"{program_on_path} on PATH is used instead, with a warning in each command. {IGNORE_PATH}")
    report(" ".join([f"Registered fusion {plugin_version()} in {folder}.", *notes]))


@plugin.command(epilog=more("installation-configuration"))
def uninstall() -> None:
    """Remove this version from the Pulumi home; stacks and customers don't change.

    \b
    Environment:
      PULUMI_HOME  where Pulumi keeps its plugins; by default .pulumi in the home of the user database, not in $HOME

    \b
    Exit codes: 0 removed, or not registered; 1 it failed; 2 wrong usage.
    """
    folder, notes = _folder(os.environ)
    with _failures("remove the plugin from", folder):
        if folder.exists():
            shutil.rmtree(folder)
            result = f"Removed {folder}."
        else:
            result = f"fusion {plugin_version()} is not registered in {folder.parent}."
    report(" ".join([result, *notes]))


def registered(environ: Mapping[str, str]) -> Path | None:
    """Return the folder in which this version is registered with Pulumi, or None."""
    folder, _ = _folder(environ)
    return folder if (folder / _PROGRAM).exists() else None


def ambient(environ: Mapping[str, str]) -> str | None:
    """Return the provider on PATH, which Pulumi prefers to a registered one, or None if Pulumi ignores PATH."""
    # The engine's rule: sdk/go/common/util/cmdutil, IsTruthy.
    if environ.get("PULUMI_IGNORE_AMBIENT_PLUGINS", "").lower() in ("1", "true"):
        return None
    return shutil.which(_PROGRAM, path=environ.get("PATH", ""))


def _script() -> str:
    code = _START.format(package=str(Path(pulumi_fusion.__file__).parent.parent), again=_AGAIN)
    gone = f"pulumi-fusion: {sys.executable} is gone. {_AGAIN}"
    return _SCRIPT.format(python=shlex.quote(sys.executable), gone=shlex.quote(gone), code=shlex.quote(code))


def _folder(environ: Mapping[str, str]) -> tuple[Path, list[str]]:
    """Return the folder in which Pulumi searches this version, and notes on it for the user."""
    home, notes = _pulumi_home(environ)
    return home / "plugins" / f"resource-fusion-v{plugin_version()}", notes


def _pulumi_home(environ: Mapping[str, str], passwd: Path = Path("/etc/passwd")) -> tuple[Path, list[str]]:
    """Return the Pulumi home by the engine's rule, which differs from Python's, and notes on it for the user.

    It is PULUMI_HOME, unexpanded, else the home in the user database (sdk/go/common/util/pulumihome). The released CLI
    is built without libc, so on Linux its user database is /etc/passwd alone, and HOME is used only for a user who
    isn't in that file, and only if USER is set (os/user/lookup_stubs.go). Raises ClickException where the engine fails
    as well.
    """
    if named := environ.get("PULUMI_HOME"):
        home = Path(named).absolute()
        relative = (
            f"PULUMI_HOME is the relative path {named}, in which Pulumi doesn't expand a ~: it finds the plugin only "
            f"in commands that run in {Path.cwd()}. Set it to an absolute path."
        )
        return home, [] if Path(named).is_absolute() else [relative]
    own = environ.get("HOME", "")
    found = _home_in(passwd) or (own if environ.get("USER") else "")
    if not found:
        raise click.ClickException(
            f"Pulumi finds no home: PULUMI_HOME isn't set, user id {os.getuid()} has none in the user database, and "
            "HOME and USER aren't both set. Set PULUMI_HOME, here and for Pulumi."
        )
    differs = f"Pulumi uses the home in the user database and not HOME ({own}), unless PULUMI_HOME is set."
    return Path(found) / ".pulumi", [differs] if own and Path(own) != Path(found) else []


def _home_in(passwd: Path) -> str:
    """Return the home of this user as Go's os/user without libc reads it, or ""."""
    if platform.system() == "Linux":
        with contextlib.suppress(OSError):
            for line in passwd.read_text(encoding="utf-8", errors="surrogateescape").splitlines():
                fields = line.split(":")
                if len(fields) >= 7 and fields[2] == str(os.getuid()) and fields[0][:1] not in ("", "+", "-"):
                    return fields[5]
        return ""
    with contextlib.suppress(KeyError):
        return pwd.getpwuid(os.getuid()).pw_dir
    return ""


@contextlib.contextmanager
def _failures(attempt: str, folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as failed:
        owner = owner_problem(Path(failed.filename or folder), os.environ)
        reason = " ".join(filter(None, (f"{failed.strerror or failed}.", owner, _ANOTHER_HOME)))
        raise click.ClickException(f"cannot {attempt} {folder}: {reason}") from None
