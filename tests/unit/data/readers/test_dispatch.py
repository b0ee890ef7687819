from pathlib import Path

import pytest

from grid_formats import FORMATS
from grid_situation import labelled
from reading import check_unreadable


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("key", ["label_column", "image_column", "metadata_columns"])
def test_column_that_does_not_exist_is_refused_in_every_format(tmp_path, name, key):
    settings = FORMATS[name].write(tmp_path / "data", labelled(train=[0, 1], test=[0, 1]))
    wanted = ("nope",) if key == "metadata_columns" else "nope"
    check_unreadable(tmp_path / "data", "/data", **settings, **{key: wanted})


@pytest.mark.parametrize("key", ["label_column", "image_column"])
def test_column_of_a_named_data_set_is_refused(key):
    check_unreadable(Path("mnist-5k"), "mnist-5k", f"data.{key}", "'nope'", **{key: "nope"})
