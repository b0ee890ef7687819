import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from sightline.records import Run

SHARED_MNIST = Path(__file__).parents[2] / "shared" / "data" / "mnist"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--no-skips", action="store_true", help="fail where a test would be skipped (CI)"
    )


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    report = yield
    if report.skipped and item.config.getoption("--no-skips"):
        report.outcome = "failed"
        report.longrepr = f"{item.nodeid} was skipped, which --no-skips forbids: {report.longrepr}"
    return report


@pytest.fixture
def mnist_dir() -> Path:
    folder = Path(os.environ.get("SIGHTLINE_TEST_MNIST", SHARED_MNIST))
    if not folder.is_dir():
        pytest.skip(f"the real MNIST is not at {folder}; set SIGHTLINE_TEST_MNIST")
    return folder


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return Run(id="test-run", root=tmp_path / "artifacts")


@pytest.fixture(scope="session")
def prefect_api() -> Iterator[None]:
    from prefect.settings import PREFECT_FLOWS_HEARTBEAT_FREQUENCY, temporary_settings
    from prefect.testing.utilities import prefect_test_harness

    with (
        prefect_test_harness(server_startup_timeout=120),
        temporary_settings({PREFECT_FLOWS_HEARTBEAT_FREQUENCY: None}),
    ):
        yield
