import hashlib
import time
from pathlib import Path

import pytest
from PIL import Image

from examples import write_npz
from sightline.config import DataConfig
from sightline.data import locate as location
from sightline.errors import DataError
from sightline.pipeline.progress import Progress, listening
from sightline.storage import known_digests


def locate(path):
    return location.locate(DataConfig(dataset=str(path)))


def paint(path, value=0):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("L", (8, 8), value).save(path)


def test_named_data_set_is_found_without_touching_a_file(run):
    source = locate("fashion-mnist")
    assert (source.dataset, source.kind) == ("fashion-mnist", "named")
    assert source.sha256 != locate("mnist").sha256
    assert locate("mnist-5k").kind == "embedded"
    assert not run.workspace.root.exists()


def test_folder_named_like_a_named_data_set_is_pointed_out(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert location.describe_hidden("mnist", None) is None
    (tmp_path / "mnist").mkdir()
    sentence = location.describe_hidden("mnist", None)
    assert str(tmp_path / "mnist") in sentence
    assert "./mnist " in sentence
    assert location.describe_hidden("mnist", tmp_path) is None
    assert location.describe_hidden("./mnist", None) is None
    assert location.describe_hidden("other", None) is None


@pytest.mark.parametrize(
    "dataset",
    ["/srv/images", "~/images", "~ann/images.npz", "mnist-5k", "s3://b/x", "hf://datasets/o/n@v1"],
)
def test_name_or_absolute_path_is_the_same_everywhere(dataset):
    location.check_same_everywhere(dataset)


@pytest.mark.parametrize("dataset", ["images", "./images", "../mnist", "mnist-5", "mnist/", ""])
def test_relative_path_is_refused_where_the_working_folder_differs(dataset):
    with pytest.raises(DataError, match="absolute path") as refusal:
        location.check_same_everywhere(dataset)
    assert repr(dataset) in str(refusal.value)


@pytest.mark.parametrize(
    "url",
    [
        *("file:///hunter2", "ftp://h/hunter2", "s3://me:hunter2@b/x"),
        *("https://h/x?sig=hunter2", "hf://datasets/o/n?hunter2"),
    ],
)
def test_url_that_no_worker_can_use_is_refused_and_not_shown(url):
    with pytest.raises(DataError, match="without a password and a query") as refusal:
        location.check_same_everywhere(url)
    assert "hunter2" not in str(refusal.value)


def test_equal_content_has_equal_digests_and_a_folder_with_one_archive_is_that_archive(tmp_path):
    one = locate(write_npz(tmp_path / "My Data (v2).npz"))
    (tmp_path / "b").mkdir()
    other = locate(write_npz(tmp_path / "b" / "copy.npz"))
    assert one.sha256 == other.sha256
    assert one.dataset == "my-data-v2"
    assert one.kind == locate(tmp_path / "b").kind == "npz"


def test_digest_changes_with_content_and_with_names_but_not_with_the_order(tmp_path):
    for folder, names in (("p", "ab"), ("q", "ba")):
        for name in names:
            paint(tmp_path / folder / name / "x.bmp", ord(name))
    found, data = [locate(tmp_path / "q").sha256], tmp_path / "p"
    (data / "a" / ".DS_Store").write_bytes(b"clutter")
    assert locate(data).sha256 == found[0]
    paint(data / "a" / "x.bmp", 2)
    found.append(locate(data).sha256)
    (data / "a" / "x.bmp").rename(data / "a" / "y.bmp")
    assert len({*found, locate(data).sha256}) == 3


def test_digest_of_a_changed_image_is_new_though_the_others_are_remembered(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "user"))
    monkeypatch.setattr(known_digests, "_SMALL", 0)
    now = time.time_ns
    monkeypatch.setattr(known_digests.time, "time_ns", lambda: now() + 60 * 10**9)
    data, reads, digest = tmp_path / "data", [], hashlib.file_digest

    def noted(file, name):
        reads.append(Path(file.name).name)
        return digest(file, name)

    monkeypatch.setattr(known_digests.hashlib, "file_digest", noted)
    for number in range(20):
        paint(data / "ab"[number % 2] / f"{number}.bmp", number)
    first = locate(data)
    assert locate(data) == first
    assert len(reads) == 20
    paint(data / "a" / "2.bmp", 200)
    assert locate(data).sha256 != first.sha256
    assert reads[20:] == ["2.bmp"]


def test_digesting_many_files_reports_progress(tmp_path):
    for number in range(120):
        paint(tmp_path / "ab"[number % 2] / f"{number}.png", number)
    events: list[Progress] = []
    with listening(events.append):
        locate(tmp_path)
    assert (events[-1].stage, events[-1].done, events[-1].total) == ("ingest", 120, 120)


@pytest.mark.parametrize(
    ("path", "fact"),
    [
        ("mnits", r"'mnist'.*path of a file or folder"),
        ("no/such/folder", "no/such/folder"),
        ("/nowhere/at-all.npz", r"/nowhere/at-all\.npz"),
        ("./mnist", r"\./mnist"),
        ("a\0b", "'a"),
        ("x" * 5000, "valid path"),
        ("~nobody-of-this-name/x", "valid path"),
    ],
)
def test_name_or_path_that_does_not_exist_is_refused(path, fact):
    with pytest.raises(DataError, match=fact):
        locate(path)


def test_address_is_refused_without_repeating_its_secrets():
    with pytest.raises(DataError, match="download the data") as caught:
        locate("https://me:hunter2@host/data.npz?sig=s3cret")
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("x.txt", b"x", r"x\.txt .*expected an \.npz"),
        ("train-images-idx3-ubyte", b"x", r"expected an \.npz"),
        ("x.npy", b"\x93NUMPY", r"np\.savez"),
        ("x.csv.gz", b"\x1f\x8b", "Unpack"),
        ("x.tsv", b"label\tp0", r"Rename .* to \.csv"),
        ("x.xlsx", b"PK", "as CSV"),
        ("x.arrow", b"ARROW1", "to_parquet"),
        ("batch.pkl", b"\x80\4", r"np\.savez"),
        ("x.npy", b"<!doctype html>", "HTML"),
        ("x.gz", b"  <HTML lang='en'>", "HTML"),
        ("x.gz", b"<?xml version='1.0'?><!DOCTYPE html>", "HTML"),
        ("x.gz", b"<!-- saved --><head><title>", "HTML"),
        ("x.gz", b"", "empty"),
    ],
)
def test_unsupported_file_is_refused(tmp_path, name, content, message):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError, match=message):
        locate(tmp_path / name)


@pytest.mark.parametrize(
    ("names", "remedy"),
    [
        ([".DS_Store"], "is empty; expected four IDX"),
        (["letter.txt"], "expected four IDX"),
        (["a.npz", "b.npz"], "path of one"),
        (["a.csv", "b.csv"], "path of one"),
    ],
)
def test_folder_without_one_data_set_is_refused(tmp_path, names, remedy):
    for name in names:
        (tmp_path / name).write_bytes(b"x")
    with pytest.raises(DataError, match=f"{tmp_path} .*{remedy}"):
        locate(tmp_path)


def test_split_that_links_elsewhere_is_refused(tmp_path):
    for name in ("elsewhere/cat", "given/test/cat"):
        paint(tmp_path / name / "x.png")
    (tmp_path / "given" / "train").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(DataError, match="given/train"):
        locate(tmp_path / "given")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("mnist-5k", "mnist-5k"),
        ("/data/My Photos/", "my-photos"),
        ("../Vögel.csv", "v-gel"),
        ("/", "data"),
        ("x" * 60, "x" * 40),
        ("日本", "data"),
        (".", location.slug(str(Path.cwd()))),
    ],
)
def test_slug_fits_a_run_id(text, expected):
    assert location.slug(text) == expected
