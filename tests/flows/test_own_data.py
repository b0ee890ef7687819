import csv
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from examples import pictures
from sightline.config import loading
from sightline.errors import DataError
from sightline.experiments import run_folder
from sightline.flows.train import predict_unlabelled, training_flow
from sightline.records import Run
from sightline.storage.workspace import Workspace

pytestmark = pytest.mark.usefixtures("prefect_api", "keras")

SMALL = [
    "model.convolutions=[{filters=8}, {filters=8}]",
    "training.epochs=8",
    "training.batch_size=8",
    "training.learning_rate=0.02",
    "evaluation.robustness_images=0",
    "evaluation.saliency_images=0",
]
SEVEN = ("apple", "bee <b>", "cat", "dog", "elk", "fox", "gnu")


def write_image_folder(folder):
    """Seven classes of RGB photographs of mixed sizes, as PNG and JPEG."""
    generator = np.random.default_rng(3)
    for number in range(7 * 12):
        name = SEVEN[number % 7]
        split = "test" if number >= 7 * 9 else "train"
        height, width = generator.integers(20, 60, 2)
        pixels = generator.integers(0, 256, (height, width, 3), dtype=np.uint8)
        place = folder / split / name
        place.mkdir(parents=True, exist_ok=True)
        suffix = "jpg" if number % 2 else "png"
        Image.fromarray(pixels).save(place / f"{number}.{suffix}")
    return folder


def write_csv(folder):
    folder.mkdir()
    for name, count in (("train", 80), ("test", 20)):
        images, labels = pictures(count, 5)
        with (folder / f"{name}.csv").open("w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(["label", *(f"pixel{number}" for number in range(144))])
            for image, label in zip(images, labels, strict=True):
                writer.writerow([label, *image.reshape(-1)])
    return folder


def write_npz(folder):
    folder.mkdir()
    x_train, y_train = pictures(80, 7, (9, 14, 3))
    x_test, y_test = pictures(20, 8, (9, 14, 3))
    path = folder / "images.npz"
    np.savez_compressed(path, x_train=x_train, y_train=y_train, x_test=x_test, y_test=y_test)
    return path


@pytest.mark.parametrize(
    ("write", "classes", "shape"),
    [
        (write_image_folder, SEVEN, (64, 64, 3)),
        (write_csv, tuple("0123"), (12, 12, 1)),
        (write_npz, tuple("0123"), (9, 14, 3)),
    ],
)
def test_own_data_trains_and_reports_without_a_code_change(tmp_path, write, classes, shape):
    path = write(tmp_path / "my data")
    config = loading.load("tutorial", overrides=SMALL, dataset=str(path))
    summary = training_flow(config, Run(id="own", workspace=Workspace(tmp_path / "artifacts")))
    manifest = run_folder.read(Workspace(tmp_path / "artifacts"), "own")
    assert manifest.records.ingest.class_names == classes
    assert manifest.records.ingest.image_shape == shape
    if classes != SEVEN:  # whose pixels are noise
        assert summary.test_accuracy >= 0.9
    folder = Path(summary.run_dir)
    report = (folder / "report.html").read_text()
    for page in (report, *((folder / name).read_text() for name in ("report.md", "MODEL_CARD.md"))):
        assert str(tmp_path) not in page.replace("\\", "")  # Markdown escapes slashes
    assert "<b>" not in report
    assert classes[-1] in report
    if shape == (64, 64, 3):
        assert "64x64" in report
        assert "bee &lt;b&gt;" in report


def test_test_split_without_labels_is_predicted_and_stands_in_the_report(tmp_path):
    images, labels = pictures(100, 5)
    for number, (image, label) in enumerate(zip(images, labels, strict=True)):
        place = tmp_path / "data" / (f"train/{'abcd'[label]}" if number < 80 else "test1")
        place.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image[..., 0]).save(place / f"{number}.png")
    (tmp_path / "data" / "test1" / "99.png").write_bytes(b"")
    config = loading.load("tutorial", overrides=SMALL, dataset=str(tmp_path / "data"))
    for run_id in ("first", "again"):
        workspace = Workspace(tmp_path / "artifacts")
        summary = training_flow(config, Run(id=run_id, workspace=workspace))
        assert summary.stages["predict"].cached == (run_id == "again")
        assert "1 of 20 images without labels could not be read" in " ".join(summary.warnings)
        with Path(summary.unlabelled_predictions).open(newline="") as file:
            rows = list(csv.DictReader(file))
        assert [row["input"] for row in rows] == [
            f"test1/{number}.png" for number in range(80, 100)
        ]
        right = [
            row["label"] == "abcd"[label] for row, label in zip(rows, labels[80:], strict=True)
        ]
        assert sum(right) >= 17
        report = (Path(summary.run_dir) / "report.html").read_text()
        assert 'href="unlabelled_predictions.csv"' in report
        assert "20 images without labels are predicted: " in report


def test_predictions_that_fail_cost_no_run(caplog):
    def fail(*_):
        raise DataError("x changed while it was read.")

    files = SimpleNamespace(unlabelled={"test": 3})
    assert predict_unlabelled(fail, None, None, SimpleNamespace(data=None), files, None) is None
    assert "were not predicted: x changed" in caplog.text
    files = SimpleNamespace(unlabelled={})
    assert predict_unlabelled(fail, None, None, None, files, None) is None
