import subprocess
import sys
import threading

from fastapi.encoders import jsonable_encoder
from prefect import flow
from prefect.settings import PREFECT_FLOWS_HEARTBEAT_FREQUENCY, temporary_settings

from sightline.config import loading
from sightline.flows.called_flow import without_heartbeats
from sightline.flows.train import training_flow
from sightline.records import Run
from sightline.storage.workspace import Workspace


def test_parameters_are_shown_as_prefect_would_without_the_password_of_a_mirror(tmp_path):
    given = {
        "config": loading.load("quickstart"),
        "run": Run(id="r", workspace=Workspace(tmp_path), mirror="https://me:secret@host"),
        "source": None,
    }
    shown = training_flow.serialize_parameters(given)
    assert shown == {name: jsonable_encoder(value) for name, value in given.items()}
    assert shown["run"]["id"] == "r"
    assert "secret" not in str(shown)


def test_flow_is_imported_without_the_libraries_of_a_server():
    code = (
        "import sys\nfrom sightline.flows.train import training_flow\n"
        "training_flow.serialize_parameters({})\n"
        "sys.exit(bool({'fastapi', 'sqlalchemy', 'matplotlib', 'pandas'} & set(sys.modules)))"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_flow_without_heartbeats_has_no_thread_for_them(prefect_api):
    @flow
    def count():
        return [one.name for one in threading.enumerate() if one.name.endswith("(run)")]

    with temporary_settings({PREFECT_FLOWS_HEARTBEAT_FREQUENCY: 180}):
        assert count(), "Prefect starts one"
        with without_heartbeats():
            assert not count()
        assert count()
