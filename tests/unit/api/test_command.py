"""The process of a command: what is passed to it, and what becomes of it."""

import os
import signal
import sys
from pathlib import Path

import pytest

from sightline import errors
from sightline.api import command
from sightline.api.command import open_workspace, run_command
from sightline.errors import ConfigError, DataError, InputError, RunError
from sightline.pipeline.child import Child


@pytest.fixture(autouse=True)
def place(tmp_path, monkeypatch):
    """A working folder without any configuration."""
    monkeypatch.chdir(tmp_path)
    for name in ("ARTIFACTS", "DATA_DIR", "MIRROR"):
        monkeypatch.delenv(f"SIGHTLINE_{name}", raising=False)
    return tmp_path


def inspect(dataset, progress=None, **run):
    return run_command("inspect", dataset, "tutorial", {}, run=run, progress=progress)


def test_workspace_is_the_argument_or_that_of_the_environment_or_beside_the_script(
    place, monkeypatch
):
    assert open_workspace(None).root == place / "artifacts"
    monkeypatch.setenv("SIGHTLINE_ARTIFACTS", str(place / "shared"))
    assert open_workspace(None).root == place / "shared"
    assert open_workspace("own").root == place / "own"
    assert open_workspace(Path("~/own")).root == Path.home() / "own"


@pytest.mark.parametrize("artifacts", ["s3://name:secret@bucket", "file"])
def test_workspace_that_is_neither_a_folder_nor_a_store_is_refused(place, artifacts):
    (place / "file").touch()
    with pytest.raises(InputError, match=r"folder|bucket") as refusal:
        open_workspace(artifacts)
    assert "secret" not in str(refusal.value)


def test_folders_are_completed_from_the_environment(place, monkeypatch):
    monkeypatch.setenv("SIGHTLINE_DATA_DIR", str(place / "gone"))
    with pytest.raises(DataError, match="gone does not exist"):
        inspect("mnist")


def test_error_has_the_class_and_the_sentence_of_the_command(capsys):
    with pytest.raises(DataError, match=r"no data set 'mnist-6k'"):
        inspect("mnist-6k")
    assert capsys.readouterr() == ("", "")


def test_path_object_is_a_path_although_a_data_set_has_its_name():
    with pytest.raises(DataError, match=r"\./mnist does not exist"):
        inspect(Path("mnist"))


def test_names_of_other_classes_do_not_become_errors():
    assert isinstance(command._as_error("ConfigError", "sentence"), ConfigError)
    for name in ("Path", "SystemExit", "__doc__"):
        assert type(command._as_error(name, "sentence")) is RunError
    assert issubclass(RunError, errors.SightlineError)


def test_death_of_the_process_is_an_error(monkeypatch):
    class Dying(Child):
        def send(self, message):
            os.kill(self.pid, signal.SIGKILL)

    monkeypatch.setattr(command, "Child", Dying)
    with pytest.raises(RunError, match="signal 9"):
        inspect("mnist-5k")


def test_kernel_is_recognized_and_a_shell_is_not(monkeypatch):
    class IPython:
        shell = None

        @classmethod
        def get_ipython(cls):
            return cls.shell

    monkeypatch.setitem(sys.modules, "IPython", IPython)
    assert command.in_notebook() is False
    IPython.shell = type("Shell", (), {"kernel": object()})()
    assert command.in_notebook() is True
