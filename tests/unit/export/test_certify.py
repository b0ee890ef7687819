from pathlib import Path

import numpy as np
import pytest

import made_runs
from sightline.export import certify, child_process, replay
from sightline.export.golden import Golden
from sightline.records import ModelMetadata

METADATA = ModelMetadata(class_names=("a", "b", "c", "d"), image_shape=(8, 8, 1))
MEASURED = {"runtime": "keras 3", "load_seconds": 1, "latency_1": 1, "latency_256": 1}


@pytest.fixture
def golden(tmp_path):
    np.save(tmp_path / "golden.npy", np.zeros((2, 8, 8, 1), np.uint8))
    return Golden(tmp_path / "golden.npy", "0" * 64, np.zeros((2, 4), np.float32), METADATA)


def check(golden):
    model = golden.images.parent / "model.keras"
    return certify.check("keras", model, (made_runs.ANY_FILE,), golden, 1)


@pytest.mark.usefixtures("in_process")
def test_model_that_cannot_be_loaded_does_not_pass(golden):
    (golden.images.parent / "model.keras").write_bytes(b"garbage")
    found = check(golden)
    assert not found.passed
    assert "ModelFileError" in str(found.problem)
    assert (found.difference, found.agreement) == (1, 0)


@pytest.mark.parametrize(
    ("probabilities", "named"),
    [
        (np.full((2, 4), np.nan, np.float32), "not finite"),
        (np.zeros((2, 4)), "float64[2, 4]"),
        (np.zeros((2, 3), np.float32), "float32[2, 3]"),
        (np.array([object()]), "cannot be read"),  # never unpickled
    ],
)
def test_incomparable_probabilities_do_not_pass(golden, probabilities, named, monkeypatch):
    def run(*arguments):
        np.save(Path(arguments[-1], replay.PROBABILITIES), probabilities, allow_pickle=True)
        return {**MEASURED, "metadata": METADATA.model_dump_json()}

    monkeypatch.setattr(child_process, "run", run)
    found = check(golden)
    assert not found.passed
    assert named in str(found.problem)
    assert found.runtime == "keras 3"


@pytest.mark.parametrize(
    ("text", "named"),
    [
        (
            METADATA.model_copy(update={"class_names": tuple("abdc")}).model_dump_json(),
            "class_names",
        ),
        (
            METADATA.model_copy(update={"resize": "crop", "white": 1023}).model_dump_json(),
            "resize, white",
        ),
        ("{", "cannot be read"),
    ],
)
def test_other_class_names_or_preprocessing_do_not_pass(golden, text, named, monkeypatch):
    def run(*arguments):
        np.save(Path(arguments[-1], replay.PROBABILITIES), golden.probabilities)
        return {**MEASURED, "metadata": text}

    monkeypatch.setattr(child_process, "run", run)
    found = check(golden)
    assert not found.passed
    assert named in str(found.problem)


def test_model_of_an_earlier_version_passes_without_metadata(golden, monkeypatch):
    def run(*arguments):
        np.save(Path(arguments[-1], replay.PROBABILITIES), golden.probabilities)
        return {**MEASURED, "metadata": None}

    monkeypatch.setattr(child_process, "run", run)
    assert check(golden).passed


@pytest.mark.parametrize(
    ("images", "sizes"),
    [(1, [1]), (2, [1, 1]), (3, [1, 2]), (10, [1, 2, 4, 3]), (11, [1, 2, 4, 4])],
)
def test_replay_uses_batches_of_several_sizes(images, sizes):
    found = list(replay.batches(images, 4))
    assert [rows.stop - rows.start for rows in found] == sizes
    assert [row for rows in found for row in range(rows.start, rows.stop)] == list(range(images))
