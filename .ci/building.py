"""Functions of the scripts that get programs: they run commands, build Go modules and keep the results by pins."""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from steps import alone, speaker

say = speaker("build")

# Seconds; long, since they only have to end a stalled download.
INSTALLER_LIMIT = 300
BUILD_LIMIT = 3600


class UnavailableError(Exception):
    """The program can't be got from this source; the text is the reason."""


def run(
    command: Sequence[str | Path],
    *,
    limit: float,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
) -> str:
    """Return the stdout of `command`; its children are ended with it.

    Reports every 20 seconds that it still runs. Raises UnavailableError if it fails or takes over `limit` seconds.
    """
    started = time.monotonic()
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
        try:
            process = subprocess.Popen(
                command,
                cwd=cwd,
                env={**os.environ, **(env or {})},
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                start_new_session=True,
            )
        except OSError as error:
            raise UnavailableError(str(error)) from None
        try:
            while process.poll() is None:
                spent = time.monotonic() - started
                if spent > limit:
                    raise UnavailableError(f"no end after {limit:.0f} seconds")
                try:
                    process.wait(min(20, limit - spent + 0.1))
                except subprocess.TimeoutExpired:
                    say(f"  still running, {time.monotonic() - started:.0f} seconds so far")
        finally:
            if process.poll() is None:
                # A process that sudo started can't be killed; it continues to its own end.
                with contextlib.suppress(PermissionError):
                    os.killpg(process.pid, signal.SIGKILL)
                    process.wait()
        out.seek(0)
        err.seek(0)
        if process.returncode:
            lines = err.read().strip().splitlines() or [f"exit code {process.returncode}"]
            raise UnavailableError("\n    ".join(lines[-3:]))
        return out.read()


def cache() -> Path:
    # expanduser() uses the user database if HOME is unset; `or` covers variables that are set but empty.
    home = Path(os.environ.get("HOME") or "~").expanduser()
    return Path(os.environ.get("XDG_CACHE_HOME") or home / ".cache") / "pulumi-fusion"


def complete(directory: Path, programs: Sequence[str]) -> bool:
    return all((directory / program).is_file() for program in programs)


def kept(target: Path, fill: Callable[[Path], None], programs: Sequence[str]) -> Path:
    """Return `target`/bin; `fill` makes its programs in another folder, so that `target` is complete or absent."""
    directory = target / "bin"
    if complete(directory, programs):
        return directory
    with alone(target.with_name(f"{target.name}.lock"), say):
        if complete(directory, programs):
            return directory
        draft = target.with_name(f"{target.name}.draft")
        try:
            for leftover in (draft, target):
                shutil.rmtree(leftover, ignore_errors=True)
            draft.mkdir()
            fill(draft)
            if not complete(draft / "bin", programs):
                raise UnavailableError(f"it didn't make all of {', '.join(programs)}")
            draft.rename(target)
        finally:
            shutil.rmtree(draft, ignore_errors=True)
        say(f"kept in {directory}")
    return directory


def digest(pins: Sequence[Path]) -> str:
    return hashlib.sha256(b"\0".join(pin.read_bytes() for pin in pins)).hexdigest()[:12]


def builder(target: Path) -> Callable[[Path, str, str], None]:
    """Return `build(module, package, linker flags)`, which builds a package into `target`/bin.

    `module` is the folder with the go.mod that pins the package.
    """
    go = shutil.which("go")
    if not go:
        raise UnavailableError("no `go` on PATH")
    settings = go_settings()

    def build(module: Path, package: str, flags: str) -> None:
        linking = ["-ldflags", f"-s -w {flags}"]
        output = ["-o", str(target / "bin" / Path(package).name)]
        run([go, "build", *linking, *output, package], limit=BUILD_LIMIT, cwd=module, env=settings)

    return build


def go_settings() -> dict[str, str]:
    return {
        "CGO_ENABLED": "0",
        "GOFLAGS": "-mod=readonly -trimpath -buildvcs=false",
        "GOWORK": "off",
        # Without a home directory Go needs these two.
        **({} if os.environ.get("HOME") else {"GOPATH": f"{cache()}/go", "GOCACHE": f"{cache()}/go-build"}),
    }


def install_from_npm(pins: Path, target: Path) -> None:
    """Install into `target` the packages that the package-lock.json in the folder `pins` has."""
    npm = shutil.which("npm")
    if not npm:
        raise UnavailableError("no `npm` on PATH")
    for name in ("package.json", "package-lock.json"):
        shutil.copyfile(pins / name, target / name)
    # The packages' install scripts aren't needed, and no downloaded code should run here.
    run([npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund"], limit=INSTALLER_LIMIT, cwd=target)
