import numpy as np
import pytest
from PIL import Image

from examples import clothes
from sightline.data.validation.perceptual_hash import differing_bits, fingerprints

IMAGES, _ = clothes(40, 0)


def bits_apart(images: np.ndarray, others: np.ndarray) -> np.ndarray:
    return differing_bits(fingerprints(images).hashes, fingerprints(others).hashes)


def resized(images: np.ndarray, side: int) -> np.ndarray:
    return np.stack(
        [np.asarray(Image.fromarray(image[..., 0]).resize((side, side))) for image in images]
    )[..., np.newaxis]


def test_hash_does_not_change_with_brightness_and_contrast() -> None:
    darker = (IMAGES // 2).astype(np.uint8) * 2 // 2
    assert bits_apart(darker, darker + 100).max() == 0
    assert bits_apart(darker, 2 * darker).max() <= 1


def test_hash_hardly_changes_with_noise_and_with_size() -> None:
    noise = np.random.default_rng(0).integers(-1, 2, IMAGES.shape)
    noisy = np.clip(IMAGES + noise, 0, 255).astype(np.uint8)
    assert bits_apart(IMAGES, noisy).max() <= 2
    assert np.median(bits_apart(IMAGES, resized(IMAGES, 64))) <= 3


def test_other_images_have_other_hashes() -> None:
    garments = IMAGES[:10]
    assert np.median(bits_apart(garments, np.roll(garments, 1, axis=0))) > 12


def test_hash_of_an_image_does_not_depend_on_its_neighbours() -> None:
    together = fingerprints(IMAGES)
    for row in (0, 17, 39):
        alone = fingerprints(IMAGES[row : row + 1])
        assert alone.hashes[0] == together.hashes[row]
        assert alone.spectra[0].tolist() == together.spectra[row].tolist()


def test_grey_image_has_the_hash_of_its_colour_version() -> None:
    colour = np.repeat(IMAGES, 3, axis=-1)
    assert bits_apart(IMAGES, colour).max() <= 1


@pytest.mark.parametrize("shape", [(8, 8, 1), (9, 200, 3), (5, 7, 1)])
def test_any_shape_has_a_fingerprint(shape: tuple[int, int, int]) -> None:
    images = np.random.default_rng(0).integers(0, 256, (6, *shape), dtype=np.uint8)
    prints = fingerprints(images)
    assert len(set(prints.hashes.tolist())) == 6
    assert np.abs(prints.spectra).max(axis=1).tolist() == [127] * 6


@pytest.mark.parametrize("value", [0, 1, 128, 255])
def test_blank_image_has_no_spectrum(value: int) -> None:
    prints = fingerprints(np.full((1, 28, 28, 3), value, dtype=np.uint8))
    assert prints.hashes.tolist() == [0]
    assert not prints.spectra.any()


def test_single_odd_pixel_is_seen() -> None:
    image = np.full((1, 28, 28, 1), 200, dtype=np.uint8)
    image[0, 3, 4] = 201
    assert fingerprints(image).spectra.any()
