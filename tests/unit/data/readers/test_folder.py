from unittest.mock import Mock

import pytest
from PIL import Image

from reading import check_unreadable, ingest, read_all
from sightline.config import PreprocessingConfig
from sightline.data import preprocess


def paint(path, mode="RGB", size=(10, 12), colour=0):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new(mode, size, colour).save(path)


def save_twice(image, folder, name="x.png", **options):
    """Save an image in two classes."""
    for label in ("a", "b"):
        (folder / label).mkdir()
        image.save(folder / label / name, **options)


@pytest.fixture
def folder(tmp_path):
    for split, count in (("train", 3), ("test", 2)):
        for label, name in enumerate(("cat", "dog")):
            for number in range(count):
                paint(tmp_path / split / name / f"{number}.png", "L", colour=100 * label + number)
    return tmp_path


def test_grey_images_of_one_size_are_kept_unchanged(folder):
    raw, images = read_all(folder)
    assert raw.class_names == ("cat", "dog")
    assert raw.image_shape == (12, 10, 1)
    assert raw.notes == ()
    assert images["train"][:, 0, 0, 0].tolist() == [0, 1, 2, 100, 101, 102]
    assert raw.splits[1].labels.tolist() == [0, 0, 1, 1]
    assert raw.splits[1].source(3) == "test/dog/1.png"


def test_splits_have_the_usual_names(folder, run):
    for label in ("cat", "dog"):
        paint(folder / "VAL" / label / "9.png", "L", colour=200)
    (folder / "train").rename(folder / "moved")
    (folder / "moved").rename(folder / "Training")
    files = ingest(run, folder)
    assert files.counts == {"train": (3, 3), "validation": (1, 1), "test": (2, 2)}
    arrays = preprocess.preprocess(run, files, PreprocessingConfig(validation_fraction=0.5))
    assert arrays.splits["validation"].count == 2


def test_two_names_of_one_split_are_refused(folder):
    for name in ("val", "valid"):
        paint(folder / name / "cat" / "1.png")
    check_unreadable(folder, "'val'", "'valid'", "rename or remove")


def test_mixed_images_become_64x64_rgb_with_a_note(folder):
    paint(folder / "train" / "dog" / "9.png", "L", (9, 12))
    paint(folder / "train" / "dog" / "big.jpg", "RGB", (300, 200), "red")
    raw, images = read_all(folder)
    assert raw.image_shape == (64, 64, 3)
    assert any("12 of 12" in note and "64x64" in note for note in raw.notes)
    assert any("11 of 12" in note and "RGB" in note for note in raw.notes)
    red = images["train"][-1].reshape(-1, 3).mean(axis=0)
    assert red[0] > 250
    assert red[1:].max() < 5


def test_config_sets_size_and_channels(folder):
    paint(folder / "train" / "dog" / "red.png", "RGB", colour=(255, 0, 0))
    raw, images = read_all(folder, image_size=(16, 8), channels=1)
    assert raw.image_shape == (16, 8, 1)
    assert images["train"][-1].max() == 76  # luma of pure red by ITU-R 601


def test_orientation_of_a_photo_is_applied(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    photo = Image.new("L", (40, 20))
    photo.paste(255, (0, 0, 20, 20))
    save_twice(photo, tmp_path, "x.jpg", exif=exif, quality=95)
    raw, images = read_all(tmp_path)
    assert raw.image_shape == (40, 20, 1)
    assert images["unsplit"][0][:15].min() > 200
    assert images["unsplit"][0][25:].max() < 50


@pytest.mark.parametrize(
    ("mode", "colour", "expected"),
    [
        ("RGBA", (255, 0, 0, 0), [255, 255, 255]),
        ("RGBA", (255, 0, 0, 255), [255, 0, 0]),
        ("LA", (0, 0), [255]),
        ("I;16", 65535, [255]),
        ("I;16", 257 * 100, [100]),
        ("1", 1, [255]),
        ("L", 7, [7]),
    ],
)
def test_every_kind_of_png_becomes_grey_or_rgb(tmp_path, mode, colour, expected):
    save_twice(Image.new(mode, (10, 12), colour), tmp_path)
    assert read_all(tmp_path)[1]["unsplit"][0, 0, 0].tolist() == expected


@pytest.mark.parametrize("name", ["x.png", "x.BMP"])
@pytest.mark.parametrize("colour", [[200], [9, 50, 7]])
def test_palettes_are_resolved(tmp_path, name, colour):
    image = Image.new("P", (9, 9), 0)
    image.putpalette([*(colour * 3)[:3], 0, 0, 0])
    save_twice(image, tmp_path, name)
    assert read_all(tmp_path)[1]["unsplit"][0, 0, 0].tolist() == colour


def test_other_files_are_left_out_and_counted(folder):
    (folder / "train" / "dog" / "notes.txt").write_text("good dog")
    (folder / "train" / "dog" / ".DS_Store").write_bytes(b"x")
    (folder / "README.md").write_text("hello")
    (folder / "Thumbs.db").write_bytes(b"x")
    raw, images = read_all(folder / "train")
    assert {name: len(found) for name, found in images.items()} == {"unsplit": 6}
    assert len(raw.notes) == 1
    assert "1 file(s): 1 .txt" in raw.notes[0]


@pytest.mark.parametrize(
    ("content", "fact"),
    [
        (b"<html>nothing</html>", "HTML"),
        (b"", "empty"),
        (b"GIF89b", "unknown format"),
        (b"\x89PNG\r\n\x1a\nrest", "PNG"),
    ],
)
def test_unreadable_image_is_refused_with_its_path(folder, content, fact):
    (folder / "train" / "dog" / "bad.png").write_bytes(content)
    check_unreadable(folder, "train/dog/bad.png", fact)


@pytest.mark.parametrize("name", ["x.png", "x.jpg"])
def test_truncated_image_is_refused_with_its_path(tmp_path, name):
    save_twice(Image.radial_gradient("L").convert("RGB"), tmp_path, name)
    broken = tmp_path / "b" / name
    broken.write_bytes(broken.read_bytes()[:-500])
    check_unreadable(tmp_path, f"b/{name}", "truncated")


@pytest.mark.parametrize("side", [60, 40])
def test_image_of_too_many_pixels_or_bytes_is_refused_without_a_warning(folder, monkeypatch, side):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1000)
    paint(folder / "train" / "dog" / "bomb.png", "L", (side, side))
    check_unreadable(folder, "dog/bomb.png", "1,000 pixels")
    monkeypatch.setattr(Image, "open", Mock(side_effect=MemoryError))
    check_unreadable(folder, "cat/0.png", "memory")


def test_folder_without_images_is_refused(folder):
    (folder / "test").rename(folder / "train" / ".hidden")
    (folder / "test").mkdir()
    check_unreadable(folder, "test has 0 examples")
    (folder / "train" / "owl").mkdir()
    check_unreadable(folder, "train/owl")


def test_tiny_images_are_refused_unless_a_size_is_set(tmp_path):
    save_twice(Image.new("RGB", (7, 7)), tmp_path)
    check_unreadable(tmp_path, "7x7", "data.image_size")
    assert read_all(tmp_path, image_size=(8, 8))[0].image_shape == (8, 8, 3)


@pytest.mark.parametrize("target", ["../../outside.png", "link.png", "../cat/0.png/x"])
def test_link_that_leads_out_or_nowhere_is_refused(folder, target):
    paint(folder / "outside.png")
    (folder / "train" / "dog" / "link.png").symlink_to(target)
    check_unreadable(folder / "train", "dog/link.png", "replace it with the file itself")


def test_link_inside_the_folder_is_followed_and_a_hostile_class_name_kept(folder):
    hostile = "<script>[x](javascript:1)"
    (folder / "train" / "dog").rename(folder / "train" / hostile)
    (folder / "train" / hostile / "9.png").symlink_to(folder / "train" / hostile / "1.png")
    raw, images = read_all(folder / "train")
    assert images["unsplit"][:, 0, 0, 0].tolist() == [100, 101, 102, 101, 0, 1, 2]
    assert raw.class_names == (hostile, "cat")


def test_decomposed_and_composed_folder_names_are_one_class(folder):
    for split, name in (("train", "cafe\u0301"), ("test", "caf\xe9 ")):
        (folder / split / "cat").rename(folder / split / name)
    raw, images = read_all(folder)
    assert raw.class_names == ("caf\xe9", "dog")
    assert raw.splits[0].labels.tolist() == [0, 0, 0, 1, 1, 1]
    assert sorted(zip(raw.splits[1].labels, images["test"][:, 0, 0, 0], strict=True)) == [
        *((0, 0), (0, 1), (1, 100), (1, 101))
    ]


@pytest.mark.parametrize(("name", "shown"), [("Cat", "'Cat'"), ("ca\u0308t", r"'ca\u0308t'")])
def test_folders_that_become_one_class_are_refused_with_both_names(folder, name, shown):
    (folder / "test" / "cat").rename(folder / "test" / name.lower())
    paint(folder / "train" / name / "0.png")
    paint(folder / "train" / ("cat" if name == "Cat" else "c\xe4t") / "0.png")
    check_unreadable(folder, str(folder / "train"), shown, "rename one")


def test_numbered_class_folders_are_in_natural_order(tmp_path):
    for split in ("train", "test"):
        for number in range(12):
            paint(tmp_path / split / str(number) / "x.png", "L", colour=number)
    raw, images = read_all(tmp_path)
    assert raw.class_names == tuple(map(str, range(12)))
    for split in raw.splits:
        assert images[split.name][:, 0, 0, 0].tolist() == split.labels.tolist()
