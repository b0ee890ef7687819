"""A Prefect server whose database is locked, or busy with the writes of others."""

import sqlite3
import subprocess
import threading
import time
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path

import pytest

from command import BIN
from examples import write_npz
from processes import wait_for

pytestmark = pytest.mark.campaign


@pytest.mark.long
def test_database_that_is_locked_for_half_a_minute_delays_the_run(served_environment, tmp_path):
    artifacts = tmp_path / "artifacts"
    data = write_npz(tmp_path / "data.npz")
    options = ["--recipe=tutorial", f"--dataset={data}", f"--artifacts={artifacts}"]
    with subprocess.Popen(
        [str(BIN / "sightline"), "train", *options, "--set", "training.epochs=200"],
        env=served_environment,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        wait_for("it trains", lambda: list((artifacts / "cache").glob("train/.*.tmp")))
        home = Path(served_environment["PREFECT_HOME"])
        database = sqlite3.connect(home / "prefect.db", timeout=60)
        database.execute("BEGIN EXCLUSIVE")
        time.sleep(30)
        assert not list((artifacts / "runs").glob("2*")), "the lock outlasts the training"
        database.rollback()
        database.close()
        _, errors = process.communicate()
    assert process.returncode == 0, errors
    assert len(list((artifacts / "runs").iterdir())) == 1


@contextmanager
def writing(path):
    """Commit to a database hundreds of times a second, as many servers at once would."""
    done = threading.Event()

    def write():
        with closing(sqlite3.connect(path, timeout=60)) as database:
            database.execute("CREATE TABLE numbers (number)")
            while not done.wait(0.001):
                with database:
                    database.execute("INSERT INTO numbers VALUES (1)")

    writer = threading.Thread(target=write)
    writer.start()
    try:
        yield
    finally:
        done.set()
        writer.join()


@pytest.mark.long
def test_run_completes_while_others_write_to_the_database_of_its_private_server(
    sightline, tmp_path
):
    """SQLite refuses a transaction if another one wrote after its first read."""
    home = tmp_path / "prefect"
    options = [f"--dataset={write_npz(tmp_path / 'data.npz')}", "--set=training.epochs=1"]
    options += ["--recipe=tutorial", f"--artifacts={tmp_path / 'artifacts'}", "--refresh"]
    train = partial(sightline, "train", *options, PREFECT_HOME=str(home))
    created = train()
    assert created.returncode == 0, created.stderr
    with writing(home / "prefect.db"):
        done = train()
    assert done.returncode == 0, done.stderr
    with closing(sqlite3.connect(home / "prefect.db")) as database:
        ((written,),) = database.execute("SELECT count(*) FROM numbers")
        states = database.execute("SELECT state_type FROM flow_run").fetchall()
    assert written > 100
    assert states == [("COMPLETED",), ("COMPLETED",)]
