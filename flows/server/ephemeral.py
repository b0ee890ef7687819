"""A private Prefect server for one run if none is configured; `PrivateServer` starts it.

It takes a free port on loopback, sends it to its parent, serves, and ends with its parent.
"""

import gc
import socket
import sys

from sightline.pipeline import child
from sightline.storage import locks

_FAREWELL_SECONDS = 3  # Time that pending requests get at the end


def main(descriptor: int) -> None:
    """Tell the parent the port, then serve until the parent ends."""
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    child.answer(descriptor, {"port": listener.getsockname()[1]})
    child.end_with_parent(2 * _FAREWELL_SECONDS)
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


if __name__ == "__main__":
    main(int(sys.argv[1]))
