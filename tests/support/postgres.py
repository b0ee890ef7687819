"""A PostgreSQL server for tests, from Debian's package, in a temporary folder."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_ACCOUNT = "postgres" if os.geteuid() == 0 else None
"""PostgreSQL refuses to run as root."""


def binaries() -> Path | None:
    """Return the folder of programs of the newest installed server."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    return found[-1].parent if found else None


class Database:
    """An empty database `prefect` on loopback, whose server can be away for a while."""

    def __init__(self, programs: Path, folder: str, port: int) -> None:
        self._control = [str(programs / "pg_ctl"), "-D", f"{folder}/data", "-w"]
        self._start = ["-l", f"{folder}/log", "-o"]
        self._start.append(
            f"-h 127.0.0.1 -p {port} -k {folder} -c fsync=off -c max_connections=100"
        )
        self.url = f"postgresql+asyncpg://prefect@127.0.0.1:{port}/prefect"

    def start(self) -> None:
        _run(*self._control, *self._start, "start")

    def stop(self) -> None:
        _run(*self._control, "-m", "immediate", "stop")


@contextmanager
def running(port: int) -> Iterator[Database]:
    """Serve a new database."""
    programs = binaries()
    assert programs is not None
    with tempfile.TemporaryDirectory(prefix="sightline-postgres-") as folder:
        if _ACCOUNT:
            shutil.chown(folder, _ACCOUNT)
        data = f"{folder}/data"
        _run(programs / "initdb", "-D", data, "-A", "trust", "-U", "prefect", "--no-sync")
        database = Database(programs, folder, port)
        database.start()
        try:
            address = ("-h", "127.0.0.1", "-p", str(port), "-U", "prefect")
            _run(programs / "createdb", *address, "prefect")
            yield database
        finally:
            database.stop()


def _run(program: Path | str, *arguments: str) -> None:
    quiet = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.DEVNULL)
    subprocess.run([program, *arguments], check=True, user=_ACCOUNT, cwd="/", **quiet)
