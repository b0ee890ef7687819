import numpy as np

from sightline.data import download
from sightline.data.catalog import NAMED
from sightline.data.readers.csv import mnist_csv


def test_embedded_set_has_a_fixed_balanced_split(run):
    (path,) = download.fetch(run, "mnist-5k")
    train, test = mnist_csv.read(path, NAMED["mnist-5k"].class_names).splits
    assert np.bincount(train.labels).tolist() == [400] * 10
    assert np.bincount(test.labels).tolist() == [100] * 10
    sources = {split.source(row) for split in (train, test) for row in range(len(split.labels))}
    assert len(sources) == 5000
    assert next(train.images()).images.shape == (4000, 28, 28, 1)
    assert test.source(0) == "mnist_5k.csv.gz#4"
