import os
import sqlite3
import sys
import threading
from contextlib import closing

import pytest

from command import BIN, execute
from sightline.flows.server import sqlite


@pytest.fixture
def file(tmp_path):
    """A database of 8 MB, of which nine tenths were deleted, as Prefect keeps its own."""
    path = tmp_path / "prefect.db"
    with closing(sqlite3.connect(path, isolation_level=None)) as database:
        database.execute("PRAGMA journal_mode = WAL")
        database.execute("CREATE TABLE log (id INTEGER, text BLOB)")
        database.executemany(
            "INSERT INTO log VALUES (?, ?)", ((n, bytes(8000)) for n in range(1000))
        )
        database.execute("DELETE FROM log WHERE id >= 100")
    return path


def test_vacuum_gives_back_what_was_removed_while_the_server_has_the_file_open(file):
    before = file.stat().st_size
    with closing(sqlite3.connect(file, isolation_level=None)) as server:
        count = server.execute("SELECT count(*) FROM log").fetchone()
        freed = sqlite.vacuum(file, least_bytes=1_000_000)
        assert server.execute("SELECT count(*) FROM log").fetchone() == count == (100,)
    assert freed > 0.8 * before
    assert file.stat().st_size < 0.2 * before
    assert sqlite.vacuum(file, least_bytes=1_000_000) == 0


def test_vacuum_that_is_not_worth_it_or_has_no_file_does_nothing(file):
    before = file.stat().st_size
    assert sqlite.vacuum(file) == 0  # less than 32 MB
    assert file.stat().st_size == before
    missing = file.with_name("missing.db")
    assert sqlite.vacuum(missing) == 0
    assert not missing.exists()


def test_vacuum_waits_for_a_transaction_and_what_is_written_meanwhile_stays(file):
    writer = sqlite3.connect(file, isolation_level=None, check_same_thread=False)
    with closing(writer):
        writer.execute("BEGIN IMMEDIATE")
        freed = []
        thread = threading.Thread(target=lambda: freed.append(sqlite.vacuum(file, 1_000_000)))
        thread.start()
        writer.execute("INSERT INTO log VALUES (5000, 'late')")
        writer.execute("COMMIT")
        thread.join()
        assert freed[0] > 0
        assert writer.execute("SELECT text FROM log WHERE id = 5000").fetchone() == ("late",)


def test_full_disk_or_damaged_file_costs_the_server_a_warning_only(tmp_path, caplog, monkeypatch):
    broken = tmp_path / "prefect.db"
    broken.write_bytes(b"no database" * 1000)
    logged = threading.Event()
    warning = sqlite._log.warning
    monkeypatch.setattr(sqlite._log, "warning", lambda *a, **k: (warning(*a, **k), logged.set()))
    sqlite.keep_compact(broken)
    assert logged.wait(60)
    assert "Could not vacuum" in caplog.text


MEETING = """
import asyncio, sys
from pathlib import Path
from sqlalchemy import text
from sqlalchemy.exc import OperationalError
from prefect.server.database.configurations import AioSqliteConfiguration
from sightline.flows.server import sqlite

if sys.argv[2] == "wait":
    sqlite.let_transactions_wait()

async def meet():
    database = AioSqliteConfiguration(f"sqlite+aiosqlite:///{sys.argv[1]}")
    engine = await database.engine()

    async def count(pause):
        session = await database.session(engine)
        async with session, database.begin_transaction(session):
            (n,) = (await session.execute(text("SELECT max(id) FROM log"))).one()
            await asyncio.sleep(pause)
            await session.execute(text("INSERT INTO log VALUES (:n, '')"), {"n": n + 1})

    done = await asyncio.gather(count(0.5), count(0.1), count(0.3), return_exceptions=True)
    print(sum(isinstance(one, OperationalError) for one in done))
    await engine.dispose()

asyncio.run(meet())
"""


@pytest.mark.parametrize(("how", "refused"), [("refuse", 2), ("wait", 0)])
def test_transactions_that_meet_wait_where_prefect_lets_them_be_refused(file, how, refused):
    """Each reads, then writes, as those of the server when several workers report at once."""
    done = execute(sys.executable, "-c", MEETING, file, how)
    assert done.stdout.split() == [str(refused)], done.stderr


def test_created_database_is_that_of_prefect(tmp_path):
    def contents(file):
        with closing(sqlite3.connect(file)) as database:
            made = database.execute("SELECT type, name, coalesce(sql, '') FROM sqlite_master")
            schema = {(kind, name): lines(sql) for kind, name, sql in made}
            return schema, *database.execute("SELECT version_num FROM alembic_version")

    def lines(sql):  # The order of constraints differs from time to time
        return sorted(line.strip(" ,") for line in sql.splitlines())

    ours = tmp_path / "prefect.db"
    sqlite.create(ours)
    home = {**os.environ, "PREFECT_HOME": str(tmp_path / "home")}
    done = execute(BIN / "prefect", "server", "database", "upgrade", "-y", env=home)
    assert done.returncode == 0, done.stderr
    assert contents(ours) == contents(tmp_path / "home" / "prefect.db")
    ours.write_bytes(b"")
    sqlite.create(ours)  # which leaves to Prefect what exists
    assert not ours.read_bytes()


def test_database_is_created_completely_or_not_at_all(tmp_path, monkeypatch):
    def fail(self):
        raise KeyboardInterrupt

    monkeypatch.setattr("alembic.runtime.environment.EnvironmentContext.run_migrations", fail)
    with pytest.raises(KeyboardInterrupt):
        sqlite.create(tmp_path / "prefect.db")
    assert [*tmp_path.iterdir()] == []
