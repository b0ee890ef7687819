"""Files that are read in ranges, and what is kept of them."""

import io

import numpy as np
import pytest

from sightline.data.remote import spool
from sightline.data.remote.listing import Listing, RemoteFile
from sightline.data.remote.reader import Reader
from sightline.data.remote.remote_path import path_in, read_ahead

CONTENT = np.random.default_rng(0).bytes(20 << 20)
MIB = 1 << 20


class Store:
    """Files in memory, and the ranges that were asked for."""

    def __init__(self, **contents):
        self.contents, self.ranges = contents, []

    def read(self, file, start, end):
        self.ranges.append((file.name, start, end))
        return self.contents[file.name][start:end]

    def open(self, name=""):
        files = [RemoteFile(name, len(content), "1") for name, content in self.contents.items()]
        return path_in(Listing("memory://x", files, self.read), name)


def stream(path):
    with path.open("rb") as file:
        return b"".join(iter(lambda: file.read(300_000), b""))


def test_stream_is_read_in_growing_ranges_of_bounded_size():
    store = Store(x=CONTENT)
    assert stream(store.open("x")) == CONTENT
    sizes = [end - start for _, start, end in sorted(store.ranges)]
    assert sizes[0] == 64 << 10
    assert max(sizes) == 4 * MIB
    assert sum(sizes) == len(CONTENT)


def test_place_in_a_large_file_takes_one_small_range():
    store = Store(x=CONTENT)
    with store.open("x").open("rb") as file:
        file.seek(-8, io.SEEK_END)
        assert file.read() == CONTENT[-8:]
        file.seek(5 * MIB)
        assert file.read(4) == CONTENT[5 * MIB : 5 * MIB + 4]
    assert sum(end - start for _, start, end in store.ranges) == 8 + (64 << 10)


def test_any_order_of_reads_and_seeks_gives_the_bytes_of_the_file():
    chosen = np.random.default_rng(1)
    local = io.BytesIO(CONTENT)
    remote = io.BufferedReader(Reader(lambda start, end: CONTENT[start:end], len(CONTENT)))
    for _ in range(300):
        place = int(chosen.integers(len(CONTENT)))
        size = int(chosen.choice([1, 500, 70_000, 3 * MIB]))
        if chosen.random() < 0.4:
            assert local.seek(place) == remote.seek(place)
        assert local.read(size) == remote.read(size)


def test_second_reading_comes_from_the_spool_as_far_as_there_is_room(monkeypatch):
    monkeypatch.setattr(spool, "_MOST", 8 * MIB)
    store = Store(x=CONTENT)
    path = store.open("x")
    assert stream(path) == CONTENT
    store.ranges.clear()
    assert stream(path) == CONTENT
    again = sum(end - start for _, start, end in store.ranges)
    assert 12 * MIB <= again < 16 * MIB


def test_images_are_read_ahead_and_in_order():
    store = Store(**{f"{number}.jpg": bytes([number]) * 100 for number in range(50)})
    paths = [store.open(name) for name in store.contents]
    ahead = read_ahead(paths, 64)
    first = next(ahead)
    assert [first.read_bytes(), *(path.read_bytes() for path in ahead)] == [
        *store.contents.values()
    ]


def test_remote_files_are_never_written():
    with pytest.raises(io.UnsupportedOperation):
        Store(x=b"1").open("x").open("wb")
