"""HEIC gives the right pixels with the extra `heif`, and says what to install without it."""

import subprocess
import sys

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from bad_files import X, png
from color_profiles import to_srgb
from heic_files import ADOBE_HEIC, COLOR, FLAT_HEIC, GREY_HEIC, TURNED_HEIC
from hostile_input import patched_bytes
from reading import check_unreadable, ingest, read_all
from sightline.config import DataConfig
from sightline.data import locate
from sightline.data.readers.base import Form
from sightline.prediction import inputs, stream
from tar_files import write_tar
from tfrecord_files import write_tfrecord

WITHOUT = """
import importlib.util, sys
from pathlib import Path
find = importlib.util.find_spec
importlib.util.find_spec = lambda name, *more: None if name == "pi_heif" else find(name, *more)
from sightline.config import DataConfig
from sightline.data import ingest, locate
from sightline.errors import DataError
from sightline.prediction import inputs
from sightline.records import Run
from sightline.storage.workspace import Workspace
config = DataConfig(dataset=sys.argv[1])
try:
    if len(sys.argv) == 4:
        inputs.check(sys.argv[1])
    run = Run(id="x", workspace=Workspace(Path(sys.argv[2])))
    files = ingest.ingest(run, locate.locate(config), config)
    print(files.left_out, *files.notes)
except DataError as error:
    print(error)
assert "pi_heif" not in sys.modules
"""


def without_extra(folder, path, *options):
    command = [sys.executable, "-c", WITHOUT, path, folder / "artifacts", *options]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def write(folder, content, name="x.heic"):
    for label in ("a", "b"):
        (folder / label).mkdir(parents=True)
        for number in range(5):
            (folder / label / f"{number}{name}").write_bytes(content)
    return folder


def read_everywhere(folder, content):
    """Return the image as folders, tables and predictions give it."""
    pq.write_table(pa.table({"image": [content] * 4, "label": [*"abab"]}), folder / "data.parquet")
    paths = [
        write(folder / "images", content),
        folder / "data.parquet",
        write_tar(folder / "x.tar", samples_of(content)),
        write_tfrecord(
            folder / "x.tfrecord", [{"image": content, "label": n % 2} for n in range(4)]
        ),
    ]
    found = [read_all(path)[1]["unsplit"][0] for path in paths]
    form = Form(found[0].shape, "stretch")
    for path in (paths[0], paths[0] / "a" / "0x.heic", paths[1]):
        inputs.check(str(path))
        block = next(stream.read([inputs.describe(str(path))], form, 9))
        assert block.errors == {}
        found.append(block.images[0])
    return found


def samples_of(content):
    members = {}
    for number in range(4):
        members[f"{number}.heic"] = content
        members[f"{number}.cls"] = str(number % 2).encode()
    return members


def test_photograph_is_upright_alike_everywhere(tmp_path):
    for found in read_everywhere(tmp_path, TURNED_HEIC):
        np.testing.assert_array_equal(found, COLOR)


def test_single_channel_stays_gray(tmp_path):
    for found in read_everywhere(tmp_path, GREY_HEIC):
        np.testing.assert_array_equal(found, COLOR[..., :1])


def test_color_profile_is_converted_to_srgb(tmp_path):
    for found in read_everywhere(tmp_path, ADOBE_HEIC):
        assert np.abs(found - to_srgb(COLOR)).max() <= 3
    assert any("sRGB" in note for note in read_all(tmp_path / "images")[0].notes)


@pytest.mark.parametrize("name", ["x.HEIC", "x.heif", "x.hif", "x.jpg", "x", "x.dat"])
def test_content_decides_not_the_ending(tmp_path, name):
    _, images = read_all(write(tmp_path, TURNED_HEIC, name))
    np.testing.assert_array_equal(images["unsplit"][0], COLOR)


def test_other_image_called_heic_is_read(tmp_path):
    _, images = read_all(write(tmp_path, png(X[0])))
    np.testing.assert_array_equal(images["unsplit"][0, ..., 0], X[0])


@pytest.mark.parametrize("content", [TURNED_HEIC[:-200], TURNED_HEIC[:200], TURNED_HEIC[:12]])
def test_truncated_image_is_refused_with_its_path(tmp_path, content):
    path = write(tmp_path, TURNED_HEIC)
    (path / "b" / "3x.heic").write_bytes(content)
    check_unreadable(path, "b/3x.heic", "replace or remove")
    assert read_all(path, unreadable="skip")[0].unreadable == 1


def test_encoded_images_are_decoded_again(tmp_path, run):
    from sightline.data.split_arrays import open_images

    files = ingest(run, write(tmp_path / "images", TURNED_HEIC), store="encoded")
    stored = open_images(run.workspace, files.images["train"])[:2]
    np.testing.assert_array_equal(stored[0], COLOR)


def test_folder_without_other_images_says_what_to_install(tmp_path):
    said = without_extra(tmp_path, write(tmp_path / "given", TURNED_HEIC))
    assert '10 .heic (pip install "sightline[heif]" reads them)' in said


def test_photographs_beside_others_are_counted_with_what_to_install(tmp_path):
    given = write(tmp_path / "given", png(X[0]), ".png")
    (given / "a" / "photo.HEIC").write_bytes(TURNED_HEIC)
    said = without_extra(tmp_path, given)
    assert said.startswith("{'.heic': 1}")
    assert '1 .heic (pip install "sightline[heif]" reads them)' in said


def test_photographs_in_tables_say_what_to_install(tmp_path):
    path = tmp_path / "data.parquet"
    pq.write_table(pa.table({"image": [TURNED_HEIC] * 4, "label": [*"abab"]}), path)
    said = without_extra(tmp_path, path)
    assert "row 0" in said
    assert 'HEIC, which pip install "sightline[heif]" reads' in said


def test_prediction_of_a_photograph_says_what_to_install(tmp_path):
    path = tmp_path / "photo.heic"
    path.write_bytes(TURNED_HEIC)
    assert 'pip install "sightline[heif]" reads HEIC.' in without_extra(tmp_path, path, "predict")


def test_giant_photograph_is_refused_before_it_is_decoded(tmp_path):
    path = write(tmp_path, TURNED_HEIC)
    giant = patched_bytes(FLAT_HEIC, b"ispe\0\0\0\0", (30_000).to_bytes(4, "big") * 2)
    (path / "b" / "3x.heic").write_bytes(giant)
    check_unreadable(path, "b/3x.heic", "89,478,485 pixels")


@pytest.mark.parametrize("name", ["x.heic", "x.jpg", "x"])
def test_source_says_whether_it_holds_such_images(tmp_path, name):
    for number in range(2):
        (tmp_path / "ab"[number]).mkdir()
        (tmp_path / "ab"[number] / "1.png").write_bytes(png(X[number]))
    settings = DataConfig(dataset=str(tmp_path))
    assert not locate.locate(settings).heic
    (tmp_path / "b" / name).write_bytes(TURNED_HEIC)
    assert locate.locate(settings).heic
