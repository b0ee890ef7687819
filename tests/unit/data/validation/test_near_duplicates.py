import io
from unittest.mock import Mock

import numpy as np
import pytest
from PIL import Image

from examples import clothes
from sightline.data.validation import near_duplicates
from sightline.data.validation.near_duplicates import (
    Fingerprints,
    find_near_duplicates,
    fingerprints,
    hamming_distances,
)

IMAGES = clothes(300, 5)[0]
GARMENTS = clothes(40, 0)[0]


def find(images, test=0):
    splits = np.repeat(np.array([0, 1], np.int8), [len(images) - test, test])
    return find_near_duplicates(lambda rows: images[rows], fingerprints(images), splits)


def jpeg(image):
    file = io.BytesIO()
    Image.fromarray(image[..., 0]).save(file, "JPEG", quality=85)
    return np.asarray(Image.open(file))[..., np.newaxis]


def changed(images):
    """Apply noise, re-encoding, brightness and contrast in turn."""
    noise = np.random.default_rng(1).integers(-1, 2, images.shape)
    versions = (
        np.clip(images + noise, 0, 255),
        np.stack([jpeg(image) for image in images]),
        np.minimum(images.astype(int) + 12, 255),
        np.rint(0.9 * images),
    )
    return np.stack([versions[row % 4][row] for row in range(len(images))]).astype(np.uint8)


def test_changed_copies_are_all_found_within_and_across_splits():
    copied = np.arange(0, 300, 5)
    images = np.concatenate([IMAGES, changed(IMAGES)[copied]])
    _, leaks = find(images, test=60)
    assert leaks.rows.tolist() == list(range(300, 360))
    assert near_duplicates.correlation(images[leaks.rows], images[leaks.others]).min() > 0.985
    assert np.mean(leaks.others == copied) > 0.95  # some already had an equally similar image
    within, across = find(images)
    assert set(range(300, 360)) <= set(within.rows.tolist())
    assert len(across.rows) == 0
    assert (within.others < within.rows).all()


@pytest.mark.parametrize(
    "images",
    [
        np.random.default_rng(0).integers(0, 256, (500, 16, 16, 3), dtype=np.uint8),
        np.stack([np.full((8, 8, 1), value, np.uint8) for value in range(0, 250, 10)]),
    ],
    ids=["noise", "blank"],
)
def test_images_of_noise_or_of_one_value_are_not_similar(images):
    within, across = find(images, test=len(images) // 5)
    assert len(within.rows) == len(across.rows) == 0


def test_pixels_decide_if_only_the_coarse_shape_agrees():
    fine = np.indices((32, 32)).sum(axis=0)[..., np.newaxis] % 2
    coarse = 60 + np.arange(32, dtype=np.uint8)[:, np.newaxis, np.newaxis] * np.ones_like(fine)
    images = np.stack([coarse + 60 * fine, coarse + 60 * (1 - fine)]).astype(np.uint8)
    assert np.abs(np.diff(fingerprints(images).spectra.astype(int), axis=0)).max() <= 3
    assert find(images)[0].rows.tolist() == []


@pytest.mark.parametrize("equal_hashes", [True, False])
def test_number_of_comparisons_is_linear_in_the_images(monkeypatch, equal_hashes):
    """Even if all images are similar, or all hashes are equal but no image is."""
    read: list[int] = []

    def reading(rows):
        read.append(len(rows))
        return np.random.default_rng(0).integers(0, 256, (len(rows), 8, 8, 1), dtype=np.uint8)

    compare = Mock(side_effect=near_duplicates._compare)
    monkeypatch.setattr(near_duplicates, "_compare", compare)
    monkeypatch.setattr(near_duplicates, "_NEIGHBOURS", 16)
    count = 600
    hashes = np.full(count, 7, np.uint64) if equal_hashes else np.arange(count, dtype=np.uint64)
    prints = Fingerprints(hashes, np.ones((count, near_duplicates.SPECTRUM), np.int8))
    splits = np.repeat(np.array([0, 1], np.int8), [400, 200])
    find_near_duplicates(reading, prints, splits)
    compared = [len(call.args[0]) for call in compare.call_args_list]
    assert sum(min(images, 16) * images for images in compared) <= 4 * 2 * 16 * count
    assert sum(read) <= 2 * 2 * count + 2


def test_nearly_all_of_many_similar_images_are_matched_with_an_earlier_one():
    generator = np.random.default_rng(3)
    images = IMAGES[:1] // 2 + generator.integers(0, 3, (700, 28, 28, 1), dtype=np.uint8)
    within, across = find(images, test=200)
    assert len(within.rows) > 690
    assert len(across.rows) > 190
    assert (across.others < 500).all()


def test_correlation_is_that_of_numpy():
    one, other = np.random.default_rng(0).integers(0, 256, (2, 5, 8, 8, 3), dtype=np.uint8)
    expected = [np.corrcoef(a.ravel(), b.ravel())[0, 1] for a, b in zip(one, other, strict=True)]
    np.testing.assert_allclose(near_duplicates.correlation(one, other), expected)
    assert near_duplicates.correlation(one[:1], np.zeros_like(one[:1])).tolist() == [0]


def bits_apart(images, others):
    return hamming_distances(fingerprints(images).hashes, fingerprints(others).hashes)


def test_hash_hardly_changes_with_brightness_contrast_noise_size_and_colour():
    darker = GARMENTS // 2
    assert bits_apart(darker, darker + 100).max() == 0
    assert bits_apart(darker, 2 * darker).max() <= 1
    noise = np.random.default_rng(0).integers(-1, 2, GARMENTS.shape)
    noisy = np.clip(GARMENTS + noise, 0, 255).astype(np.uint8)
    assert bits_apart(GARMENTS, noisy).max() <= 2
    resized = [Image.fromarray(image[..., 0]).resize((64, 64)) for image in GARMENTS]
    assert np.median(bits_apart(GARMENTS, np.stack(resized)[..., np.newaxis])) <= 3
    assert bits_apart(GARMENTS, np.repeat(GARMENTS, 3, axis=-1)).max() <= 1


def test_other_images_have_other_hashes():
    garments = GARMENTS[:10]
    assert np.median(bits_apart(garments, np.roll(garments, 1, axis=0))) > 12


def test_hash_of_an_image_does_not_depend_on_its_neighbours():
    together = fingerprints(GARMENTS)
    for row in (0, 17, 39):
        alone = fingerprints(GARMENTS[row : row + 1])
        assert alone.hashes[0] == together.hashes[row]
        assert alone.spectra[0].tolist() == together.spectra[row].tolist()


@pytest.mark.parametrize("shape", [(8, 8, 1), (9, 200, 3), (5, 7, 1)])
def test_any_shape_has_a_fingerprint(shape):
    images = np.random.default_rng(0).integers(0, 256, (6, *shape), dtype=np.uint8)
    prints = fingerprints(images)
    assert len(set(prints.hashes.tolist())) == 6
    assert np.abs(prints.spectra).max(axis=1).tolist() == [127] * 6


@pytest.mark.parametrize("value", [0, 1, 128, 255])
@pytest.mark.parametrize("channels", [1, 3])
def test_blank_image_has_no_spectrum_and_one_other_pixel_gives_one(value, channels):
    image = np.full((1, 28, 28, channels), value, dtype=np.uint8)
    prints = fingerprints(image)
    assert prints.hashes.tolist() == [0]
    assert not prints.spectra.any()
    image[0, 3, 4] = value ^ 1
    assert fingerprints(image).spectra.any()
