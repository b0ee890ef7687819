from contextlib import contextmanager

import pytest

import model_to_export
from sightline.config import ExportConfig
from sightline.export import child_process, replay
from sightline.export.child_process import ProgramError


@contextmanager
def without_children(*programs):
    """Run programs in this process, and time each prediction only a few times."""
    run = child_process.run

    def run_here(program, *arguments, **variables):
        if program not in programs:
            return run(program, *arguments, **variables)
        try:
            return child_process.PROGRAMS[program](*arguments)
        except Exception as error:
            raise ProgramError(f"{type(error).__name__}: {error}") from None

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(child_process, "run", run_here)
        patch.setattr(replay, "_TIMING_SECONDS", 0)
        yield


@pytest.fixture
def in_process():
    with without_children("convert", "replay"):
        yield


@pytest.fixture(scope="session")
def measured(tmp_path_factory):
    return model_to_export.measured(tmp_path_factory.mktemp("shipping"))


@pytest.fixture(scope="session")
def certificate(measured):
    """The model in all formats whose libraries are installed."""
    with without_children("replay"):  # names in converted files need a fresh process
        return measured.export(ExportConfig(golden_images=20))


@pytest.fixture(scope="session")
def entry(measured, certificate):
    """The folder of that export's cache entry; not to be changed."""
    return (measured.run.workspace.root / certificate.certificate.path).parent
