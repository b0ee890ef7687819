"""The program of `sightline ops server`: Prefect's server, with care for its SQLite database."""

import sys
from pathlib import Path

from sightline.flows.server import api, sqlite


def main(arguments: list[str]) -> None:
    """Serve until this process is told to end; arguments are those of `prefect server start`."""
    from prefect.settings import get_current_settings
    from sqlalchemy import make_url

    url = get_current_settings().server.database.connection_url
    database = make_url(url.get_secret_value()) if url else None
    if database is not None and database.get_backend_name() == "sqlite" and database.database:
        sqlite.let_transactions_wait()
        sqlite.keep_compact(Path(database.database))
    api.run_prefect("server", "start", *arguments)


if __name__ == "__main__":
    main(sys.argv[1:])
