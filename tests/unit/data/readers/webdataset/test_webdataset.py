import json

import numpy as np
import pytest

from bad_files import X, png
from reading import check_unreadable, ingest, read_all
from tar_files import grey, samples, write_tar


def test_shards_are_read_exactly_with_their_splits(tmp_path):
    for shard in range(2):
        labels = [10, 9, 10]
        write_tar(tmp_path / f"digits-train-00000{shard}.tar", samples(labels, first=10 * shard))
    write_tar(tmp_path / "digits-val-000000.tar", samples([10, 9], first=90))
    raw, images = read_all(tmp_path)
    assert raw.class_names == ("9", "10")
    assert raw.image_shape == (8, 8, 1)
    assert [split.name for split in raw.splits] == ["train", "validation"]
    assert raw.splits[0].labels.tolist() == [1, 0, 1, 1, 0, 1]
    assert images["train"][:, 0, 0, 0].tolist() == [0, 1, 2, 10, 11, 12]
    assert images["validation"][:, 0, 0, 0].tolist() == [90, 91]
    assert raw.splits[0].source(4) == "digits-train-000001.tar#1"


@pytest.mark.parametrize("name", ["000.tar", "000.tar.gz", "000.tgz", "000.TAR"])
def test_folders_of_shards_and_compressed_shards_are_read(tmp_path, name):
    for split, first in (("train", 1), ("test", 5)):
        write_tar(tmp_path / "data" / split / name, samples("abab", first=first))
    raw, images = read_all(tmp_path)
    assert [split.name for split in raw.splits] == ["train", "test"]
    assert images["test"][:, 0, 0, 0].tolist() == [5, 6, 7, 8]
    single, _ = read_all(tmp_path / "data" / "train" / name)
    assert [split.name for split in single.splits] == ["unsplit"]
    assert single.splits[0].source(3) == f"{name}#3"


CLASS = {"label_column": "class"}


@pytest.mark.parametrize(
    ("kind", "texts", "settings"),
    [
        ("cls", ["cat", " dog\n", "cat", "dog"], {}),
        ("txt", ["cat", "dog", "cat", "dog"], {}),
        ("json", ['{"Label": "cat"}', '{"class": "dog"}'] * 2, {}),
        ("json", ['{"kind": "cat", "label": 1}', '{"kind": "dog"}'] * 2, {"label_column": "kind"}),
        ("json", ['{"class": "cat", "label": 1}', '{"class": "dog", "label": 1}'] * 2, CLASS),
        ("fine.cls", ["cat", "dog", "cat", "dog"], {"label_column": "fine.cls"}),
    ],
)
def test_label_is_read_wherever_samples_have_it(tmp_path, kind, texts, settings):
    raw, _ = read_all(write_tar(tmp_path / "x.tar", samples(texts, kind)), **settings)
    assert raw.class_names == ("cat", "dog")
    assert raw.splits[0].labels.tolist() == [0, 1, 0, 1]


def test_numbers_in_json_are_in_order_of_their_values(tmp_path):
    texts = [json.dumps({"label": value}) for value in (10, 2, 2, 10)]
    raw, _ = read_all(write_tar(tmp_path / "x.tar", samples(texts, "json")))
    assert raw.class_names == ("2", "10")


def test_label_of_a_class_member_precedes_json_and_text(tmp_path):
    members = {}
    for number in range(4):
        members[f"{number}.jpg"] = grey(number)
        members[f"{number}.txt"] = f"a caption {number}".encode()
        members[f"{number}.json"] = b'{"width": 8, "label": "other"}'
        members[f"{number}.cls"] = str(number % 2).encode()
    raw, _ = read_all(write_tar(tmp_path / "x.tar", members))
    assert raw.class_names == ("0", "1")


def test_captions_are_no_labels(tmp_path):
    path = write_tar(tmp_path / "x.tar", samples(["a dog", "a cat", "a dog!", "2 dogs"], "txt"))
    check_unreadable(path, "x.tar", "4 different texts", ".cls")


@pytest.mark.parametrize("kind", ["png", "jpg", "dat", "input.png", "WEBP"])
def test_image_is_recognized_by_its_content(tmp_path, kind):
    members = {}
    for number in range(4):
        members[f"a.b/{number}.{kind}"] = grey(number)
        members[f"a.b/{number}.cls"] = b"xy"[number % 2 : number % 2 + 1]
    _, images = read_all(write_tar(tmp_path / "x.tar", members))
    assert images["unsplit"][:, 0, 0, 0].tolist() == [0, 1, 2, 3]


def test_second_image_of_a_sample_is_not_chosen_by_chance(tmp_path):
    members = {}
    for number in range(4):
        members[f"{number}.seg.png"] = grey(200)
        members[f"{number}.png"] = grey(number)
        members[f"{number}.cls"] = str(number % 2).encode()
    path = write_tar(tmp_path / "x.tar", members)
    assert read_all(path)[1]["unsplit"][:, 0, 0, 0].tolist() == [0, 1, 2, 3]
    assert read_all(path, image_column="seg.png")[1]["unsplit"].max() == 200
    more = {f"{number}.jpg": grey(99) for number in range(1)}
    path = write_tar(tmp_path / "y.tar", [("0.png", grey(1)), *more.items()])
    check_unreadable(path, "y.tar, 0.jpg", "png and jpg", "data.image_column")


def test_files_without_an_image_are_counted_by_their_ending(tmp_path, run):
    members = samples("abab") | {"README.md": b"hello", "9.cls": b"a", "9.mp4": b"no image"}
    ingested = ingest(run, write_tar(tmp_path / "x.tar", members | {".hidden.png": b"x"}))
    assert ingested.left_out == {".md": 1, ".cls": 1, ".mp4": 1}
    assert any("3 file(s): 1 .md, 1 .cls and 1 .mp4" in note for note in ingested.notes)


def test_images_without_a_label_are_refused_as_in_folders(tmp_path):
    path = write_tar(tmp_path / "x.tar", samples(["a", "b", None, "a"]))
    check_unreadable(path, "x.tar, 0002.png has no label", ".cls", ".json", ".txt")


def test_split_without_labels_is_kept_apart(tmp_path):
    write_tar(tmp_path / "train-0.tar", samples("abab"))
    write_tar(tmp_path / "test-0.tar", samples([None, None]))
    raw, _ = read_all(tmp_path)
    assert [split.name for split in raw.splits] == ["unsplit"]
    assert [(split.name, len(split.labels)) for split in raw.unlabelled] == [("test", 2)]


@pytest.mark.parametrize("name", ["flowers.tar", "flowers.tar.gz"])
def test_tar_of_class_folders_is_refused_with_the_remedy(tmp_path, name):
    members = {f"flowers/{kind}/{n}.jpg": grey(n) for kind in ("rose", "tulip") for n in (0, 1)}
    check_unreadable(write_tar(tmp_path / name, members), name, "rose/0.jpg", "unpack")
    check_unreadable(tmp_path, "unpack")


def test_tar_beside_its_unpacked_class_folders_is_no_data_set(tmp_path):
    write_tar(tmp_path / "flowers.tar", {"rose/0.png": grey(0)})
    for kind in ("rose", "tulip"):
        (tmp_path / kind).mkdir()
        for number in range(2):
            (tmp_path / kind / f"{number}.png").write_bytes(grey(number))
    assert read_all(tmp_path)[0].class_names == ("rose", "tulip")


def test_tar_beside_its_unpacked_folder_is_no_data_set(tmp_path):
    write_tar(tmp_path / "flowers.tgz", {"flowers/rose/0.png": grey(0)})
    (tmp_path / "flowers").mkdir()
    check_unreadable(tmp_path, "flowers.tgz", "unpack")
    for kind in ("rose", "tulip"):
        (tmp_path / "flowers" / kind).mkdir()
        for number in range(2):
            (tmp_path / "flowers" / kind / f"{number}.png").write_bytes(grey(number))
    assert read_all(tmp_path)[0].class_names == ("rose", "tulip")


def test_tar_without_images_is_refused_with_what_was_expected(tmp_path):
    path = write_tar(tmp_path / "cifar.tar.gz", {"batches/data_batch_1": b"x", "readme.html": b"x"})
    check_unreadable(path, "cifar.tar.gz", "no images", ".cls", "unpack")


@pytest.mark.parametrize(
    ("label", "fact"),
    [
        ('{"label": ["a", "b"]}', '["a", "b"]'),
        ('{"label": {"a": 1}}', '{"a": 1}'),
        ("{", "not JSON"),
        ("[" * 100_000, "not JSON"),
    ],
)
def test_label_in_json_that_is_not_one_value_is_refused(tmp_path, label, fact):
    path = write_tar(tmp_path / "x.tar", samples([label, label], "json"))
    check_unreadable(path, "x.tar, 0000.png", fact)


def test_images_of_any_size_are_resized_as_in_parquet_files(tmp_path):
    members = {}
    for number, side in enumerate((8, 8, 16, 32)):
        members[f"{number}.png"] = png(np.full((side, 8), 10 * number, np.uint8))
        members[f"{number}.cls"] = str(number % 2).encode()
    raw, images = read_all(write_tar(tmp_path / "x.tar", members))
    assert raw.image_shape == (64, 64, 1)
    assert images["unsplit"][:, 5, 5, 0].tolist() == [0, 10, 20, 30]
    assert any("4 of 4 images were resized" in note for note in raw.notes)


def test_deep_images_keep_their_gray_levels(tmp_path):
    values = (X[:4].astype(np.uint32) * 1023 // 255).astype(np.uint16)
    members = {}
    for number, image in enumerate(values):
        members[f"{number}.png"] = png(image)
        members[f"{number}.cls"] = str(number % 2).encode()
    raw, images = read_all(write_tar(tmp_path / "x.tar", members))
    assert raw.white == 1023
    assert np.abs(images["unsplit"][..., 0].astype(int) - X[:4]).max() <= 1


def test_unreadable_images_are_left_out_if_wanted(tmp_path):
    members = samples("ababab") | {"0002.png": b"no image", "0003.png": b""}
    path = write_tar(tmp_path / "x.tar", members)
    check_unreadable(path, "x.tar, 0002.png", "replace or remove")
    raw, images = read_all(path, unreadable="skip")
    assert raw.unreadable == 2
    assert images["unsplit"][:, 0, 0, 0].tolist() == [0, 1, 4, 5]
    assert raw.splits[0].source(2) == "x.tar#4"


def test_encoded_images_are_stored_as_they_are(tmp_path, run):
    found = ingest(run, write_tar(tmp_path / "x.tar", samples("ababababab")), store="encoded")
    assert found.images["train"].shape == (8, 8, 8, 1)


def test_metadata_and_patterns_are_refused(tmp_path):
    path = write_tar(tmp_path / "x.tar", samples("abab"))
    check_unreadable(path, "CSV and Parquet", metadata_columns=("camera",))
    check_unreadable(path, "data.label_pattern", label_pattern=r"^(\w+)\.")
