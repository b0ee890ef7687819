import shutil

import numpy as np
import pytest

import made_runs
import trained_textures
from made_runs import write_file, write_table
from sightline.config import ReportConfig
from sightline.evaluation.calibration import reliability
from sightline.evaluation.selective import accuracy_at_coverage
from sightline.records import (
    Calibration,
    ClassMetrics,
    Layer,
    ModelBlueprint,
    SliceMetrics,
    StageTime,
)
from sightline.reporting import report as reporting
from sightline.reporting.figures import canvas

HOSTILE = "<script>alert(1)</script> | [x](javascript:alert(1)) $a_b$"


@pytest.fixture
def hostile_files(files):
    return files.model_copy(update={"class_names": (HOSTILE, "b", "c", "d")})


@pytest.fixture
def trained(artifacts):
    history = {"epoch": [1, 2], "accuracy": [0.5, 0.9], "loss": [1.0, 0.25]}
    return made_runs.trained(
        model=write_file(artifacts, "made/model.keras"),
        history=write_table(artifacts / "made" / "history.parquet", history, "made/"),
        epochs=2,
    )


@pytest.fixture
def evaluation(artifacts, hostile_files):
    """Forty predictions with three mistakes: rows 8, 20 and 4, the surest first."""
    labels = np.arange(40) % 4
    probabilities = np.full((40, 4), 0.01, dtype=np.float32)
    probabilities[np.arange(40), labels] = 0.97
    for row, probability in ((4, 0.6), (8, 0.9), (20, 0.9)):
        probabilities[row] = (1 - probability) / 3
        probabilities[row, 1] = probability
    predicted = probabilities.argmax(axis=1)
    columns: dict[str, object] = {"index": np.arange(40), "label": labels, "predicted": predicted}
    columns |= {"source": [f"{row}.png" for row in range(40)]}
    columns |= {f"probability_{number}": probabilities[:, number] for number in range(4)}
    classes = tuple(
        ClassMetrics(class_name=name, precision=0.9, recall=0.7, f1=0.95 - number / 10, support=10)
        for number, name in enumerate(hostile_files.class_names)
    )
    confidence, right = probabilities.max(axis=1), predicted == labels
    bins, _ = reliability(confidence, right, 15)
    camera = SliceMetrics(
        column="camera", value=HOSTILE, images=40, accuracy=0.925, interval=(0.8, 0.97)
    )
    return made_runs.evaluated(
        metrics=write_file(artifacts, "made/metrics.json"),
        predictions=write_table(artifacts / "made" / "predictions.parquet", columns, "made/"),
        accuracy=0.925,
        accuracy_interval=(0.8014, 0.9742),
        loss=0.1234,
        classes=classes,
        confusion=((7, 3, 0, 0), (0, 10, 0, 0), (0, 0, 10, 0), (0, 0, 0, 10)),
        top_k={2: 0.95, 3: 0.975},
        calibration=Calibration(bins=bins, error=0.0425),
        coverage=accuracy_at_coverage(confidence, right),
        slices=(camera,),
    )


@pytest.fixture
def blueprint(artifacts):
    return ModelBlueprint(
        architecture=write_file(artifacts, "made/architecture.json"),
        summary=write_file(artifacts, "made/model_summary.txt"),
        layers=(Layer(name="dense", kind="Dense", output_shape=(4,), parameters=141_258),),
        parameters=141_258,
        image_shape=(12, 12, 1),
        num_classes=4,
    )


@pytest.fixture(scope="session", autouse=True)
def low_resolution():
    """Draw figures with a quarter of the pixels per inch, which is much faster."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(canvas, "DOTS_PER_INCH", canvas.DOTS_PER_INCH // 4)
        yield


@pytest.fixture(scope="session")
def drawn(tmp_path_factory):
    """Keep what the stage report drew, since equal inputs give equal figures."""
    return tmp_path_factory.mktemp("drawn")


@pytest.fixture
def pictures(run, hostile_files, blueprint, trained, evaluation, drawn):
    cache = run.workspace.root / "cache" / "report"
    shutil.copytree(drawn, cache, dirs_exist_ok=True)
    report = reporting.report(run, hostile_files, blueprint, trained, evaluation, ReportConfig())
    shutil.copytree(cache, drawn, dirs_exist_ok=True)
    return report


@pytest.fixture
def manifest(hostile_files, blueprint, trained, evaluation, pictures):
    records = made_runs.stages(
        hostile_files.model_copy(update={"notes": ("12 images were resized.",)}),
        build=blueprint,
        train=trained,
        evaluate=evaluation,
        report=pictures,
    )
    return made_runs.manifest(
        "20261124T010203Z-textures-tutorial-abcdef",
        records,
        environment={"python": "3.11.7", "platform": "Linux", "versions": {"keras": "3.15.1"}},
        stages={"ingest": StageTime(seconds=1.25, cached=True)},
        files={"model.keras": trained.model},
    )


@pytest.fixture
def workspace(run):
    return run.workspace


@pytest.fixture
def artifacts(run):
    return run.workspace.root


@pytest.fixture(scope="session")
def textures(tmp_path_factory):
    """A trained model for tests that only read it."""
    return trained_textures.make(tmp_path_factory.mktemp("textures"))
