from pathlib import Path

import numpy as np
import pytest

from examples import clothes
from sightline.config import DataConfig
from sightline.data import ingest as ingestion
from sightline.data import locate
from sightline.data.validation import findings
from sightline.errors import StageError
from sightline.records import DatasetFiles, Inspection, Run
from sightline.storage import npy

NONE = {"train": 0, "test": 0}


@pytest.fixture
def folder(run: Run, tmp_path: Path) -> Path:
    run.workspace.root.mkdir()
    return tmp_path


def ingest(run: Run, path: Path, **split: object) -> tuple[DatasetFiles, Inspection]:
    np.savez(path, **split)
    config = DataConfig(dataset=str(path))
    files = ingestion.ingest(run, locate.locate(config), config)
    assert files.inspection is not None
    return files, files.inspection


def planted(channels: int) -> dict[str, np.ndarray]:
    """Clothes with one finding of each kind, at places that the test knows."""
    x, y = clothes(130, 7)
    x = np.repeat(x, channels, axis=-1)
    x_train, y_train, x_test, y_test = x[:100].copy(), y[:100].copy(), x[100:].copy(), y[100:]
    x_train[40], y_train[40] = x_train[13], y_train[13]  # a duplicate
    x_train[41], y_train[41] = x_train[14], (y_train[14] + 1) % 10  # and a conflict
    x_test[5] = x_train[20]  # a leak
    noise = np.random.default_rng(0).integers(-1, 2, x_train[0].shape)
    x_test[6] = np.clip(x_train[21] + noise, 0, 255)
    x_train[42] = np.clip(x_train[22] + noise, 0, 255)
    x_train[43] = 77
    x_test[7] = 0
    x_test[7, 0, 0] = 200
    return {"x_train": x_train, "y_train": y_train, "x_test": x_test, "y_test": y_test}


@pytest.mark.parametrize("channels", [1, 3])
def test_what_was_planted_is_found_and_nothing_else(run: Run, folder: Path, channels: int) -> None:
    arrays_in = planted(channels)
    files, found = ingest(run, folder / "planted.npz", **arrays_in)

    table = findings.read_first(run.workspace.root / found.findings.path, 99)

    assert found.affected["leak"] == {"train": 0, "test": 1}
    assert found.affected["duplicate"] == {"train": 2, "test": 0}
    assert found.affected["conflict"]["train"] >= 2
    assert found.affected["blank"] == {"train": 1, "test": 0}
    assert found.affected["saturated"] == {"train": 0, "test": 1}
    places = {
        kind: {
            (one.image.split, one.image.index): one.other and (one.other.split, one.other.index)
            for one in rows
        }
        for kind, rows in table.items()
    }
    assert places["leak"] == {("test", 5): ("train", 20)}
    assert places["duplicate"] == {("train", 40): ("train", 13), ("train", 41): ("train", 14)}
    assert places["conflict"][("train", 41)] == ("train", 14)
    assert places["conflict"][("train", 14)] == ("train", 41)
    assert places["near_leak"][("test", 6)] == ("train", 21)
    assert places["near_duplicate"][("train", 42)] == ("train", 22)
    assert places["blank"] == {("train", 43): None}
    assert places["saturated"] == {("test", 7): None}
    assert files.counts["train"] == found.profiles["train"].per_class


def test_distinct_images_have_no_findings(run: Run, folder: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (120, 8, 8), dtype=np.uint8)
    labels = np.arange(120) % 3
    _, found = ingest(
        run,
        folder / "noise.npz",
        x_train=noise[:90],
        y_train=labels[:90],
        x_test=noise[90:],
        y_test=labels[90:],
    )
    assert set(found.affected) == set(findings.KINDS)
    assert all(counts == NONE for counts in found.affected.values())


def test_data_set_of_equal_images_is_named_in_full(run: Run, folder: Path) -> None:
    image = clothes(1, 0)[0][0]
    _, found = ingest(
        run,
        folder / "equal.npz",
        x_train=np.stack([image] * 50),
        y_train=np.arange(50) % 2,
        x_test=np.stack([image] * 10),
        y_test=np.arange(10) % 2,
    )
    assert found.affected["duplicate"] == {"train": 49, "test": 9}
    assert found.affected["leak"] == {"train": 0, "test": 10}
    assert found.affected["conflict"] == {"train": 50, "test": 10}
    assert found.affected["near_duplicate"] == found.affected["near_leak"] == NONE


def test_block_borders_change_nothing(
    run: Run, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, whole = ingest(run, folder / "planted.npz", **planted(1))
    monkeypatch.setattr(npy, "BLOCK_BYTES", 7 * 784)
    again = run.model_copy(update={"id": "again", "refresh": True})
    _, parts = ingest(again, folder / "planted.npz", **planted(1))
    assert parts == whole


def test_single_rows_of_a_file_are_read_in_any_order(tmp_path: Path) -> None:
    values = np.arange(60, dtype=np.uint8).reshape(20, 3, 1)
    np.save(tmp_path / "a.npy", values)
    rows = np.array([19, 0, 7, 7])
    np.testing.assert_array_equal(npy.read_rows(tmp_path / "a.npy", rows), values[rows])
    content = (tmp_path / "a.npy").read_bytes()
    (tmp_path / "a.npy").write_bytes(content[:-1])
    with pytest.raises(StageError, match=r"a\.npy ends before its row 19"):
        npy.read_rows(tmp_path / "a.npy", rows)
