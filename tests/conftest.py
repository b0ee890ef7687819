import gc
import os
import sys
from pathlib import Path

import pytest
from absl import logging as absl
from xdist.scheduler import LoadScopeScheduling

from command import BIN, ROOT, execute
from examples import write_npz
from reading import ingest
from sightline.config import PreprocessingConfig
from sightline.data import preprocess
from sightline.records import Run
from sightline.storage.workspace import Workspace

pytest_plugins = ["factory", "browser", "s3_server"]

SHARING = {
    "operation": tuple(
        f"e2e/test_{name}" for name in ("operation", "pages", "round", "search", "shards")
    ),
    "workers": (
        "e2e/test_lost_runs",
        "e2e/test_server",
        "e2e/test_stopping",
        "e2e/test_supervised",
        "faults/test_orchestrator",
    ),
    "commands": (
        *("flows/cli/", "flows/server/", "flows/trials/", "tasks/"),
        "unit/prediction/active_learning/test_add",
    ),
    "flows": ("flows/",),
    "faultpoint": tuple(
        f"faults/test_{name}" for name in ("kills", "disk", "damaged_caches", "concurrency")
    ),
    "served": tuple(
        f"faults/test_{name}" for name in ("hostile_run", "secrets", "server", "training")
    ),
}
"""Files that share a set-up: a server with deployments and workers, the API and the run of the
flows (twice, since they take the longest), the run that is killed at file operations, a server for
commands, the model in all formats of export."""

APART = (
    "tests/flows/server/test_api.py",
    "tests/flows/test_notebook.py",
    "tests/flows/trials/test_cluster.py",
)
"""Files of flows that need no set-up."""

LONGEST = (
    "operation",
    "workers",
    "tests/faults/test_outages.py",
    "faultpoint",
    "flows",
    "commands",
    "tests/e2e/test_readme.py",
    "tests/unit/models/test_architectures.py",
    "tests/faults/test_resuming.py",
    "tests/e2e/test_sqlite.py",
    "served",
    "tests/e2e/test_python.py",
    "tests/e2e/test_command.py",
    "export",
    "tests/e2e/test_serve.py",
    "tests/e2e/test_mnist.py",
    "tests/e2e/test_backends.py",
    "tests/e2e/test_parallel.py",
    "tests/e2e/test_object_storage.py",
    "tests/faults/test_models.py",
    *APART,
)
"""Groups that start first, the longest before all others, so that the processes end together."""

SERVERS = {"prefect_api", "server_url", "factory", "server", "guarded", "browser", "database"}
"""Fixtures that start a server or a browser."""


def pytest_addoption(parser):
    parser.addoption("--no-skips", action="store_true", help="fail instead of skipping a test")


def scope(nodeid):
    """Return the group of tests that share a set-up: the file, or those of a server or a run."""
    path = nodeid.partition("::")[0]
    if path in APART:
        return path
    name = path.removeprefix("tests/")
    return next((group for group, files in SHARING.items() if name.startswith(files)), path)


class ByFile(LoadScopeScheduling):
    """Gives the tests of a file, and all tests that share the set-up, to one process."""

    def _split_scope(self, nodeid):
        return scope(nodeid)


def pytest_xdist_make_scheduler(config, log):
    """Distribute the tests; the groups of xdist have no effect with pytest 9.2."""
    return ByFile(config, log)


def pytest_collection_modifyitems(items):
    """Mark tests that need a server; start with the longest."""
    for item in items:
        if SERVERS & set(item.fixturenames) or item.nodeid.startswith("tests/e2e/"):
            item.add_marker(pytest.mark.server)
    items.sort(key=lambda one: (place(scope(one.nodeid)), "server_url" not in one.fixturenames))


def place(group):
    """Return the place of a group of tests in the order."""
    return LONGEST.index(group) if group in LONGEST else len(LONGEST)


def pytest_configure():
    """Collect no garbage while the tests are imported, which saves seconds.

    Prefect closes all log handlers when it is imported. The handler of absl, which Keras imports,
    would close the stream of pytest if a command under test has replaced it, and all later tests
    would fail; it never closes the standard error of the process.
    """
    gc.disable()
    absl.get_absl_handler().python_handler.setStream(sys.__stderr__)


def pytest_collection_finish():
    """Collect garbage again, but skip the imported modules: TensorFlow has many."""
    gc.freeze()
    gc.enable()


@pytest.hookimpl(trylast=True)
def pytest_runtest_teardown(item, nextitem):
    """End the database of a group and the server on it, since an idle one takes a tenth of a core.

    A group that follows in the same process starts its own.
    """
    if nextitem is None or scope(nextitem.nodeid) != scope(item.nodeid):
        for fixture in item.session._fixturemanager.getfixturedefs("database", item) or ():
            fixture.finish(item._request)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item):
    report = yield
    if report.skipped and item.config.getoption("--no-skips"):
        report.outcome = "failed"
        report.longrepr = f"{item.nodeid} was skipped, which --no-skips forbids: {report.longrepr}"
    return report


@pytest.fixture
def mnist_dir():
    folder = Path(os.environ.get("SIGHTLINE_TEST_MNIST", ROOT.parent / "shared/data/mnist"))
    if not folder.is_dir():
        pytest.skip(f"the real MNIST is not at {folder}; set SIGHTLINE_TEST_MNIST")
    return folder


@pytest.fixture
def run(tmp_path):
    return Run(id="test-run", workspace=Workspace(tmp_path / "artifacts"))


@pytest.fixture
def files(run, tmp_path):
    return ingest(run, write_npz(tmp_path / "textures.npz"))


@pytest.fixture
def prepared(run, files):
    return preprocess.preprocess(run, files, PreprocessingConfig(validation_fraction=0.2))


@pytest.fixture(scope="session")
def environment(tmp_path_factory):
    """The environment of a user without any configuration, with its own Prefect home.

    A private server ends with its command.
    """
    own = ("PREFECT_", "SIGHTLINE_")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(own)}
    kept |= {"SIGHTLINE_SERVER_IDLE_MINUTES": "0", "COLUMNS": "160"}
    return {**kept, "PREFECT_HOME": str(tmp_path_factory.mktemp("prefect"))}


@pytest.fixture(scope="session")
def sightline(environment):
    """Run the real command and return its result."""

    def run(*arguments, **changes):
        return execute(BIN / "sightline", *arguments, env={**environment, **changes})

    return run


@pytest.fixture(scope="session")
def prefect_api(tmp_path_factory):
    """A Prefect API of this session, which leaves nothing in the user's home."""
    from prefect.settings import (
        PREFECT_FLOWS_HEARTBEAT_FREQUENCY,
        PREFECT_LOCAL_STORAGE_PATH,
        temporary_settings,
    )
    from prefect.testing.utilities import prefect_test_harness

    settings = {
        PREFECT_FLOWS_HEARTBEAT_FREQUENCY: None,
        PREFECT_LOCAL_STORAGE_PATH: tmp_path_factory.mktemp("results"),
    }
    with prefect_test_harness(server_startup_timeout=120), temporary_settings(settings):
        yield
