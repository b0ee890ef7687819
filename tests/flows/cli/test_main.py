import json
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from typer.core import TyperGroup as Group
from typer.main import get_command
from typer.testing import CliRunner, Result

from examples import pictures, write_npz
from sightline.config import loading
from sightline.data import locate
from sightline.errors import DataError
from sightline.flows.cli.main import app
from sightline.flows.preflight import ingest_ahead
from sightline.pipeline import doctor
from sightline.pipeline.doctor import Check
from sightline.records import Run
from sightline.storage.workspace import Workspace


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")
    for name in ("SIGHTLINE_ARTIFACTS", "SIGHTLINE_DATA_DIR", "SIGHTLINE_MIRROR"):
        monkeypatch.delenv(name, raising=False)


def invoke(*arguments: str) -> Result:
    return CliRunner().invoke(app, list(arguments))


def refuses(result: Result, message: str) -> None:
    """The user made a mistake: exit code 2, one sentence on standard error, no traceback."""
    assert result.exit_code == 2, result.output
    assert result.stdout == ""
    text = " ".join(result.stderr.split())
    assert text.startswith("Error: ")
    assert re.search(message, text), text
    assert "Traceback" not in result.stderr


def commands(group: Group, *names: str) -> Iterator[tuple[str, ...]]:
    for name, command in group.commands.items():
        if isinstance(command, Group):
            yield from commands(command, *names, name)
        else:
            yield (*names, name)


@pytest.mark.parametrize("command", list(commands(get_command(app))), ids=" ".join)
def test_every_command_explains_itself(command: tuple[str, ...]) -> None:
    result = invoke(*command, "--help")
    assert result.exit_code == 0
    assert "Usage:" in result.stdout
    if command not in {("datasets", "list"), ("recipes", "list")}:
        assert f"sightline {' '.join(command)}" in result.stdout.partition("Options")[2]


def test_version_is_printed() -> None:
    assert re.fullmatch(r"\d+\.\d+\.\d+\n", invoke("--version").stdout)


def test_recipes_are_listed_and_shown_as_config_files(tmp_path: Path) -> None:
    text = invoke("recipes", "list").stdout
    assert "tutorial (default)" in text
    assert "quickstart" in text
    file = tmp_path / "mine.toml"
    file.write_text(invoke("recipes", "show", "tutorial").stdout)
    assert loading.load("tutorial", file) == loading.load("tutorial")


def test_datasets_are_listed() -> None:
    text = invoke("datasets", "list").stdout
    assert {"mnist", "fashion-mnist", "mnist-5k", "Ankle"} <= set(re.findall(r"[\w-]+", text))


def test_inspect_shows_the_data_and_draws_samples(tmp_path: Path) -> None:
    write_npz(tmp_path / "textures.npz")
    result = invoke("datasets", "inspect", "textures.npz")
    assert result.exit_code == 0, result.output
    assert "4 classes, 12x12 pixels, grayscale" in result.stdout
    assert re.search(r"train.*160.*0.*239", result.stdout)
    assert re.search(r"SHA-256: [0-9a-f]{64}", result.stdout)
    assert re.search(r"leaks.*passed.*No test image is equal to a training image", result.stdout)
    assert re.search(r"Findings: .*/artifacts/cache/ingest/\w+/findings\.parquet", result.stdout)
    picture = tmp_path / "artifacts" / "datasets" / "textures-samples.png"
    assert picture.read_bytes().startswith(b"\x89PNG")


@pytest.fixture
def leak() -> None:
    images, labels = pictures(20, 0)
    np.savez("leak.npz", x_train=images, y_train=labels, x_test=images, y_test=labels)


def test_inspect_shows_what_would_stop_a_run(leak: None) -> None:
    result = invoke("datasets", "inspect", "leak.npz", "--set", "data_gate.leaks.action=fail")
    assert result.exit_code == 0, result.output
    assert re.search(r"leaks.*failed.*20 of 20 test images \(100%\)", result.stdout)


def test_data_gate_stops_the_command_while_it_still_waits_for_the_server(
    tmp_path: Path, leak: None
) -> None:
    config = loading.load(overrides=["data_gate.leaks.action=fail"], dataset="leak.npz")
    run = Run(id="leaky", workspace=Workspace(tmp_path / "artifacts"))
    with pytest.raises(DataError, match=r"leaks.*20 of 20"):
        ingest_ahead(config, run, locate.locate(config.data))


def test_fetch_finds_a_local_copy(mnist_dir: Path) -> None:
    result = invoke("datasets", "fetch", "mnist", "--data-dir", str(mnist_dir))
    assert result.exit_code == 0, result.output
    paths = [Path(line) for line in result.stdout.splitlines()]
    assert len(paths) == 4
    assert all(path.parent == mnist_dir for path in paths)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--recipe", "tutorail"], "did you mean 'tutorial'"),
        (["--set", "training.epoch=3"], "did you mean 'epochs'"),
        (["--config", "missing.toml"], r"missing\.toml"),
        (["--dataset", "mnits"], "did you mean 'mnist'"),
        (["--dataset", "./nowhere"], r"\./nowhere does not exist"),
        (["--dataset", "empty"], r"empty"),
        (["--run-id", "../x"], r"'\.\./x'"),
        (["--run-id", "/abs"], r"'/abs'"),
        (["--run-id", "x" * 300], "x{100}"),
        (["--run-id", "taken"], "'taken'"),
    ],
)
def test_mistake_ends_train_with_one_sentence_before_any_work(
    tmp_path: Path, arguments: list[str], message: str
) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "artifacts" / "runs" / "taken").mkdir(parents=True)
    refuses(invoke("train", *arguments), message)
    assert not (tmp_path / "artifacts" / "cache").exists()


@pytest.mark.parametrize("command", [["train"], ["datasets", "inspect", "mnist-5k"]])
def test_artifacts_folder_that_cannot_be_written_is_refused(command: list[str]) -> None:
    Path("file").touch()
    refuses(invoke(*command, "--artifacts", "file/artifacts"), "file/artifacts")


def test_api_that_does_not_answer_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_npz(tmp_path / "textures.npz")
    for url in ("http://127.0.0.1:9/api", "http://[::1"):
        monkeypatch.setenv("PREFECT_API_URL", url)
        refuses(invoke("train", "--dataset", "textures.npz"), "PREFECT_API_URL does not answer")


def test_folder_with_markup_in_its_name_is_printed_as_it_is(tmp_path: Path) -> None:
    write_npz(tmp_path / "textures.npz")
    result = invoke("datasets", "inspect", "textures.npz", "--artifacts", "x[/b]")
    assert result.exit_code == 0, result.output
    assert "x[/b]/datasets/textures-samples.png" in result.stdout


def test_inspect_takes_settings(tmp_path: Path) -> None:
    rows = [f"{kind}," + ",".join(["7"] * 64) for kind in ("a", "b") * 10]
    header = "kind," + ",".join(f"p{number}" for number in range(64))
    (tmp_path / "table.csv").write_text("\n".join([header, *rows]))
    arguments = ["datasets", "inspect", "table.csv", "--set", "data.label_column=kind"]
    assert "2 classes, 8x8 pixels" in invoke(*arguments).stdout
    refuses(invoke(*arguments[:3]), "label")


def test_damaged_run_costs_a_line_and_not_the_list(tmp_path: Path) -> None:
    folder = tmp_path / "artifacts" / "runs" / "damaged"
    folder.mkdir(parents=True)
    (folder / "manifest.json").write_text("{}")
    result = invoke("runs", "list")
    assert result.exit_code == 0
    assert "Skipped: " in result.stderr
    assert "damaged/manifest.json" in result.stderr


def test_mismatched_counts_are_refused_with_the_file(tmp_path: Path) -> None:
    images = np.zeros((4, 8, 8), dtype=np.uint8)
    np.savez("m.npz", x_train=images, y_train=[0, 1], x_test=images, y_test=[0, 1, 0, 1])
    refuses(invoke("datasets", "inspect", "m.npz"), r"m\.npz.*4.*2")


def test_unknown_run_and_option_are_refused() -> None:
    refuses(invoke("runs", "show", "nothing"), "'nothing'")
    refuses(invoke("runs", "open", "latest"), "'latest'")
    assert invoke("train", "--epochs", "3").exit_code == 2


def test_empty_list_of_runs_suggests_a_training() -> None:
    result = invoke("runs", "list")
    assert (result.exit_code, "`sightline train`" in result.stdout) == (0, True), result.output
    assert json.loads(invoke("runs", "list", "--json").stdout) == []


@pytest.mark.parametrize(("passed", "code"), [(True, 0), (False, 1)])
def test_doctor_ends_with_1_if_something_would_fail(
    monkeypatch: pytest.MonkeyPatch, passed: bool, code: int
) -> None:
    checks = [Check("python", True, "3.11"), Check("device", passed, "cpu")]
    monkeypatch.setattr(doctor, "check_all", lambda *_: checks)
    result = invoke("doctor")
    assert result.exit_code == code
    assert ("failed" in result.stdout) is not passed
