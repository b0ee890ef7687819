"""A private Prefect server for one run if none is configured; `PrivateServer` starts it.

It takes a free port on loopback, sends it to its parent, serves, and ends with its parent.
"""

import gc
import socket
import sys
from typing import Any

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

    _let_transactions_wait()
    app = create_app(ephemeral=True, final=True)
    config = uvicorn.Config(
        app, log_level="error", lifespan="on", timeout_graceful_shutdown=_FAREWELL_SECONDS
    )
    Server(config).run([listener])


def _let_transactions_wait() -> None:
    """Make each transaction of SQLite wait for the one before it, for up to a minute.

    Prefect 3.8 lets most of them read first. If another process, such as the server of another
    run, writes in between, SQLite refuses the write at once, and after six tries a run is lost.
    """
    from prefect.server.database.configurations import AioSqliteConfiguration

    begin = AioSqliteConfiguration.begin_transaction

    def begin_immediately(
        self: AioSqliteConfiguration, session: Any, with_for_update: bool = False
    ) -> Any:
        return begin(self, session, with_for_update=True)

    AioSqliteConfiguration.begin_transaction = begin_immediately  # type: ignore[method-assign]


if __name__ == "__main__":
    main(int(sys.argv[1]))
