import re
from datetime import UTC, datetime
from typing import get_args
from unittest.mock import Mock

import pytest
from jsonschema import Draft202012Validator
from prefect.client.orchestration import get_client
from prefect.utilities.callables import parameter_schema

from sightline.config import DataConfig, loading
from sightline.data import locate
from sightline.errors import ConfigError, DataError, HandoverCancelledError
from sightline.experiments import run_folder
from sightline.flows import deployments
from sightline.flows.deployments import Recipe, train
from sightline.storage.workspace import Workspace
from tiny_run import form

pytestmark = pytest.mark.usefixtures("prefect_api", "keras")


@pytest.fixture(autouse=True)
def worker(root, monkeypatch):
    monkeypatch.setenv("SIGHTLINE_ARTIFACTS", str(root))


def ask(data, **changed):
    return train(**form(data, **changed), return_state=True)


def test_parameters_of_the_form_become_the_config(root, data):
    summary = ask(data, epochs=1, batch_size=80, seed=5).result()
    config = run_folder.read(Workspace(root), summary.run_id).config
    found = (config.training.epochs, config.training.batch_size, config.training.seed)
    assert (config.recipe, *found) == ("quickstart", 1, 80, 5)


def test_run_ends_with_its_accuracy_in_state_log_and_tags(data, caplog):
    state = ask(data, seed=6)
    summary = state.result()
    said = "Test accuracy {:.2%} (95 % interval {:.2%} to {:.2%})".format(
        summary.test_accuracy, *summary.accuracy_interval
    )
    assert (state.name, state.message) == ("Completed", said)
    assert said in caplog.text
    with get_client(sync_client=True) as client:
        run = client.read_flow_run(state.state_details.flow_run_id)
    assert run.tags == [f"accuracy {summary.test_accuracy:.2%}"]


def test_seed_of_the_date_trains_on_unchanged_data_once_a_day(root, data):
    day = None
    while day != (day := int(f"{datetime.now(UTC):%Y%m%d}")):  # again if midnight was in between
        first, second = ask(data, seed="date"), ask(data, seed="date")
    config = run_folder.read(Workspace(root), first.result().run_id).config
    assert config.training.seed == day
    assert second.name == "Unchanged"


def test_unchanged_run_ends_as_unchanged(first, root, data):
    before = run_folder.run_ids(Workspace(root))
    for deployment in ("", "fit/fit-gpu"):  # where the model is trained is no change
        state = ask(data, deployment=deployment)
        assert (state.name, state.is_completed()) == ("Unchanged", True)
        assert first.run_id in (state.message or "")
    assert run_folder.run_ids(Workspace(root)) == before


@pytest.mark.parametrize("switch", ["force", "refresh"])
def test_run_can_be_forced(first, data, switch):
    assert ask(data, **{switch: True}).name == "Completed"


def test_data_that_changed_after_the_event_is_trained_with_a_warning(first, data, caplog):
    digest = locate.locate(DataConfig(dataset=str(data))).sha256
    ask(data, sha256=digest)
    assert "changed again" not in caplog.text
    ask(data, sha256="0" * 64)
    assert f"{'0' * 64} -> {digest}" in caplog.text


def test_unknown_key_missing_data_and_missing_artifacts_root_are_our_errors(data, monkeypatch):
    with pytest.raises(ConfigError, match="'epochs'"):
        ask(data, overrides=["training.epoch=3"]).result()
    with pytest.raises(DataError, match=r"other\.npz"):  # overrides win over the form
        ask(data, overrides=[f"data.dataset={data.with_name('other.npz')}"]).result()
    monkeypatch.delenv("SIGHTLINE_ARTIFACTS")
    with pytest.raises(ConfigError, match="SIGHTLINE_ARTIFACTS"):
        ask(data).result()


@pytest.mark.parametrize(
    "changes", [{}, {"recipe": "auto"}, {"overrides": ["data.dataset=images"]}]
)
def test_relative_path_is_refused_first_with_what_to_write(root, data, changes, monkeypatch):
    monkeypatch.chdir(data.parent)  # the path exists where the deployment is made
    given = data if "overrides" in changes else data.name
    state = ask(given, **changes)
    assert state.is_failed()
    assert re.search(r"absolute path.*/srv/images.*mnist-5k", state.message or "")


@pytest.mark.parametrize("name", ["größe 😀.npz", 'a "quoted".npz', "back\\slash.npz", "3.npz"])
def test_failed_run_has_the_message_of_the_error_with_the_path_as_given(data, name):
    state = ask(data.with_name(name))
    assert state.is_failed()
    assert str(data.with_name(name)) in (state.message or "")


def test_run_whose_training_elsewhere_was_cancelled_is_cancelled(data, monkeypatch):
    error = HandoverCancelledError("The training on fit/fit-gpu ended Cancelled")
    monkeypatch.setattr(deployments, "run_stages", Mock(side_effect=error))
    state = ask(data, force=True)
    assert (state.name, state.message) == ("Cancelled", str(error))


def test_recipe_may_be_a_file_that_the_worker_sees(root, data, tmp_path, monkeypatch):
    file = tmp_path / "night.toml"
    file.write_text(loading.text("quickstart"))
    summary = ask(data, recipe=str(file)).result()
    assert summary.recipe == "night"
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigError, match=r"'night\.toml'.*/srv/mine\.toml"):
        ask(data, recipe=file.name).result()


@pytest.mark.parametrize(
    ("recipe", "accepted"),
    [("fast", True), ("/srv/night.toml", True), ("night.toml", False), ("slow", False)],
)
def test_server_refuses_unknown_recipes_and_relative_paths(recipe, accepted):
    form = parameter_schema(train).model_dump()["properties"]["recipe"]
    assert Draft202012Validator(form).is_valid(recipe) is accepted


def test_form_knows_all_shipped_recipes():
    assert list(get_args(Recipe)) == ["auto", *loading.names()]
