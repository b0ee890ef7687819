import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import bad_files
from reading import read_all

NOISE = np.random.default_rng(0)


def write_folder(path, images):
    for row, image in enumerate(images):
        place = path / "images" / "ab"[row % 2] / f"{row:03}.png"
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(bad_files.png(image))
    return path / "images"


def write_table(path, images):
    rows = {
        "image": [*map(bad_files.png, images)],
        "label": [row % 2 for row in range(len(images))],
    }
    pq.write_table(pa.table(rows), path / "data.parquet")
    return path / "data.parquet"


def noise(size, *others, count=40):
    """Make `count` images (height, width) of one size, but for the last ones."""
    sizes = [size] * (count - len(others)) + [*others]
    return [NOISE.integers(0, 256, one, dtype=np.uint8) for one in sizes]


@pytest.mark.parametrize(
    ("write", "names"),
    [
        (write_folder, ("a/036.png (40x10)", "b/037.png (11x11)", "a/038.png (40x10)")),
        (write_table, ("row 36", "(40x10)", "row 37", "(11x11)", "row 38")),
    ],
)
def test_common_size_is_kept_and_the_few_other_images_are_resized_and_named(tmp_path, write, names):
    images = noise((20, 12), (40, 10), (11, 11), (40, 10), (9, 300))
    raw, found = read_all(write(tmp_path, images))
    assert (raw.image_shape, raw.resize) == ((20, 12, 1), "stretch")
    (note,) = raw.notes
    assert note.startswith("4 of 40 images were resized to 20x12 pixels")
    assert str(tmp_path) not in note
    assert [name for name in names if name not in note] == []
    assert "9x300" not in note
    kept = [image for image in images if image.shape == (20, 12)]
    read = {image.tobytes() for image in found["unsplit"][..., 0]}
    assert len(read) == 40
    assert sum(image.tobytes() in read for image in kept) == 36


@pytest.mark.parametrize(
    ("size", "others"),
    [((20, 12), [(9, 9)] * 5), ((7, 20), [(9, 9)]), ((257, 20), [(9, 9)])],
    ids=["mixed", "too small", "too large"],
)
def test_other_sizes_become_64x64_without_names(tmp_path, size, others):
    raw, _ = read_all(write_folder(tmp_path, noise(size, *others)))
    assert raw.image_shape == (64, 64, 1)
    assert "40 of 40" in raw.notes[0]
    assert ".png" not in raw.notes[0]


def test_first_names_are_found_among_many_sizes(tmp_path):
    others = noise((9, 30), *((9, width) for width in range(31, 35)), count=5)
    raw, _ = read_all(write_table(tmp_path, [*noise((20, 12), count=50), *others]))
    assert raw.image_shape == (20, 12, 1)
    named = [f"9x{width}" in raw.notes[0] for width in range(30, 35)]
    assert named == [True, True, True, False, False]
