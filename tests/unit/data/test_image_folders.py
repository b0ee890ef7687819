import json

import pytest

from painted import labelled, paint, write_labels
from reading import check_unreadable, read_all
from sightline.config import DataConfig
from sightline.data import locate, recommend

PATTERN = r"^(\w+)\."


def unlabelled(path, **settings):
    """Return the sources of the images without labels."""
    raw, _ = read_all(path, **settings)
    return [split.source(row) for split in raw.unlabelled for row in range(len(split.labels))]


def kaggle(path):
    """The folders of dogs-vs-cats: 4 loose training images, 2 without label."""
    names = [f"train/{name}" for name in ("cat.1.bmp", "cat.2.bmp", "dog.3.bmp", "dog.4.bmp")]
    (path / "sampleSubmission.csv").write_text("id,label\n5,0\n6,0\n")
    return paint(path, *names, "test1/5.bmp", "test1/6.bmp")


ANIMALS = {1: "cat", 2: "cat", 3: "dog", 4: "dog"}


@pytest.mark.parametrize("pattern", [PATTERN, r"(?P<label>cat|dog)(\.)"])
def test_file_names_label_loose_images_and_a_split_without_labels_is_kept_apart(tmp_path, pattern):
    found, _ = labelled(kaggle(tmp_path), label_pattern=pattern)
    assert found == {"unsplit": ANIMALS}
    assert unlabelled(tmp_path, label_pattern=pattern) == ["test1/5.bmp", "test1/6.bmp"]


def test_loose_images_without_labels_are_refused_and_never_classes(tmp_path):
    check_unreadable(kaggle(tmp_path), "/train", "metadata.csv", "data.label_pattern", "rename")
    with pytest.raises(Exception, match=r"data\.label_pattern"):
        recommend.recommend(DataConfig(dataset=str(tmp_path)))


@pytest.mark.parametrize("folders", [("test", "val"), ("seg_train", "seg_test", "seg_pred")])
def test_folders_named_like_splits_are_no_classes(tmp_path, folders):
    paint(tmp_path, *(f"{name}/{kind}/1.bmp" for name in folders for kind in ("cat", "dog")))
    check_unreadable(tmp_path, folders[0], "train, validation and test")


def test_image_that_the_pattern_does_not_match_is_refused(tmp_path):
    paint(kaggle(tmp_path), "train/9.bmp")
    check_unreadable(tmp_path, "train/9.bmp", "data.label_pattern", label_pattern=r"^([a-z]+)\.")


@pytest.mark.parametrize(
    ("name", "header", "key"),
    [
        ("train/metadata.csv", "file_name,label", "{}.bmp"),
        ("labels.csv", "ID,Category", "{}"),
        ("Train.csv", "other,Path,class", "x,train/{}.bmp"),
        ("trainLabels.csv", "id,label", "{}"),
        ("train.csv", "image_id,target", "{}.bmp"),
        ("train.csv", "id_code,label", "{}"),
        ("train/metadata.jsonl", None, "{}.bmp"),
    ],
)
def test_table_labels_loose_images(tmp_path, name, header, key):
    paint(tmp_path, *(f"train/cat.{number}.bmp" for number in ANIMALS), "test/8.bmp")
    rows = [(key.format(f"cat.{number}"), label) for number, label in ANIMALS.items()]
    if header:
        lines = [header, *map(",".join, rows)]
    else:
        lines = [json.dumps({"file_name": file, "label": label}) for file, label in rows]
    (tmp_path / name).write_text("\n".join(lines))
    found, _ = labelled(tmp_path)
    assert found == {"unsplit": ANIMALS}
    assert unlabelled(tmp_path) == ["test/8.bmp"]
    before = locate.locate(DataConfig(dataset=str(tmp_path))).sha256
    (tmp_path / name).write_text("\n".join(lines).replace("dog", "cow"))
    assert locate.locate(DataConfig(dataset=str(tmp_path))).sha256 != before
    assert set(labelled(tmp_path)[0]["unsplit"].values()) == {"cat", "cow"}


def test_test_split_is_labelled_by_its_table_beside_class_folders(tmp_path):
    paint(tmp_path, "Train/a/1.bmp", "Train/b/2.bmp", "Test/3.bmp", "Test/4.bmp")
    write_labels(tmp_path / "Test.csv", "0,b,Test/3.bmp", "0,a,Test/4.bmp", header="w,ClassId,Path")
    write_labels(tmp_path / "Train.csv", "0,a,Train/a/1.bmp", header="w,ClassId,Path")
    found, _ = labelled(tmp_path, label_column="ClassId")
    assert found == {"train": {1: "a", 2: "b"}, "test": {3: "b", 4: "a"}}


def test_labels_that_pandas_wrote_as_floats_are_integers_as_in_other_tables(tmp_path):
    paint(tmp_path, "train/2/1.bmp", "train/10/2.bmp", "test/3.bmp")
    write_labels(tmp_path / "test.csv", "3.bmp,10.0")
    found, _ = labelled(tmp_path)
    assert found == {"train": {1: "2", 2: "10"}, "test": {3: "10"}}


def test_test_split_without_labels_beside_class_folders_is_kept_apart(tmp_path):
    paint(tmp_path, "train/a/1.bmp", "train/b/2.bmp", "val/a/3.bmp", "test/3.bmp")
    found, _ = labelled(tmp_path)
    assert found == {"train": {1: "a", 2: "b"}, "validation": {3: "a"}}
    assert unlabelled(tmp_path) == ["test/3.bmp"]


@pytest.mark.parametrize("folder", ["test", "test1", "unknown", "Images"])
def test_only_folder_of_the_test_split_that_names_no_class_holds_no_labels(tmp_path, folder):
    paint(tmp_path, "train/a/1.bmp", "train/b/2.bmp", f"test/{folder}/3.bmp")
    assert unlabelled(tmp_path) == [f"test/{folder}/3.bmp"]
    paint(tmp_path, "test/a/4.bmp")
    check_unreadable(tmp_path, f"'{folder}'", "never occurs in the training split")
    (tmp_path / "train" / "b").rename(tmp_path / "train" / "x")
    (tmp_path / "test" / "a" / "4.bmp").rename(tmp_path / "4.bmp")
    (tmp_path / "train" / "x").rename(tmp_path / "train" / "Unknown")
    (tmp_path / "test" / folder).rename(tmp_path / "test" / "Unknown")
    assert labelled(tmp_path)[0]["test"] == {3: "Unknown"}


def test_other_folder_of_the_test_split_is_a_class_that_training_lacks(tmp_path):
    paint(tmp_path, "train/a/1.bmp", "train/b/2.bmp", "test/c/3.bmp")
    check_unreadable(tmp_path, "'c'", "never occurs in the training split")


@pytest.mark.parametrize("folder", ["images", "."])
def test_one_folder_of_images_is_labelled_by_the_table_above_or_beside_it(tmp_path, folder):
    paint(tmp_path / folder, "1.bmp", "2.bmp")
    write_labels(tmp_path / "labels.csv", "1.bmp,7", "2.bmp,10", "3.bmp,10")
    found, notes = labelled(tmp_path)
    assert found == {"unsplit": {1: "7", 2: "10"}}
    assert notes == "1 of 3 rows of labels.csv name no image here, such as '3.bmp'."


def test_folders_around_everything_are_stepped_into(tmp_path):
    paint(tmp_path, "archive/data/Train/a/1.bmp", "archive/data/Train/b/2.bmp")
    paint(tmp_path, "archive/data/test1/a/3.bmp")
    (tmp_path / "__MACOSX").mkdir()
    (tmp_path / "README").touch()
    found, notes = labelled(tmp_path)
    assert found == {"train": {1: "a", 2: "b"}, "test": {3: "a"}}
    assert notes == "The data lie in the folder archive/data."
    assert read_all(tmp_path)[0].splits[1].source(0) == "archive/data/test1/a/3.bmp"


@pytest.mark.parametrize("split", ["", "train"])
def test_class_folders_are_read_to_any_depth_and_images_beside_them_left_out(tmp_path, split):
    names = ("n1/images/2.bmp", "n1/1.bmp", "n1/a/b/3.bmp", "n2/images/4.bmp", "9.bmp", "x.txt")
    paint(tmp_path / split, *names[:5])
    (tmp_path / split / "x.txt").touch()
    if split:
        paint(tmp_path, "test/n1/images/5.bmp", "test/8.bmp")
    found, notes = labelled(tmp_path)
    assert found["train" if split else "unsplit"] == {1: "n1", 2: "n1", 3: "n1", 4: "n2"}
    assert found.get("test") == ({5: "n1"} if split else None)
    assert f"beside the class folders: {2 if split else 1} image(s)" in notes
    assert "1 file(s): 1 .txt" in notes


def test_splits_in_class_folders_and_links_to_folders_are_refused(tmp_path):
    paint(tmp_path / "in", *(f"{kind}/{one}/1.bmp" for kind in "ab" for one in ("train", "test")))
    check_unreadable(tmp_path / "in", "a/test", "named like a split")
    paint(tmp_path / "link", "a/1.bmp", "b/2.bmp")
    (tmp_path / "link" / "a" / "again").symlink_to(tmp_path / "link" / "a")
    check_unreadable(tmp_path / "link", "a/again", "link to a folder")


def test_table_of_pixels_in_a_project_with_pictures_is_read(tmp_path):
    paint(tmp_path, "docs/figures/1.bmp", "notes/train/2.bmp")
    (tmp_path / "notes" / "out").symlink_to("/")
    rows = [",".join([label, *["7"] * 64]) for label in "0101"]
    (tmp_path / "data.csv").write_text("\n".join(rows))
    assert read_all(tmp_path)[1]["unsplit"].tolist() == [[[[7]] * 8] * 8] * 4


def test_table_of_pixels_is_read_before_images_beside_it(tmp_path):
    paint(tmp_path, "train/1.bmp", "figures/2.bmp")
    for name in ("train.csv", "test.csv"):
        header = ",".join(["label", *(f"p{number}" for number in range(64))])
        rows = [",".join([label, *["7"] * 64]) for label in "ab"]
        (tmp_path / name).write_text("\n".join([header, *rows]))
    assert labelled(tmp_path)[0] == {"train": {7: "b"}, "test": {7: "b"}}


@pytest.mark.parametrize("split", ["", "train"])
def test_folders_of_images_and_masks_are_no_classes(tmp_path, split):
    paint(tmp_path / split, "Images/a1.bmp", "masks/a1.bmp", "Images/b2.bmp", "masks/b2.bmp")
    pattern = {"label_pattern": r"^(\D)"}
    for settings in ({}, pattern):
        check_unreadable(tmp_path, "Images and masks", "folder of images", **settings)
    found, _ = labelled(tmp_path / split / "Images", **pattern)
    assert found["unsplit"] == {1: "a", 2: "b"}


def test_thumbnails_of_network_storage_are_neither_images_nor_a_class(tmp_path):
    paint(tmp_path, "a/1.bmp", "b/2.bmp")
    paint(tmp_path, "@eaDir/1.bmp/9.bmp", "a/@eaDir/1.bmp/9.bmp", "$RECYCLE.BIN/9.bmp")
    assert labelled(tmp_path) == ({"unsplit": {1: "a", 2: "b"}}, "")


def test_class_folder_that_is_empty_in_the_test_split_only_is_a_class_without_test_images(tmp_path):
    paint(tmp_path, "train/a/1.bmp", "train/b/2.bmp", "test/a/3.bmp")
    (tmp_path / "test" / "b").mkdir()
    assert labelled(tmp_path)[0] == {"train": {1: "a", 2: "b"}, "test": {3: "a"}}
    (tmp_path / "train" / "c").mkdir()
    check_unreadable(tmp_path, "train/c", "found nothing", "remove the folder")


def test_link_to_a_missing_image_is_an_unreadable_image(tmp_path):
    paint(tmp_path, "a/1.bmp", "b/2.bmp")
    (tmp_path / "a" / "gone.bmp").symlink_to("elsewhere.bmp")
    check_unreadable(tmp_path, "a/gone.bmp", "No such file")
    found, notes = labelled(tmp_path, unreadable="skip")
    assert found == {"unsplit": {1: "a", 2: "b"}}
    assert "a/gone.bmp" in notes


def test_two_columns_that_may_be_the_labels_are_refused_until_one_is_named(tmp_path):
    paint(tmp_path, "1.bmp", "2.bmp", "3.bmp", "4.bmp")
    rows = "\n".join(f"{n}.bmp,{'ab'[n % 2]},{'cd'[n // 3]}" for n in (1, 2, 3, 4))
    (tmp_path / "labels.csv").write_text(f"file,class,category\n{rows}")
    check_unreadable(tmp_path, "labels.csv", "class, category", "data.label_column")
    assert labelled(tmp_path, label_column="class")[0] == {
        "unsplit": {1: "b", 2: "a", 3: "b", 4: "a"}
    }
    (tmp_path / "labels.csv").write_text(f"file,label,class\n{rows}")
    assert labelled(tmp_path)[0] == {"unsplit": {1: "b", 2: "a", 3: "b", 4: "a"}}
    assert labelled(tmp_path, label_column="class")[0] == {
        "unsplit": {1: "c", 2: "c", 3: "d", 4: "d"}
    }
