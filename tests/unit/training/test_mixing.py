import keras
import numpy as np
import pytest

from sightline.config import Augmentation, TrainingConfig
from sightline.training.epoch_plan import EpochPlan
from sightline.training.ghost_batches import side_by_side
from sightline.training.input_pipeline import Batches
from sightline.training.mixing import Mix, draw_patches, mix_labels

SIZE = (9, 14)
IMAGES = np.random.default_rng(0).random((40, *SIZE, 3), np.float32)
LABELS = np.eye(40, dtype=np.float32)
BOTH = Augmentation(mixup=0.8, cutmix=1)


def mixed(settings, count=40):
    """Return the patches, and the images and labels that they mix."""
    patches = draw_patches(settings, count, SIZE, np.random.default_rng(1))
    images = keras.ops.convert_to_numpy(Mix()([IMAGES, patches[:40]], training=True))
    return patches, images, mix_labels(LABELS, patches[:40], SIZE)


def test_mixup_blends_images_and_labels_by_the_same_share():
    patches, images, labels = mixed(Augmentation(mixup=0.4), 4000)
    share = patches[:, 4]
    np.testing.assert_array_equal(patches[:, :4], np.tile([0, 9, 0, 14], (4000, 1)))
    assert (share.mean(), share.var()) == pytest.approx((0.5, 0.25 / 1.8), abs=0.02)
    before, weight = np.roll(IMAGES, 1, axis=0), share[:40].reshape(-1, 1, 1, 1)
    np.testing.assert_allclose(images, weight * before + (1 - weight) * IMAGES, atol=1e-6)
    np.testing.assert_allclose(labels.diagonal(), 1 - share[:40], atol=1e-6)
    np.testing.assert_allclose(labels.sum(axis=1), 1, rtol=1e-6)


def test_cutmix_pastes_a_rectangle_and_mixes_labels_by_its_area():
    patches, images, labels = mixed(Augmentation(cutmix=1), 4000)
    top, bottom, left, right, share = patches.T
    assert (share == 1).all()
    assert ((top >= 0) & (top <= bottom) & (bottom <= 9)).all()
    assert ((left >= 0) & (left <= right) & (right <= 14)).all()
    assert ((bottom - top) * (right - left) / 126).mean() == pytest.approx(0.5, abs=0.03)
    pasted = (images == np.roll(IMAGES, 1, axis=0)).all(axis=-1)
    assert ((images == IMAGES).all(axis=-1) | pasted).all()
    np.testing.assert_array_equal(
        pasted.sum(axis=(1, 2)), pasted.any(axis=2).sum(axis=1) * pasted.any(axis=1).sum(axis=1)
    )
    np.testing.assert_allclose(1 - labels.diagonal(), pasted.mean(axis=(1, 2)), atol=1e-6)
    assert 0 < np.roll(labels, 1, axis=1).diagonal()[1:].max() <= 1


def test_each_of_both_changes_half_of_the_images():
    patches, *_ = mixed(BOTH, 4000)
    assert (patches[:, 4] == 1).mean() == pytest.approx(0.5, abs=0.03)


@pytest.mark.parametrize("ghost_batches", [1, 3])
def test_patches_and_labels_of_a_batch_belong_together(run, prepared, ghost_batches):
    def epoch_of(changes, epoch=1, first_step=0):
        settings = TrainingConfig(
            epochs=1, batch_size=50, ghost_batches=ghost_batches, augmentation=changes
        )
        plan = EpochPlan.for_training(prepared.splits["train"], settings)
        given = Batches(run.workspace, prepared.splits["train"], plan, 0, first_step)
        given.start_epoch(epoch)
        return [given[index] for index in range(given.num_batches)]

    whole, plain = epoch_of(BOTH), epoch_of(Augmentation())
    after_interruption = epoch_of(BOTH, first_step=1)
    np.testing.assert_equal(after_interruption, whole[1:])
    assert not np.array_equal(epoch_of(BOTH, epoch=2)[0][0][-1], whole[0][0][-1])
    for (inputs, labels), (images, unmixed) in zip(whole, plain, strict=True):
        assert len(inputs) == 2 * ghost_batches
        parts, patches = inputs[:ghost_batches], inputs[ghost_batches:]
        np.testing.assert_array_equal(
            np.concatenate(parts), np.concatenate(images) if ghost_batches > 1 else images
        )
        split = np.array_split(unmixed, ghost_batches)
        expected = [mix_labels(*part, (12, 12)) for part in zip(split, patches, strict=True)]
        np.testing.assert_array_equal(labels, np.concatenate(expected))
        np.testing.assert_allclose(labels.sum(axis=1), 1, rtol=1e-6)


@pytest.mark.parametrize("ghost_batches", [1, 2])
def test_images_are_mixed_in_training_alone(ghost_batches):
    images = keras.Input((*SIZE, 3))
    network = keras.Model(images, keras.layers.Flatten()(images))
    trained = side_by_side(network, ghost_batches, mixed=True)
    patches, *_ = mixed(Augmentation(mixup=1))
    parts = [np.array_split(array, ghost_batches) for array in (IMAGES, patches)]
    given, pairs = parts[0] + parts[1], zip(*parts, strict=True)
    expected = np.concatenate([Mix()(list(pair), training=True) for pair in pairs])
    np.testing.assert_allclose(trained(given, training=True), network(expected), atol=1e-6)
    np.testing.assert_array_equal(trained(given, training=False), network(IMAGES))
