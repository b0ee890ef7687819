"""A private Prefect server for one run if none is configured; `PrivateServer` starts it.

Usage: `python -m sightline.flows.server.ephemeral`. It takes a free port on loopback, prints it,
serves, and ends when its standard input closes, so that it never outlives its parent.
"""

import gc
import os
import signal
import socket
import sys
import threading
import time

from sightline.storage import locks

_FAREWELL_SECONDS = 3
"""Time that pending requests get at the end."""


def main() -> None:
    """Print the port, then serve until standard input closes."""
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    sys.stdout.write(f"{listener.getsockname()[1]}\n")
    sys.stdout.flush()
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # the parent reads only the port
    threading.Thread(target=_end_with_parent, daemon=True).start()
    gc.disable()  # garbage collection takes a fifth of the start, and finds nothing

    import uvicorn
    from prefect.server.api.server import create_app
    from prefect.settings import PREFECT_HOME

    class Server(uvicorn.Server):
        """Starts one at a time: two servers that create the same database break each other."""

        async def startup(self, sockets: list[socket.socket] | None = None) -> None:
            with locks.alone(PREFECT_HOME.value() / ".sightline.lock", "starting Prefect"):
                await super().startup(sockets)
            gc.freeze()
            gc.enable()

    app = create_app(ephemeral=True, final=True)
    config = uvicorn.Config(
        app, log_level="error", lifespan="on", timeout_graceful_shutdown=_FAREWELL_SECONDS
    )
    Server(config).run([listener])


def _end_with_parent() -> None:
    sys.stdin.read()
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(2 * _FAREWELL_SECONDS)
    os._exit(1)


if __name__ == "__main__":
    main()
