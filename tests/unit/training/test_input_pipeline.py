import numpy as np
import pytest

from sightline.config import TrainingConfig
from sightline.data.scaling import to_float
from sightline.data.split_arrays import open_split
from sightline.training.epoch_plan import EpochPlan, Shares
from sightline.training.input_pipeline import Batches, feed
from sightline.training.mixing import mix_labels

MIXING = {"augmentation": {"mixup": 0.3, "cutmix": 1.0}}


def epoch_of(run, arrays, epoch=0, seed=0, **settings):
    """Return images and labels of each batch of an epoch."""
    split, config = arrays.splits["train"], TrainingConfig(epochs=1, batch_size=16, **settings)
    given = Batches(run.workspace, split, EpochPlan.for_training(split, config), seed)
    given.start_epoch(epoch)
    return [given[index] for index in range(given.num_batches)]


def test_order_is_a_function_of_seed_and_epoch(run, prepared):
    def order(seed, epoch):
        return b"".join(images.tobytes() for images, _ in epoch_of(run, prepared, epoch, seed))

    assert order(0, 1) == order(0, 1)
    assert order(0, 1) != order(0, 2)
    assert order(0, 1) != order(1, 1)
    stored = to_float(open_split(run.workspace, prepared.splits["train"])[:])
    assert order(None, 0) == order(None, 1) == stored.tobytes()


def test_epoch_can_take_some_examples_or_several_passes(run, prepared):
    def fed(examples, epoch):
        given = epoch_of(run, prepared, epoch, examples_per_epoch=examples)
        return [image.tobytes() for images, _ in given for image in images]

    whole = fed(None, 0)
    assert fed(40, 0) == whole[:40]
    assert fed(40, 1) != whole[:40]
    several = fed(300, 0)
    assert several[:128] == whole
    assert sorted(several[128:256]) == sorted(whole)
    assert several[128:256] != whole
    assert len(several) == 300


@pytest.mark.parametrize(("examples", "steps"), [(64, 4), (66, 4), (67, 5), (2, 1)])
def test_each_ghost_batch_gets_a_part_of_each_batch(run, prepared, examples, steps):
    whole, parts = (
        epoch_of(run, prepared, examples_per_epoch=examples, ghost_batches=count)
        for count in (1, 3)
    )
    assert len(parts) == steps
    sizes = [len(part) for images, _ in parts for part in images]
    assert min(sizes) >= 1
    assert sum(sizes) == sum(len(labels) for _, labels in parts) == examples
    joined = np.concatenate([part for images, _ in parts for part in images])
    np.testing.assert_array_equal(joined, np.concatenate([images for images, _ in whole]))


def test_validation_has_as_many_ghost_batches_as_the_training(prepared):
    config = TrainingConfig(epochs=1, batch_size=100, ghost_batches=40)
    plan = EpochPlan.for_training(prepared.splits["train"], config)
    assert plan.for_validation(prepared.splits["validation"]) == EpochPlan(32, 100, 40)


@pytest.mark.parametrize("ghost_batches", [1, 2])
def test_fit_is_fed_each_epoch_in_its_order_and_nothing_tunes_itself(run, prepared, ghost_batches):
    split = prepared.splits["train"]
    given = Batches(run.workspace, split, EpochPlan(128, 48, ghost_batches), 0, first_step=1)
    data = feed(given)
    for epoch in (0, 1):
        given.start_epoch(epoch)
        seen = [labels.numpy() for _, labels in data]
        assert len(seen) == len(data) == given.num_batches == 2
        expected = [given[index][1] for index in range(2)]
        np.testing.assert_array_equal(np.concatenate(seen), np.concatenate(expected))
    assert data.options().autotune.enabled is False


@pytest.mark.parametrize("examples", [40, 41, 128, 300])
def test_balanced_epoch_has_as_many_images_of_each_class(run, prepared, tmp_path, examples):
    split = prepared.splits["train"]
    labels = np.eye(4, dtype=np.float32)[[0] * 100 + [1] * 25 + [3] * 3]  # none of class 2
    np.save(tmp_path / "labels.npy", labels)
    file = split.labels.model_copy(update={"path": str(tmp_path / "labels.npy")})
    plan = EpochPlan(examples, 16)
    skewed = split.model_copy(update={"labels": file})

    def rows(seed, epoch):
        given = Batches(run.workspace, skewed, plan, seed, balanced=True)
        given.start_epoch(epoch)
        return given._order

    drawn = rows(0, 1)
    counts = np.bincount(labels[drawn].argmax(axis=1), minlength=4)
    assert counts[2] == 0
    assert counts.sum() == examples
    assert np.ptp(counts[[0, 1, 3]]) <= 1
    for members in (np.arange(100), np.arange(100, 125), np.arange(125, 128)):
        assert np.ptp(np.bincount(drawn, minlength=128)[members]) <= 1
    np.testing.assert_array_equal(drawn, rows(0, 1))
    assert (drawn != rows(0, 2)).any()
    assert (drawn != rows(1, 1)).any()
    assert (np.diff(labels[drawn].argmax(axis=1)) != 0).sum() > examples / 4, "classes are mixed"


def test_nodes_read_their_parts_of_the_batches_of_one_machine(run, prepared):
    split, settings = prepared.splits["train"], TrainingConfig(epochs=1, batch_size=16, **MIXING)

    def batches(**shares):
        plan = EpochPlan.for_training(split, settings, Shares(**shares))
        given = Batches(run.workspace, split, plan, 0)
        return [given[index] for index in range(given.num_batches)]

    whole = batches()
    parts = [batches(devices=2, node=node, nodes=2) for node in (0, 1)]
    for number, ((images, patches), labels) in enumerate(whole):
        mine, theirs = (part[number] for part in parts)
        for found, other, expected in (
            (mine[0][0], theirs[0][0], images),
            (mine[0][1], theirs[0][1], patches),
            (mine[1], theirs[1], labels),
        ):
            np.testing.assert_array_equal(np.concatenate([found, other]), expected)


def test_labels_are_mixed_within_the_part_of_a_replica(run, prepared):
    split, settings = prepared.splits["train"], TrainingConfig(epochs=1, batch_size=16, **MIXING)
    plan = EpochPlan.for_training(split, settings, Shares(devices=2, mixed_apart=2))
    given = Batches(run.workspace, split, plan, 0)
    unmixed = Batches(run.workspace, split, EpochPlan(128, 16), 0)
    (_, patches), labels = given[0]
    expected = [
        mix_labels(part, patches[place], (12, 12))
        for part, place in zip(np.split(unmixed[0][1], 2), (slice(8), slice(8, 16)), strict=True)
    ]
    np.testing.assert_array_equal(labels, np.concatenate(expected))
