"""The fauxkey program: where it is, and an instance of it that belongs to one test."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

from ._api import FauxkeyError

PATIENCE = 30.0
"""Seconds in which an instance comes up, or ends."""
LONGEST_FOLDER = 60
"""The longest path of a socket is 107 bytes (unix(7)); under a home, 28 of them are ours."""


def _program(named: str | None) -> str:
    return named or os.environ.get("FAUXKEY_BIN") or "fauxkey"


def _surroundings(home: str) -> dict[str, str]:
    """The environment without the settings of other instances."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("FAUXKEY_")}
    return kept | {"FAUXKEY_HOME": home, "NO_COLOR": "1"}


def _missing(named: str | None) -> FauxkeyError:
    hint = "put fauxkey into PATH, or name it in FAUXKEY_BIN"
    return FauxkeyError(f"there is no program {_program(named)}", hint=hint)


def _run(named: str | None, home: str, *arguments: str) -> str:
    command = [_program(named), *arguments]
    try:
        done = subprocess.run(command, env=_surroundings(home), capture_output=True, text=True, stdin=subprocess.DEVNULL)
    except FileNotFoundError:
        raise _missing(named) from None
    if done.returncode != 0:
        raise FauxkeyError(done.stderr.strip().removeprefix("fauxkey: "))
    return done.stdout


def temporary_home() -> str:
    """A folder for one run: the instance's home, traces, and nothing that stays."""
    usual = tempfile.gettempdir()
    base = "/tmp" if len(usual) > LONGEST_FOLDER and os.path.isdir("/tmp") else None
    return tempfile.mkdtemp(prefix="fauxkey-", dir=base)


def environment(home: str, *, program: str | None = None) -> dict[str, str]:
    """The variables that show the devices of a home to a program that is started with them. Linux alone has them."""
    variables: dict[str, str] = json.loads(_run(program, home, "exec", "--print-env", "--json"))
    return variables


class Instance:
    """An instance that keeps nothing, and ends with this process at the latest."""

    def __init__(
        self, *, program: str | None, home: str, profile: str, name: str, seed: int | None, on_exec: bool
    ) -> None:
        self._program = program
        self._home = home
        self.folder = Path(tempfile.mkdtemp(prefix="test-", dir=home))
        self.trace_file = self.folder / "trace.jsonl"
        self._log = self.folder / "log"
        ready = self.folder / "ready.json"
        command = [_program(program), "run", "--ephemeral", "--exit-with-parent", "--ready-file", str(ready)]
        command += ["--trace", str(self.trace_file), "--device", f"{name}={profile}"]
        command += ["--attach", "exec" if on_exec else "socket"]
        if seed is not None:
            command += ["--seed", str(seed)]
        with self._log.open("wb") as log:
            try:
                self._process = subprocess.Popen(
                    command, env=_surroundings(home), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=log
                )
            except FileNotFoundError:
                raise _missing(program) from None
        try:
            found = self._until_ready(ready)
        except BaseException:
            self.end()
            raise
        self.url: str = found["url"]
        self.token: str = found["token"]

    def _until_ready(self, ready: Path) -> dict[str, str]:
        deadline = time.monotonic() + PATIENCE
        while True:
            # It is put there as a whole.
            if ready.exists():
                found: dict[str, str] = json.loads(ready.read_text())
                return found
            if self._process.poll() is not None:
                raise FauxkeyError(f"fauxkey did not come up: {self._log.read_text(errors='replace').strip()}")
            if time.monotonic() > deadline:
                raise FauxkeyError("fauxkey did not come up in time")
            time.sleep(0.01)

    def trace(self) -> str:
        """What passed so far, a line a message."""
        if not self.trace_file.exists() or self.trace_file.stat().st_size == 0:
            return ""
        return _run(self._program, self._home, "trace", str(self.trace_file))

    def end(self) -> None:
        """Ends it, and returns when it has ended: another one may then have the home."""
        self._process.terminate()
        try:
            self._process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def remove(self) -> None:
        """Removes what is left of it on disk."""
        shutil.rmtree(self.folder, ignore_errors=True)
