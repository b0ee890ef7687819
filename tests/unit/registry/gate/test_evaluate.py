from pathlib import Path

import numpy as np
import pytest

from made_runs import write_file
from paired_answers import certificate
from reading import ingest
from runs_to_promote import register
from sightline.config import CnnConfig, Convolution, PromotionConfig, loading
from sightline.data.holdout import holdout_sha256
from sightline.errors import DataError, ModelFileError
from sightline.models import cnn, keras_files
from sightline.pipeline.progress import listening
from sightline.records import FileRecord
from sightline.registry.gate import evaluate, scoring
from sightline.registry.gate.candidate import Candidate
from sightline.registry.gate.evaluate import compare
from sightline.registry.gate.scores import ScoringRequest, Timing
from sightline.storage import digests, files


class _SameProcess:
    """Stands in for the Keras process, which other tests cover; records still pass as JSON."""

    def run(self, function, request):
        received = ScoringRequest.model_validate_json(request.model_dump_json())
        return Timing.model_validate_json(function(received).model_dump_json())


@pytest.fixture(scope="session")
def models(tmp_path_factory):
    """Two `.keras` files: one that has every texture right, and one of a constant prediction."""
    line, smooth = np.array([-1, 2, -1]), np.array([1, 2, 1])
    pairs = ((line, smooth), (smooth, line), (line, line))  # rows, columns and checks
    filters = np.stack([np.outer(*pair) for pair in pairs], axis=-1)[:, :, np.newaxis] / 16
    sharpness, threshold = 400.0, 0.08
    dense = (np.eye(3), np.zeros(3), sharpness * np.eye(3, 4), sharpness * threshold * np.eye(4)[3])
    layers = CnnConfig(convolutions=(Convolution(filters=3),), dense_units=3)
    network = cnn.classifier((12, 12, 1), 4, layers)
    path, found = tmp_path_factory.mktemp("models") / "model.keras", {}
    for name, factor in (("accurate", 1), ("constant", 0)):
        network.set_weights([factor * values for values in (filters, np.zeros(3), *dense)])
        keras_files.export(network, path)
        found[name] = path.read_bytes()
    return found


@pytest.fixture
def champion(run, files, models):
    version = register(run.workspace.root, "before", "textures")
    constant = write_file(run.workspace.root, version.model.path, models["constant"])
    known = {
        "files": {"model.keras": constant},
        "holdout_sha256": holdout_sha256(files),
        "class_names": files.class_names,
        "image_shape": files.image_shape,
    }
    return version.model_copy(update=known)


@pytest.fixture
def candidate(run, files, trained, evaluation, models):
    accurate = write_file(run.workspace.root, "other/model.keras", models["accurate"])
    # With ten images a class the default margin can never be met.
    limits = PromotionConfig(recall_margin=0.5, latency_factor=100)
    return Candidate(
        run=run,
        config=loading.load("tutorial").model_copy(update={"promotion": limits}),
        source_sha256="a" * 64,
        files=files,
        trained=trained.model_copy(update={"model": accurate}),
        evaluation=evaluation,
        certificate=certificate(),
    )


@pytest.fixture
def gate(candidate, champion, monkeypatch):
    """Compare the accurate model with the constant one by default, in this process."""
    monkeypatch.setattr(evaluate, "keras_process", _SameProcess)
    monkeypatch.setattr(scoring, "_MAX_ROUNDS", 2)

    def decided(model=None, **changed):
        trained = candidate.trained.model_copy(update={"model": model} if model else {})
        exports = changed.pop("certificate", candidate.certificate)
        other = candidate.model_copy(update={"trained": trained, "certificate": exports})
        return compare(other, **{"champion": champion, **changed})

    return decided


def criteria_of(decision):
    return [(criterion.name, not criterion.failed) for criterion in decision.criteria]


def test_better_model_is_promoted_on_the_predictions_of_both(gate, run):
    root, seen = run.workspace.root, []
    leftovers = []  # what a killed gate would leave
    with listening(seen.append), listening(lambda _: leftovers.extend(files.leftovers(root))):
        found = gate()
    assert found.promote, found.sentence
    assert (found.images, found.fixed, found.broken) == (40, 30, 0)
    assert (found.accuracy, found.champion_accuracy) == (1.0, 0.25)
    assert found.p_value == 0.5**30
    assert [name for name, _ in criteria_of(found)] == [
        "task", "holdout", "same_model", "mcnemar", "class_recall", "calibration", "latency",
        "noise", "certificate",
    ]  # fmt: skip
    assert all(one.measured for one in found.criteria if one.name == "latency")
    assert [(one.stage, one.done, one.total) for one in seen] == [
        *(("promotion", 40, 80), ("promotion", 80, 80))
    ]
    assert [path.name[:11] for path in leftovers] == [".promotion."] * 2
    assert files.leftovers(root) == []


def test_worse_model_is_refused(gate, champion, candidate):
    better = champion.model_copy(update={"files": {"model.keras": candidate.trained.model}})
    found = gate(model=champion.model, champion=better, noise=0.01)
    assert not found.promote
    assert (found.fixed, found.broken, found.p_value) == (0, 30, 1.0)
    assert found.sentence.startswith("Refused: ")
    assert ("noise", False) in criteria_of(found)


def test_first_model_is_decided_by_its_evaluation(gate):
    found = gate(champion=None)
    assert (found.promote, found.champion, found.accuracy, found.images) == (True, None, 0.925, 40)


def test_changed_test_images_are_refused_unless_rebaselined(gate, champion):
    before = champion.model_copy(update={"holdout_sha256": "f" * 64})
    found = gate(champion=before)
    assert criteria_of(found) == [("holdout", False)]
    assert "`sightline models promote test-run --rebaseline --reason ...`" in found.sentence
    again = gate(champion=before, rebaseline=True)
    assert again.promote
    assert (again.fixed, again.champion_accuracy) == (30, 0.25)


def test_champion_itself_is_refused_unless_rebaselined(gate, champion, trained):
    same = champion.model_copy(update={"weights_sha256": trained.weights_sha256})
    for rebaseline in (False, True):
        found = gate(champion=same, rebaseline=rebaseline)
        assert (found.promote, criteria_of(found)) == (False, [("same_model", False)])
    moved = same.model_copy(update={"holdout_sha256": "f" * 64})
    found = gate(champion=moved, rebaseline=True)
    assert found.promote
    assert "textures-v1" in found.sentence
    assert "92.50%" in found.sentence
    assert not gate(champion=moved, rebaseline=True, certificate=None).promote


@pytest.mark.parametrize(
    ("other", "difference"),
    [
        ({"class_names": ("a", "b")}, "2 classes"),
        ({"class_names": ("d", "c", "b", "a")}, "with other names"),
        ({"class_names": ("0", "1", "3", "2")}, "in another order"),
    ],
)
def test_other_classes_are_refused_even_if_rebaselined(gate, champion, other, difference):
    found = gate(champion=champion.model_copy(update=other), rebaseline=True)
    assert (found.promote, criteria_of(found)) == (False, [("task", False)])
    assert difference in found.criteria[0].sentence
    assert "another data set name" in found.criteria[0].sentence


def test_names_that_an_older_champion_has_with_blanks_are_the_same_classes(gate, champion):
    before = champion.model_copy(update={"class_names": ("0", "1 ", "2", " 3")})
    assert criteria_of(gate(champion=before))[0] == ("task", True)


@pytest.mark.parametrize(
    ("shape", "resize"), [((12, 12, 3), "stretch"), ((20, 16, 1), "letterbox")]
)
def test_champion_of_another_size_predicts_the_same_source_images(
    gate, run, champion, candidate, shape, resize
):
    settings = {"image_size": shape[:2], "channels": shape[2], "resize": resize}
    own = ingest(run, candidate.files.source, **settings)
    images = np.load(run.workspace.path(own.images["test"].path))
    generator, path = np.random.default_rng(0), run.workspace.root / "other.keras"
    network = cnn.classifier(
        shape, 4, CnnConfig(convolutions=(Convolution(filters=3),), dense_units=3)
    )
    network.set_weights([generator.normal(0, 1, one.shape) for one in network.get_weights()])
    keras_files.export(network, path)
    model = keras_files.read_model(path, digests.sha256(path))
    right = model.predict(images, verbose=0).argmax(axis=1) == np.arange(40) % 4
    record = FileRecord(path=path.name, sha256=digests.sha256(path), bytes=1)
    known = {"image_shape": shape, "resize": resize, "files": {"model.keras": record}}
    found = gate(champion=champion.model_copy(update=known))
    assert found.champion_accuracy == right.mean()
    assert (found.fixed, found.broken, found.accuracy) == ((~right).sum(), 0, 1)
    assert len(found.criteria) == 9
    assert found.promote, found.sentence
    assert files.leftovers(run.workspace.root) == []


def test_source_that_is_gone_refuses_a_champion_of_another_size_with_a_remedy(
    gate, champion, candidate
):
    Path(candidate.files.source).unlink()
    found = gate(champion=champion.model_copy(update={"image_shape": (20, 16, 3)}))
    assert (found.promote, criteria_of(found)[-1]) == (False, ("source", False))
    for fact in ("20x16x3", "`sightline models promote test-run"):
        assert fact in found.criteria[-1].sentence
    assert gate().promote  # the champion of the same size needs no source


def test_model_that_does_not_fit_the_images_is_refused(gate, run):
    path = run.workspace.root / "small.keras"
    layers = CnnConfig(convolutions=(Convolution(filters=1),), dense_units=1)
    keras_files.export(cnn.classifier((8, 8, 1), 2, layers), path)
    with pytest.raises(ModelFileError, match=r"\(8, 8, 1\) .* 2 classes.*\(12, 12, 1"):
        gate(model=FileRecord(path=path.name, sha256=digests.sha256(path), bytes=1))


@pytest.mark.parametrize("removed", [False, True])
@pytest.mark.parametrize(
    ("which", "error", "remedy"),
    [
        ("champion", ModelFileError, "champion textures-v1.*`sightline models rollback`"),
        ("candidate", ModelFileError, ""),
        ("test images", DataError, "train on textures again"),
        ("labels", DataError, "train on textures again"),
    ],
)
def test_damaged_file_is_named_with_a_remedy(
    gate, candidate, champion, which, error, remedy, removed
):
    record = {
        "champion": champion.model,
        "candidate": candidate.trained.model,
        "test images": candidate.files.images["test"],
        "labels": candidate.files.labels,
    }[which]
    path = candidate.run.workspace.path(record.path)
    content = path.read_bytes()
    path.unlink()
    if not removed:
        path.write_bytes(content[:-300] + bytes([content[-300] ^ 1]) + content[-299:])
    with pytest.raises(error, match=f"{path}.*{remedy}") as refusal:
        gate()
    assert ("champion" in str(refusal.value)) is (which == "champion")
    assert files.leftovers(candidate.run.workspace.root) == []
