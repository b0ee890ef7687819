import sqlite3
import sys
import threading
from contextlib import closing

import pytest

from command import execute
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


def test_created_database_has_prefects_tables_and_its_last_migration(tmp_path):
    from alembic.script import ScriptDirectory
    from prefect.server.database.alembic_commands import alembic_config
    from prefect.server.database.dependencies import provide_database_interface

    file, prefect = tmp_path / "prefect.db", provide_database_interface()
    sqlite.create(file)
    with closing(sqlite3.connect(file)) as database:
        names = {name for (name,) in database.execute("SELECT name FROM sqlite_master")}
        version = database.execute("SELECT version_num FROM alembic_version").fetchone()
    assert names >= prefect.Base.metadata.tables.keys()
    script = ScriptDirectory.from_config(alembic_config())
    script.version_locations = [prefect.orm.versions_dir]
    assert version == (script.get_current_head(),)
    file.write_bytes(b"")
    sqlite.create(file)  # which leaves to Prefect what exists
    assert not file.read_bytes()
