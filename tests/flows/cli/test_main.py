import io
import json
import os
import re
import sys
from contextlib import redirect_stderr
from pathlib import Path

import numpy as np
import pytest
from absl import logging as absl
from typer.core import TyperGroup as Group
from typer.main import get_command

from cli import refused, sightline
from command import execute, invoke
from examples import pictures, write_npz
from sightline.config import RunConfig, loading
from sightline.data import locate, recommend
from sightline.errors import DataError, InputError
from sightline.flows.cli.main import SUMMARIES, app
from sightline.flows.preflight import ingest_ahead
from sightline.pipeline import doctor
from sightline.pipeline.doctor import Check
from sightline.storage import known_digests


def commands(group, *names):
    for name, command in group.commands.items():
        if isinstance(command, Group):
            yield from commands(command, *names, name)
        else:
            yield (*names, name)


@pytest.mark.parametrize("command", [" ".join(one) for one in commands(get_command(app))])
def test_every_command_explains_itself(command):
    shown = sightline(f"{command} --help").stdout
    assert "Usage:" in shown
    if command not in {"datasets list", "recipes list"}:
        assert f"sightline {command}" in shown.partition("Options")[2]


URL = "s3://user:hunter2@bucket/x"


@pytest.mark.parametrize(
    "line",
    [
        "doctor --artifacts",
        "train --artifacts",
        "train --data-dir",
        "train --config",
        "train --recipe",
        "recipes show",
        "config init",
        "train --dataset",
        "datasets inspect",
        "predict a.png --model",
        "predict a.png --output",
        "runs compare a b --output",
        "runs history --output",
        "models keygen",
        "models verify --key",
    ],
)
def test_url_in_place_of_a_local_path_is_refused_and_not_shown(place, line):
    message = refused(line, URL)
    assert "URL" in message
    assert "hunter2" not in message
    assert not list(place.glob("s3*"))


def test_url_in_the_environment_is_refused_with_its_variable(place, monkeypatch):
    monkeypatch.setenv("SIGHTLINE_ARTIFACTS", "ftp://bucket/x")
    assert "SIGHTLINE_ARTIFACTS" in refused("runs list")
    assert not list(place.iterdir())


@pytest.mark.parametrize("names", list(commands(get_command(app))), ids=" ".join)
def test_command_reads_its_paths_with_our_parser(names):
    """The one of Typer turns `s3://bucket` into the folder `s3:`."""
    command = get_command(app)
    for name in names:
        command = command.commands[name]
    kinds = {one.name: one.type_descriptor for one in command.params if one.name != "help"}
    paths = {name: kind for name, kind in kinds.items() if kind.annotation is Path}
    assert not [name for name, kind in paths.items() if kind.parameter_info.parser is None]


@pytest.mark.parametrize("name", list(SUMMARIES))
def test_command_has_its_name_and_begins_its_help_with_its_summary(name):
    command = get_command(app).commands[name]
    assert command.name == name
    assert " ".join(command.help.split()).startswith(SUMMARIES[name])
    assert "install_completion" not in [one.name for one in command.params]


def test_list_of_commands_imports_none_of_them():
    code = (
        "import sys\nfrom sightline.flows.cli.main import app\n"
        "app(['--help'], standalone_mode=False)\n"
        "sys.exit(bool({'pydantic', 'numpy', 'httpx', 'prefect'} & set(sys.modules)))"
    )
    done = execute(sys.executable, "-c", code)
    assert done.returncode == 0, done.stderr
    assert "tune" in done.stdout


def test_version_is_printed():
    assert re.fullmatch(r"\d+\.\d+\.\d+\n", sightline("--version").stdout)


def test_recipes_are_listed_and_shown_as_config_files(place):
    text = sightline("recipes list").stdout
    assert "auto (default)" in text
    assert "quickstart" in text
    file = place / "mine.toml"
    file.write_text(sightline("recipes show tutorial").stdout)
    assert loading.load("tutorial", file) == loading.load("tutorial")


def test_recipes_are_json_on_demand():
    listed = json.loads(sightline("recipes list --json").stdout)
    assert [one["name"] for one in listed] == loading.names()
    assert {"epochs", "dataset", "description"} < set(listed[0])
    shown = json.loads(sightline("recipes show fast --json").stdout)
    assert RunConfig.model_validate(shown) == loading.load("fast")


def test_datasets_are_listed():
    text = sightline("datasets list").stdout
    assert {"mnist", "fashion-mnist", "mnist-5k", "Ankle"} <= set(re.findall(r"[\w-]+", text))


def test_inspect_and_train_say_what_is_hidden(place):
    (place / "mnist-5k").mkdir()
    for command in ("datasets inspect mnist-5k", "train --dataset mnist-5k --run-id ../x"):
        assert "write ./mnist-5k" in invoke(*command.split()).stderr


@pytest.fixture
def leak(place):
    images, labels = pictures(20, 0)
    np.savez("leak.npz", x_train=images, y_train=labels, x_test=images, y_test=labels)
    return "leak.npz"


def test_data_gate_stops_the_command_while_it_still_waits_for_the_server(run, leak):
    config = loading.load(overrides=["data_gate.leaks.action=fail"], dataset=leak)
    with pytest.raises(DataError, match=r"leaks.*20 of 20"):
        ingest_ahead(config, run, locate.locate(config.data))


def test_fetch_finds_a_local_copy(mnist_dir):
    found = sightline("datasets fetch mnist --data-dir", str(mnist_dir)).stdout.splitlines()
    assert [Path(line).parent for line in found] == [mnist_dir] * 4


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("train --recipe tutorail", "did you mean 'tutorial'"),
        ("train --set training.epoch=3", "did you mean 'epochs'"),
        ("train --config missing.toml", r"missing\.toml"),
        ("train --dataset mnits", "did you mean 'mnist'"),
        ("train --dataset ./nowhere", r"\./nowhere does not exist"),
        ("train --dataset empty", r"empty"),
        ("train --run-id ../x", r"'\.\./x'"),
        ("train --run-id /abs", r"'/abs'"),
        (f"train --run-id {'x' * 300}", "x{100}"),
        ("train --run-id taken", "'taken'"),
        ("train --epochs 3", "--set training.epochs="),
        ("train --lr=0.1", "--set training.learning_rate="),
        ("train --image-size 64", "--set data.image_size="),
        ("train --whatever 3", "No such option"),
        ("train --set training.lr=0.1", "did you mean 'training.learning_rate'"),
        ("train --force", "No such option"),
        ("train --artifacts file/artifacts", "file/artifacts"),
        ("datasets inspect mnist-5k --artifacts file/artifacts", "file/artifacts"),
        ("runs show nothing", "'nothing'"),
        ("runs open latest", "'latest'"),
    ],
)
def test_mistake_ends_with_one_sentence_before_any_work(place, line, message):
    (place / "empty").mkdir()
    (place / "artifacts" / "runs" / "taken").mkdir(parents=True)
    (place / "file").touch()
    assert re.search(message, refused(line))
    assert not (place / "artifacts" / "cache").exists()


def test_mismatched_counts_are_refused_with_the_file():
    images = np.zeros((4, 8, 8), dtype=np.uint8)
    np.savez("m.npz", x_train=images, y_train=[0, 1], x_test=images, y_test=[0, 1, 0, 1])
    assert re.search(r"m\.npz.*4.*2", refused("datasets inspect m.npz"))


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("http://127.0.0.1:9/api", "does not answer"),
        ("http://[::1", "is not an http:// or https:// address"),
        ("127.0.0.1:9/api", "is not an http:// or https:// address"),
    ],
)
def test_api_that_does_not_answer_is_refused(place, monkeypatch, url, problem):
    write_npz(place / "textures.npz")
    monkeypatch.setenv("PREFECT_API_URL", url)
    assert f"PREFECT_API_URL {problem}" in refused("train --dataset textures.npz")


def test_damaged_run_costs_a_line_and_not_the_list(place):
    folder = place / "artifacts" / "runs" / "damaged"
    folder.mkdir(parents=True)
    (folder / "manifest.json").write_text("{}")
    assert re.search(r"Skipped: .*damaged/manifest\.json", sightline("runs list").stderr)


def test_empty_list_of_runs_suggests_a_training():
    assert "`sightline train`" in sightline("runs list").stdout
    assert json.loads(sightline("runs list --json").stdout) == []


@pytest.mark.parametrize(("passed", "code"), [(True, 0), (False, 1)])
def test_doctor_ends_with_1_if_something_would_fail(monkeypatch, passed, code):
    checks = [Check("python", True, "3.11"), Check("device", passed, "cpu")]
    monkeypatch.setattr(doctor, "check_all", lambda *_: checks)
    assert ("failed" in sightline("doctor", code=code).stdout) is not passed
    found = json.loads(sightline("doctor --json", code=code).stdout)
    assert found[1] == {"name": "device", "passed": passed, "found": "cpu"}


def test_command_that_closes_log_handlers_leaves_the_standard_error_of_the_tests_open():
    with redirect_stderr(io.StringIO()):
        absl.get_absl_handler().close()
    assert not sys.stderr.closed


def test_train_with_verify_trusts_no_remembered_digest(monkeypatch):
    seen = []

    def load(*_):
        seen.append(os.environ.get(known_digests.VARIABLE))
        raise InputError("That is enough; stop here.")

    monkeypatch.setattr(recommend, "load", load)
    invoke("train", "--verify")
    assert seen == ["1"]  # which the processes that compute inherit
