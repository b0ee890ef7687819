"""Processes that ingest shards end with the command, whatever they are doing."""

import os
import signal
import subprocess
import sys
from contextlib import ExitStack

import pytest

from examples import write_folders
from processes import command_line, descendants, is_running, wait_for
from reading import ingest
from sightline.records import Run
from sightline.storage import locks
from sightline.storage.workspace import Workspace

PROGRAM = """
import signal, sys
from pathlib import Path

from sightline.config import DataConfig
from sightline.data import ingest, locate
from sightline.data.sharding.processes import in_processes
from sightline.flows.cli.signals import exit_code, graceful_sigterm
from sightline.records import Run
from sightline.storage.workspace import Workspace

signal.signal(signal.SIGINT, signal.default_int_handler)
config = DataConfig(dataset=sys.argv[1], shard_images=12)
run = Run(id="stopped", workspace=Workspace(Path(sys.argv[2])))
try:
    with graceful_sigterm():
        two = lambda run, shards: in_processes(run, shards, 2)
        ingest.ingest(run, locate.locate(config), config, two)
except KeyboardInterrupt as interrupt:
    sys.exit(exit_code(interrupt))
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_interrupt_ends_the_shards_that_are_under_way(tmp_path, number):
    data = write_folders(tmp_path / "data", 24, 4, (12, 12, 3)) / "train"
    root = tmp_path / "root"
    run = Run(id="known", workspace=Workspace(tmp_path / "known"))
    entries = [root / entry for entry in ingest(run, data, shard_images=12).shards]
    with ExitStack() as held:
        for entry in entries:  # each shard waits for ever
            held.enter_context(locks.alone(entry.with_name(f".{entry.name}.lock"), "the test"))
        program = subprocess.Popen([sys.executable, "-c", PROGRAM, data, root])

        def workers():
            found = [pid for pid in descendants(program.pid) if "worker" in command_line(pid)]
            return found if len(found) == 2 else None

        begun = wait_for("two processes", workers)
        os.kill(program.pid, number)
        wait_for("the command ends", lambda: program.poll() is not None)
    assert program.returncode == 128 + number
    assert not [pid for pid in begun if is_running(pid)]
