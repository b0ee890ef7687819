from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from sightline.errors import DataError


def paint(path: Path, mode: str = "RGB", size: tuple[int, int] = (10, 12), colour=None) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new(mode, size, colour if colour is not None else 0).save(path)
    return path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for split, count in (("train", 3), ("test", 2)):
        for label, name in enumerate(("cat", "dog")):
            for number in range(count):
                paint(tmp_path / split / name / f"{number}.png", "L", colour=100 * label + number)
    return tmp_path


def test_grey_images_of_one_size_are_kept_as_they_are(read, folder: Path) -> None:
    reading, images = read(folder)

    assert reading.class_names == ("cat", "dog")
    assert reading.image_shape == (12, 10, 1)
    assert reading.notes == ()
    assert images["train"][:, 0, 0, 0].tolist() == [0, 1, 2, 100, 101, 102]
    assert reading.examples[1].labels.tolist() == [0, 0, 1, 1]
    assert reading.examples[1].origin(3) == "test/dog/1.png"


def test_folder_without_splits_is_whole(read, folder: Path) -> None:
    reading, images = read(folder / "train")

    assert [part.split for part in reading.examples] == ["whole"]
    assert len(images["whole"]) == 6


def test_one_image_of_another_size_brings_all_to_64_and_is_noted(read, folder: Path) -> None:
    paint(folder / "train" / "dog" / "big.jpg", "RGB", (300, 200), "red")

    reading, images = read(folder)

    assert reading.image_shape == (64, 64, 3)
    assert any("11 of 11 images were resized to 64x64" in note for note in reading.notes)
    assert any("10 of 11 images were converted to RGB" in note for note in reading.notes)
    red = images["train"][-1].reshape(-1, 3).mean(axis=0)
    assert red[0] > 250
    assert red[1:].max() < 5


def test_config_decides_on_size_and_channels(read, folder: Path) -> None:
    paint(folder / "train" / "dog" / "red.png", "RGB", colour=(255, 0, 0))

    reading, images = read(folder, image_size=(16, 8), channels=1)

    assert reading.image_shape == (16, 8, 1)
    assert images["train"][-1].max() == 76  # luma of pure red by ITU-R 601


def test_orientation_of_a_photo_is_honoured(read, tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        photo = Image.new("L", (40, 20))
        photo.paste(255, (0, 0, 20, 20))
        photo.save(tmp_path / name / "x.jpg", exif=exif, quality=95)

    reading, images = read(tmp_path)

    assert reading.image_shape == (40, 20, 1)
    assert images["whole"][0][:15].min() > 200
    assert images["whole"][0][25:].max() < 50


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
def test_every_kind_of_png_becomes_grey_or_rgb(
    read, tmp_path: Path, mode: str, colour, expected: list[int]
) -> None:
    for name in ("a", "b"):
        paint(tmp_path / name / "x.png", mode, colour=colour)

    _, images = read(tmp_path)

    assert images["whole"][0, 0, 0].tolist() == expected


@pytest.mark.parametrize(
    ("palette", "expected"), [([200, 200, 200, 0, 0, 0], [200]), ([9, 50, 7, 0, 0, 0], [9, 50, 7])]
)
def test_palettes_are_resolved(read, tmp_path: Path, palette: list[int], expected) -> None:
    for name in ("a", "b"):
        image = Image.new("P", (9, 9), 0)
        image.putpalette(palette)
        (tmp_path / name).mkdir()
        image.save(tmp_path / name / "x.png")

    _, images = read(tmp_path)

    assert images["whole"][0, 0, 0].tolist() == expected


def test_bmp_is_read(read, tmp_path: Path) -> None:
    for name in ("a", "b"):
        paint(tmp_path / name / "x.BMP", "RGB", colour=(1, 2, 3))

    _, images = read(tmp_path)

    assert images["whole"][0, 0, 0].tolist() == [1, 2, 3]


def test_other_files_are_left_out_and_counted(read, folder: Path) -> None:
    (folder / "train" / "dog" / "notes.txt").write_text("good dog")
    (folder / "train" / "dog" / ".DS_Store").write_bytes(b"x")
    (folder / "README.md").write_text("hello")
    (folder / "Thumbs.db").write_bytes(b"x")

    reading, _ = read(folder / "train")

    assert reading.notes == ("1 file that is no PNG, JPEG or BMP image was left out.",)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"<html>nothing</html>", "looks like an HTML page"),
        (b"", "is empty"),
        (b"GIF89a", r"cannot be read as a PNG, JPEG or BMP image \(its format is another\)"),
        (b"\x89PNG\r\n\x1a\nrest", "cannot be read as a PNG"),
    ],
)
def test_unreadable_image_is_refused_with_its_path(
    read, folder: Path, content: bytes, message: str
) -> None:
    (folder / "train" / "dog" / "bad.png").write_bytes(content)

    with pytest.raises(DataError, match=rf"train/dog/bad\.png {message}"):
        read(folder)


def test_truncated_image_is_refused_with_its_path(read, tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (50, 50, 3), dtype=np.uint8)
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        Image.fromarray(noise).save(tmp_path / name / "x.jpg")
    broken = tmp_path / "b" / "x.jpg"
    broken.write_bytes(broken.read_bytes()[:-500])

    with pytest.raises(DataError, match=r"b/x\.jpg cannot be read"):
        read(tmp_path)


@pytest.mark.parametrize("size", [(60, 60), (40, 40)])
def test_image_of_absurd_size_is_refused_by_its_header_without_a_warning(
    read, folder: Path, monkeypatch, size: tuple[int, int]
) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1000)
    paint(folder / "train" / "dog" / "bomb.png", "L", size)

    with pytest.raises(DataError, match=r"dog/bomb\.png has more than 1,000 pixels"):
        read(folder)


def test_test_class_that_was_never_trained_is_refused(read, folder: Path) -> None:
    paint(folder / "test" / "owl" / "x.png", "L")

    with pytest.raises(DataError, match="'owl' never occurs in the training split"):
        read(folder)


def test_class_folder_without_images_is_refused(read, folder: Path) -> None:
    (folder / "train" / "owl").mkdir()

    with pytest.raises(DataError, match="train/owl holds no PNG, JPEG or BMP image"):
        read(folder)


def test_empty_test_folder_is_refused(read, folder: Path) -> None:
    for image in (folder / "test").rglob("*.png"):
        image.unlink()
    for name in ("cat", "dog"):
        (folder / "test" / name).rmdir()

    with pytest.raises(DataError, match="test holds 0 examples"):
        read(folder)


def test_single_class_is_refused(read, tmp_path: Path) -> None:
    paint(tmp_path / "cat" / "x.png")

    with pytest.raises(DataError, match="one class only"):
        read(tmp_path)


def test_tiny_images_are_refused_unless_a_size_is_set(read, tmp_path: Path) -> None:
    for name in ("a", "b"):
        paint(tmp_path / name / "x.png", size=(7, 7))

    with pytest.raises(DataError, match=r"7x7 pixels; expected sides of 8"):
        read(tmp_path)
    assert read(tmp_path, image_size=(8, 8))[0].image_shape == (8, 8, 3)


def test_link_that_leads_out_of_the_folder_is_refused(read, folder: Path, tmp_path_factory) -> None:
    outside = paint(tmp_path_factory.mktemp("outside") / "secret.png")
    (folder / "train" / "dog" / "link.png").symlink_to(outside)

    with pytest.raises(DataError, match=r"link\.png is a link that leads out of"):
        read(folder)


@pytest.mark.parametrize(
    ("target", "reason"), [("link.png", "Too many levels"), ("../cat/0.png/x", "Not a directory")]
)
def test_link_that_cannot_be_followed_is_refused(
    read, folder: Path, target: str, reason: str
) -> None:
    (folder / "train" / "dog" / "link.png").symlink_to(target)

    with pytest.raises(DataError, match=rf"link\.png is a link that cannot be followed \({reason}"):
        read(folder)


def test_link_inside_the_folder_is_followed(read, folder: Path) -> None:
    (folder / "train" / "dog" / "9.png").symlink_to(folder / "train" / "dog" / "1.png")

    _, images = read(folder)

    assert images["train"][-1, 0, 0, 0] == 101


def test_hostile_class_name_is_kept_as_it_is(read, tmp_path: Path) -> None:
    for name in ("<script>alert(1)<", "[x](javascript:1)"):
        paint(tmp_path / name / "x.png")

    assert read(tmp_path)[0].class_names == ("<script>alert(1)<", "[x](javascript:1)")


def test_control_characters_in_a_class_name_are_refused(read, tmp_path: Path) -> None:
    for name in ("a\x1b[31m", "b"):
        paint(tmp_path / name / "x.png")

    with pytest.raises(DataError, match=r"'a\\x1b\[31m' contains control characters"):
        read(tmp_path)


def test_image_for_which_memory_is_lacking_is_refused(read, folder: Path, monkeypatch) -> None:
    def lacking(*_: object, **__: object) -> None:
        raise MemoryError

    monkeypatch.setattr(Image, "open", lacking)

    with pytest.raises(DataError, match=r"cat/0\.png needs more memory than there is"):
        read(folder)
