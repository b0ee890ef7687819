"""PostgreSQL as the database of a Prefect server."""

import asyncio

from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, SQLAlchemyError
from sqlalchemy.ext.asyncio import create_async_engine

from sightline.errors import ConfigError, ServerError

_SECONDS = 10
_EXAMPLE = "postgresql://prefect@127.0.0.1/prefect"


def checked(url: str) -> str:
    """Return the URL of a database as Prefect takes it, once the database has answered.

    Raises ConfigError if it is no URL of PostgreSQL, or has a password, and ServerError if the
    database does not answer or refuses the account.
    """
    try:
        found = make_url(url)
    except (ArgumentError, ValueError):  # the latter for a port that is no number
        raise ConfigError(f"The database is no URL; expected one such as {_EXAMPLE}.") from None
    if found.password or "password" in found.query:
        raise ConfigError(
            "The URL of the database has a password, which everybody on this machine can read in "
            "the list of processes; leave it out, and set PGPASSWORD or write it to ~/.pgpass."
        )
    if found.get_backend_name() != "postgresql" or not (found.host and found.database):
        raise ConfigError(
            f"The database is {found.render_as_string()}; expected a URL such as {_EXAMPLE}. "
            "Without one, the server keeps its state in SQLite."
        )
    try:
        asyncio.run(_ask(found))
    except (ArgumentError, OverflowError, TypeError, ValueError) as error:
        raise ConfigError(
            f"The URL of the database has a port or an option that asyncpg does not take: "
            f"{str(error).rstrip('.')}. Expected one such as {_EXAMPLE}."
        ) from None
    return found.set(drivername="postgresql+asyncpg").render_as_string()


async def _ask(url: URL) -> None:
    import asyncpg

    shown = url.set(drivername="postgresql").render_as_string()
    engine = create_async_engine(
        url.set(drivername="postgresql+asyncpg"), connect_args={"timeout": _SECONDS}
    )
    try:
        await (await engine.connect()).close()
    except (OSError, TimeoutError) as error:
        raise ServerError(
            f"The database {shown} does not answer ({error or 'time-out'}); start PostgreSQL, or "
            "correct host and port."
        ) from None
    except (asyncpg.PostgresError, SQLAlchemyError) as error:
        cause = " ".join(str(getattr(error, "orig", error)).split())
        raise ServerError(
            f"The database {shown} refuses: {cause}. The section Database of docs/operations.md "
            "makes one; its password comes from PGPASSWORD or ~/.pgpass."
        ) from None
    finally:
        await engine.dispose()
