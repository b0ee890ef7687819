import re
from pathlib import Path

import pytest
import yaml

from sightline.errors import ConfigError, DataError
from sightline.flows.server import deployment_file

FILE = Path(__file__).parents[3] / "prefect.yaml"


@pytest.fixture
def changed(tmp_path):
    """Write the shipped file with one line changed."""

    def write(old, new):
        text = FILE.read_text()
        assert old in text
        (tmp_path / "prefect.yaml").write_text(text.replace(old, new))
        return tmp_path / "prefect.yaml"

    return write


def test_shipped_deployments_can_be_made():
    found = deployment_file.check(FILE)
    assert list(found) == yaml.safe_load(FILE.read_text())["deployments"]
    assert deployment_file.pools(found) == ["cpu", "gpu"]


@pytest.mark.parametrize(
    ("old", "new", "place"),
    [
        ("dataset: mnist\n", "dataset: images\n", "deployment train-nightly: .*'images'"),
        ("{ dataset: mnist }", "{ dataset: ../mnist }", "deployment watch-data: .*'../mnist'"),
        ("{ force: false }", "{ dataset: x }", "deployment train-nightly, schedule nightly: .*'x'"),
    ],
)
def test_relative_path_is_refused_with_its_place_and_what_to_write(changed, old, new, place):
    with pytest.raises(DataError, match=rf"prefect\.yaml: {place}.*/srv/images"):
        deployment_file.check(changed(old, new))


@pytest.mark.parametrize(
    ("new", "key"),
    [("recipe: fastest", "recipe .*'fastest'"), ("recipe: auto\n    epochs: 0", "epochs")],
)
def test_value_that_the_server_would_refuse_is_named(changed, new, key):
    with pytest.raises(ConfigError, match=f"deployment train-nightly: {key}"):
        deployment_file.check(changed("recipe: auto", new))


@pytest.mark.parametrize("wrong", ["work_pool: cpu", "schedules: nightly", "schedules: [nightly]"])
def test_text_in_place_of_keys_is_named(tmp_path, wrong):
    path = tmp_path / "prefect.yaml"
    path.write_text(f"deployments: [{{name: a, entrypoint: x, {wrong}}}]")
    with pytest.raises(ConfigError, match=f"deployment a: {wrong.partition(':')[0]} is .*expected"):
        deployment_file.check(path)


@pytest.mark.parametrize("wrong", ["sightline.flows.wacth.watch_flow", "watch.py:flow", "7"])
def test_entrypoint_that_cannot_be_loaded_is_named(changed, wrong):
    with pytest.raises(ConfigError, match=f"deployment watch-data: the entrypoint {wrong} cannot"):
        deployment_file.check(changed("sightline.flows.watch.watch_flow", wrong))


@pytest.mark.parametrize(
    "text", ["- a list", "name: x", "key: [", "", "deployments: [{name: x}]", "deployments: x"]
)
def test_file_without_deployments_is_refused_in_one_line(tmp_path, text):
    path = tmp_path / "other.yaml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=re.escape(str(path))) as refusal:
        deployment_file.check(path)
    assert "\n" not in str(refusal.value)
