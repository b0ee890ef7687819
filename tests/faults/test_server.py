"""A Prefect server whose database is locked, or busy with the writes of others."""

import sqlite3
import subprocess
import time
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
