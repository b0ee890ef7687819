import re

import pytest

from reported_runs import IN_DEPTH, NO_FIGURES, numbers, with_evaluation, with_records
from sightline.config import loading
from sightline.reporting import advice

TUTORIAL, PHOTOS = loading.load("tutorial"), loading.load("photos")


@pytest.fixture
def pictures():
    return NO_FIGURES


@pytest.fixture
def good(manifest):
    """A run for which there is nothing to try."""
    perfect = tuple((0,) * n + (10,) + (0,) * (3 - n) for n in range(4))
    return with_evaluation(manifest, confusion=perfect, accuracy_interval=(0.95, 1.0))


def steps(run):
    return [step.text for step in advice.list_steps(run, str.upper)]


def fitted(run, learned, tested, config=TUTORIAL):
    train = run.records.train.model_copy(update={"accuracy": learned})
    changed = with_records(with_evaluation(run, accuracy=tested), train=train)
    return changed.model_copy(update={"config": config})


def counted(run, *counts):
    files = run.records.ingest
    ingest = files.model_copy(update={"counts": {**files.counts, "train": counts}})
    return with_records(run, ingest=ingest)


def test_good_run_needs_nothing(good):
    assert steps(good) == []


@pytest.mark.parametrize(
    ("learned", "tested", "config", "keys"),
    [
        (0.999, 0.78, TUTORIAL, r"augmentation\.translation=0\.1.*model\.dropout \(now 0\)"),
        (0.999, 0.78, PHOTOS, r"embedding\.views=4, now 2.*model\.dropout \(now 0\.2\)"),
        (0.029, 0.03, TUTORIAL, r"training\.epochs=10 \(now 5\).*\(now 0\.001\).*recipe photos"),
        (0.5, 0.5, loading.load("photos", None, ['model.finetune="head"']), r"finetune=\"tail\""),
    ],
)
def test_misfit_is_answered_with_the_keys_that_help(good, learned, tested, config, keys):
    (found,) = steps(fitted(good, learned, tested, config))
    assert re.search(keys, found)


def test_training_that_stopped_early_is_given_more_patience(good):
    stopping = loading.load("tutorial", None, ["training.early_stopping=3"])
    train = good.records.train.model_copy(update={"stopped": "Stopped after epoch 4."})
    (found,) = steps(fitted(with_records(good, train=train), 0.03, 0.03, stopping))
    assert "training.early_stopping=6 (now 3)" in found
    assert "training.epochs" not in found


def test_model_at_the_baseline_is_trained_longer(good):
    (found,) = steps(with_evaluation(good, accuracy_interval=(0.24, 0.3)))
    assert "training.epochs=10" in found


def test_labels_to_look_at_are_counted(good):
    (found,) = advice.list_steps(with_evaluation(good, label_errors=IN_DEPTH["label_errors"]), str)
    assert numbers(found.text) == ["7"]
    assert found.section == "mistakes"


def test_images_are_asked_for_where_a_class_is_both_rare_and_weak(good):
    recalls = (0.4, 0.9, 0.3, 0.9)  # the mean is 0.625
    classes = tuple(
        row.model_copy(update={"recall": recall})
        for row, recall in zip(good.records.evaluate.classes, recalls, strict=True)
    )
    (found,) = steps(counted(with_evaluation(good, classes=classes), 60, 30, 20, 25))
    assert re.findall("“(.*?)”", found) == ["C"], "the first class is weak, but not rare"
    assert numbers(found) == ["20", "30.00%"]
    (found,) = steps(fitted(counted(with_evaluation(good, classes=classes), 1, 1, 1, 1), 0.5, 0.5))
    assert "training.epochs" in found


def test_classes_of_very_different_sizes_are_weighted_unless_they_are(good):
    uneven = counted(good, 40, 40, 40, 12)
    (found,) = steps(uneven)
    assert 'training.class_weight="balanced"' in found
    assert numbers(found) == ["40", "12"]
    weighted = loading.load("tutorial", None, ['training.class_weight="balanced"'])
    assert steps(uneven.model_copy(update={"config": weighted})) == []
    assert steps(counted(good, 36, 12, 36, 36)) == []


def test_weights_come_first_if_the_model_never_predicts_a_class(good):
    blind = with_evaluation(good, accuracy_interval=(0.2, 0.3), confusion=((0, 10, 0, 0),) * 4)
    assert "training.class_weight" in steps(counted(blind, 9, 90, 9, 9))[0]
    assert "training.epochs" in steps(counted(blind, 9, 9, 9, 9))[0]


def test_most_frequent_confusion_is_named_if_it_is_frequent_in_its_class(good):
    def confused(*row):
        return steps(with_evaluation(good, confusion=(row, *good.records.evaluate.confusion[1:])))

    (found,) = confused(6, 1, 3, 0)
    assert numbers(found)[-2:] == ["3", "30.00%"]
    assert "with “C”" in found
    assert confused(36, 1, 3, 0) == confused(6, 2, 2, 0) == []


@pytest.mark.parametrize(
    ("confidence", "smoothing", "remedy"),
    [
        (0.9, 0.0, r"raise training\.label_smoothing .*to 0\.1, or divide the logits by 1\.25"),
        (0.7, 0.1, r"lower training\.label_smoothing \(now 0\.1\)"),
        (0.7, 0.0, r"training\.epochs"),
    ],
)
def test_calibration_is_answered_by_its_direction(good, confidence, smoothing, remedy):
    known = IN_DEPTH["calibration"]
    bins = (known.bins[1].model_copy(update={"confidence": confidence, "accuracy": 0.8}),)
    calibration = known.model_copy(update={"bins": bins, "error": 0.1})
    config = loading.load("tutorial", None, [f"training.label_smoothing={smoothing}"])
    run = with_evaluation(good, calibration=calibration).model_copy(update={"config": config})
    (found,) = steps(run)
    assert re.search(remedy, found)


def test_sound_measurement_needs_test_and_validation_images(good, manifest):
    vague = with_evaluation(good, accuracy_interval=(0.8, 0.95))
    splits = {k: v for k, v in manifest.records.preprocess.splits.items() if k != "validation"}
    preprocess = manifest.records.preprocess.model_copy(update={"splits": splits})
    test, validation = steps(with_records(vague, preprocess=preprocess))
    assert numbers(test) == ["40", "15.0"]
    assert "preprocessing.validation_fraction=0.1" in validation


def test_at_most_five_steps_are_listed_the_fit_first(good):
    uneven = counted(with_evaluation(good, **IN_DEPTH, accuracy_interval=(0, 1)), 90, 9, 9, 9)
    classes = tuple(
        row.model_copy(update={"recall": number / 4})
        for number, row in enumerate(good.records.evaluate.classes)
    )
    confused = with_evaluation(uneven, classes=classes, confusion=((1, 1, 1, 7),) * 4)
    found = steps(confused)
    assert len(found) == 5
    assert "training.epochs" in found[0]
