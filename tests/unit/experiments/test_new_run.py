import re

import pytest

from sightline.errors import InputError, RunExistsError
from sightline.experiments import new_run, run_folder


def test_new_id_sorts_by_time_and_names_the_run():
    run_id = new_run.new_id("mnist-5k", "quickstart")
    assert re.fullmatch(r"\d{8}T\d{6}Z-mnist-5k-quickstart-[0-9a-f]{6}", run_id)
    assert new_run.new_id("mnist-5k", "quickstart") != run_id


@pytest.mark.parametrize(
    "run_id", ["../x", "/x", "x/y", "", ".hidden", "x\0", "x" * 121, "ä", "x y", "x\n"]
)
def test_malformed_run_id_is_refused(workspace, run_id):
    with pytest.raises(InputError, match="--run-id"):
        new_run.check_new(workspace, run_id)


def test_existing_or_active_run_is_refused(workspace):
    run_folder.folder(workspace, "taken").mkdir(parents=True)
    with pytest.raises(RunExistsError, match=r"'taken' .*--run-id"):
        new_run.check_new(workspace, "taken")
    with (
        new_run.claim(workspace, "free"),
        pytest.raises(RunExistsError, match=r"'free' is active .*--run-id"),
        new_run.claim(workspace, "free"),
    ):
        pass
    with new_run.claim(workspace, "free"):
        pass
