import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import bad_files
from reading import check_unreadable, read_all

ENCODED = [bad_files.png(np.full((8, 8), value, np.uint8)) for value in range(4)]


def write(path, features=None, **columns):
    described = {"info": {"features": features or {}}}
    metadata = {b"huggingface": json.dumps(described).encode()}
    pq.write_table(pa.table(columns).replace_schema_metadata(metadata), path)
    return path


def class_label(*names):
    return {"names": names, "_type": "ClassLabel"}


@pytest.fixture
def path(tmp_path):
    return tmp_path / "train.parquet"


@pytest.mark.parametrize("kind", [pa.binary(), pa.large_binary(), pa.binary_view()])
@pytest.mark.parametrize("label", ["labels", "Label", "class", "target"])
def test_only_column_of_images_and_column_called_like_labels_are_taken(path, kind, label):
    write(path, img=pa.array(ENCODED, kind), **{label: [0, 1, 1, 0]}, year=[1, 2, 3, 4])
    raw, images = read_all(path)
    assert images["unsplit"][:, 0, 0, 0].tolist() == [0, 1, 2, 3]
    assert raw.splits[0].labels.tolist() == [0, 1, 1, 0]
    assert "Taken as the image: column img of train.parquet." in raw.notes
    assert f"Taken as the label: column {label} of train.parquet." in raw.notes
    assert raw.origin.label_column == label


def test_only_class_label_of_the_schema_is_taken_with_its_names(path):
    features = {"fine": class_label("owl", "cat"), "img": {"_type": "Image"}, "old": None}
    write(path, features, img=ENCODED, fine=[0, 1, 1, 0], old=[5, 6, 7, 8])
    check_unreadable(path, "'label'", "img, fine, old", "data.label_column")  # damaged features
    del features["old"]
    write(path, features, img=ENCODED, fine=[0, 1, 1, 0], old=[5, 6, 7, 8])
    assert read_all(path)[0].class_names == ("owl", "cat")
    features["old"] = class_label("a", "b")
    write(path, features, img=ENCODED, fine=[0, 1, 1, 0], old=[0, 1, 0, 1])
    check_unreadable(path, "'label'", "img, fine, old", "data.label_column")
    assert read_all(path, label_column="old")[0].class_names == ("a", "b")


def test_usual_names_have_precedence_and_doubt_is_an_error(path):
    write(path, image=ENCODED, thumbnail=ENCODED[::-1], label=[0, 1, 1, 0], target=[0, 0, 1, 1])
    raw, images = read_all(path)
    assert images["unsplit"][:, 0, 0, 0].tolist() == [0, 1, 2, 3]
    assert raw.splits[0].labels.tolist() == [0, 1, 1, 0]
    assert raw.notes == ()
    write(path, photo=ENCODED, thumbnail=ENCODED, label=[0, 1, 1, 0])
    check_unreadable(path, "'image'", "photo, thumbnail, label", "data.image_column")
