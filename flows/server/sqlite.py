"""SQLite as the database of a Prefect server: writers that wait, and a file that shrinks again."""

import logging
import sqlite3
import threading
import warnings
from contextlib import closing
from pathlib import Path
from typing import Any

from sightline.storage import files

_CHECK_SECONDS = 3600
_LEAST_BYTES = 32_000_000  # Less free space in the file is not worth the time
_LEAST_SHARE = 0.2  # of the file
_BUSY_SECONDS = 60  # As Prefect's own connections
_log = logging.getLogger("sightline.flows")


def let_transactions_wait() -> None:
    """Make each transaction of the server wait for the one before it, for up to a minute.

    Prefect 3.8 lets most of them read first. If another one writes in between, SQLite refuses the
    write at once ("database is locked"), and after six tries a run or an event is lost.
    """
    from prefect.server.database.configurations import AioSqliteConfiguration

    begin = AioSqliteConfiguration.begin_transaction

    def begin_immediately(
        self: AioSqliteConfiguration, session: Any, with_for_update: bool = False
    ) -> Any:
        return begin(self, session, with_for_update=True)

    AioSqliteConfiguration.begin_transaction = begin_immediately  # type: ignore[method-assign]


def create(file: Path) -> None:
    """Create Prefect's database, complete or not at all, unless the file exists.

    Prefect hands each of some thousand statements to another thread, which takes twice as long. It
    then finds its tables up to date.
    """
    if file.exists():
        return
    import sqlalchemy
    from alembic.runtime.environment import EnvironmentContext
    from alembic.script import ScriptDirectory
    from prefect.server.database.alembic_commands import alembic_config
    from prefect.server.database.dependencies import provide_database_interface

    config, prefect = alembic_config(), provide_database_interface()
    script = ScriptDirectory.from_config(config)
    script.version_locations = [str(prefect.orm.versions_dir)]

    def upgrade(revision: Any, _: object) -> Any:
        return script._upgrade_revs("head", revision)

    files.remove_leftovers(file)
    with (
        warnings.catch_warnings(),
        files.new_file(file) as path,
        sqlalchemy.create_engine(f"sqlite:///{path}", poolclass=sqlalchemy.NullPool).connect() as (
            connection
        ),
        EnvironmentContext(config, script, fn=upgrade) as context,
    ):
        warnings.simplefilter("ignore", sqlalchemy.exc.SAWarning)  # as Prefect does
        for pragma in ("synchronous = OFF", "journal_mode = MEMORY"):  # enough for a new file
            connection.exec_driver_sql(f"PRAGMA {pragma}")
        connection.commit()
        context.configure(  # as in the `env.py` of Prefect's migrations
            connection,
            target_metadata=prefect.Base.metadata,
            include_schemas=True,
            render_as_batch=True,
            transaction_per_migration=True,
        )
        with context.begin_transaction():
            context.run_migrations()


def keep_compact(file: Path) -> None:
    """Vacuum a database in the background, now and every hour, when it has much free space.

    What `prune/prune-nightly` removes leaves free pages; SQLite reuses them, but keeps the file as
    large as it ever was.
    """

    def check() -> None:
        while True:
            try:
                vacuum(file)
            except (OSError, sqlite3.Error):  # busy, or a full disk: the server goes on
                _log.warning("Could not vacuum %s; next try in an hour", file, exc_info=True)
            waiting.wait(_CHECK_SECONDS)

    waiting = threading.Event()
    threading.Thread(target=check, name="vacuum", daemon=True).start()


def vacuum(file: Path, least_bytes: int = _LEAST_BYTES) -> int:
    """Give free pages of a database back to the file system, and return their bytes.

    Nothing happens with less than `least_bytes` of free space, or a fifth of the file. Others may
    use the database meanwhile; what they write waits. Raises sqlite3.Error.
    """
    if not file.exists():
        return 0
    with closing(sqlite3.connect(file, timeout=_BUSY_SECONDS, isolation_level=None)) as database:
        size, pages, free = (
            database.execute(f"PRAGMA {name}").fetchone()[0]
            for name in ("page_size", "page_count", "freelist_count")
        )
        if size * free < least_bytes or free < _LEAST_SHARE * pages:
            return 0
        database.execute("VACUUM")
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    _log.info("Vacuumed %s: %.0f MB of %.0f", file, size * free / 1e6, size * pages / 1e6)
    return int(size * free)
