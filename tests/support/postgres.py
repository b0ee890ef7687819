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


@contextmanager
def running(port: int) -> Iterator[str]:
    """Serve an empty database `prefect` on loopback; yields its address for Prefect."""
    programs = binaries()
    assert programs is not None
    with tempfile.TemporaryDirectory(prefix="sightline-postgres-") as folder:
        if _ACCOUNT:
            shutil.chown(folder, _ACCOUNT)
        data = f"{folder}/data"
        _run(programs / "initdb", "-D", data, "-A", "trust", "-U", "prefect", "--no-sync")
        options = f"-h 127.0.0.1 -p {port} -k {folder} -c fsync=off -c max_connections=100"
        _run(programs / "pg_ctl", "-D", data, "-w", "-l", f"{folder}/log", "-o", options, "start")
        try:
            address = ("-h", "127.0.0.1", "-p", str(port), "-U", "prefect")
            _run(programs / "createdb", *address, "prefect")
            yield f"postgresql+asyncpg://prefect@127.0.0.1:{port}/prefect"
        finally:
            _run(programs / "pg_ctl", "-D", data, "-w", "-m", "immediate", "stop")


def _run(program: Path, *arguments: str) -> None:
    quiet = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.DEVNULL)
    subprocess.run([program, *arguments], check=True, user=_ACCOUNT, cwd="/", **quiet)
