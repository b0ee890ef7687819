"""The program of a private Prefect server; `PrivateServer` starts it."""

import gc
import os
import signal
import socket
import sys
import threading
import time
from pathlib import Path

from sightline.flows.server import sqlite
from sightline.storage import locks

_FAREWELL_SECONDS = 3  # Time that pending requests get at the end
_POLL_SECONDS = 0.5


def main(descriptor: int, folder: Path, idle_minutes: float) -> None:
    """Serve on a socket that listens already, until the server was unused for some minutes."""
    listener = socket.socket(fileno=descriptor)
    unused = (folder / "users.lock", 60 * idle_minutes)
    threading.Thread(target=_end_when_unused, args=unused, daemon=True).start()
    gc.disable()  # garbage collection takes a fifth of the start, and finds nothing

    import uvicorn
    from prefect.server.api.server import create_app

    class Server(uvicorn.Server):
        """Collects garbage once it runs."""

        async def startup(self, sockets: list[socket.socket] | None = None) -> None:
            await super().startup(sockets)
            gc.freeze()
            gc.enable()

    sqlite.create(folder / "prefect.db")
    sqlite.let_transactions_wait()
    app = create_app(ephemeral=True, final=True)
    config = uvicorn.Config(
        app, log_level="error", lifespan="on", timeout_graceful_shutdown=_FAREWELL_SECONDS
    )
    Server(config).run([listener])


def _end_when_unused(users: Path, idle_seconds: float) -> None:
    """Stop this process when no command has held the lock for a time; a command also touches it.

    The lock is then held to the end, so that the next command waits and starts another server. The
    address is removed: as a process ends, the lock may be free before the server's own.
    """
    free_since, touched = time.monotonic(), 0
    while users.exists():
        time.sleep(_POLL_SECONDS)
        with locks.alone_if_free(users) as is_free:
            if not is_free or users.stat().st_mtime_ns != touched:
                free_since, touched = time.monotonic(), users.stat().st_mtime_ns
            elif time.monotonic() - free_since >= idle_seconds:
                users.with_name("server.json").unlink(missing_ok=True)
                _stop()
    _stop()


def _stop() -> None:
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(2 * _FAREWELL_SECONDS)
    os._exit(1)


if __name__ == "__main__":
    main(int(sys.argv[1]), Path(sys.argv[2]), float(sys.argv[3]))
