import hashlib
import os
import sqlite3
import time
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import pytest

from sightline.errors import StorageError
from sightline.storage import digests, known_digests, user_cache
from sightline.storage.known_digests import remembered


@pytest.fixture
def memory(tmp_path, monkeypatch):
    """The file of the memory, of a user who has none yet; it takes small files, too."""
    monkeypatch.setattr(known_digests, "_SMALL", 0)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "sightline" / "digests" / "known.sqlite"


@pytest.fixture
def settled(memory, monkeypatch):
    """A minute passes after each file was written."""
    now = time.time_ns
    monkeypatch.setattr(known_digests.time, "time_ns", lambda: now() + 60 * 10**9)


@pytest.fixture
def reads(monkeypatch):
    """The names of the files that are read."""
    found: list[str] = []
    digest = hashlib.file_digest

    def noted(file, name):
        found.append(os.path.basename(file.name))
        return digest(file, name)

    monkeypatch.setattr(known_digests.hashlib, "file_digest", noted)
    return found


def digest_all(*paths):
    with remembered() as digest_of:
        found = [digest_of(path) for path in paths]
    assert found == [hashlib.sha256(path.read_bytes()).hexdigest() for path in paths]


def write(path, content=b"content"):
    path.write_bytes(content)
    return path


@pytest.mark.usefixtures("settled")
def test_file_that_did_not_change_is_read_once(tmp_path, reads):
    paths = [write(tmp_path / name, name.encode()) for name in "ab"]
    digest_all(*paths)
    digest_all(*paths)
    assert reads == ["a", "b"]
    digest_all(write(tmp_path / "c", b"new"), *paths)
    assert reads == ["a", "b", "c"]


@pytest.mark.usefixtures("settled")
def test_file_of_the_same_size_and_time_of_modification_is_read_again(tmp_path, reads):
    path = write(tmp_path / "a")
    digest_all(path)
    before = path.stat()
    write(path, b"CONTENT")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    digest_all(path)
    assert reads == ["a", "a"]


@pytest.mark.usefixtures("settled")
def test_file_that_has_the_inode_that_another_had_is_read(tmp_path, monkeypatch):
    """As on FAT, after the next mount."""
    paths = write(tmp_path / "a"), write(tmp_path / "b", b"CONTENT")
    status = paths[0].stat()
    monkeypatch.setattr(known_digests.os, "fstat", lambda _: status)
    digest_all(paths[0])
    digest_all(paths[1])


@pytest.mark.usefixtures("memory")
def test_file_written_moments_ago_is_not_remembered(tmp_path, reads):
    path = write(tmp_path / "a")
    digest_all(path)
    digest_all(path)
    assert reads == ["a", "a"]


@pytest.mark.usefixtures("settled")
def test_file_that_changes_while_it_is_read_is_not_remembered(tmp_path, monkeypatch):
    path, digest = write(tmp_path / "a"), hashlib.file_digest

    def change(file, name):
        found = digest(file, name)
        write(path, b"CONTENT")
        return found

    monkeypatch.setattr(known_digests.hashlib, "file_digest", change)
    with remembered() as digest_of:
        digest_of(path)
    monkeypatch.setattr(known_digests.hashlib, "file_digest", digest)
    digest_all(path)


@pytest.mark.usefixtures("settled")
def test_files_are_read_again_where_the_file_system_counts_whole_seconds(
    tmp_path, reads, monkeypatch
):
    fstat = os.fstat

    def coarse(number):
        found = fstat(number)
        second = int(found.st_ctime) * 10**9
        times = {"st_mtime_ns": second, "st_ctime_ns": second}
        return SimpleNamespace(st_dev=0, st_ino=1, st_size=found.st_size, **times)

    monkeypatch.setattr(known_digests.os, "fstat", coarse)
    path = write(tmp_path / "a")
    digest_all(path)
    digest_all(path)
    assert reads == ["a", "a"]


@pytest.mark.usefixtures("settled")
def test_small_files_are_not_remembered(tmp_path, reads, monkeypatch):
    monkeypatch.setattr(known_digests, "_SMALL", 5)
    paths = [write(tmp_path / "small", b"1234"), write(tmp_path / "large", b"12345")]
    digest_all(*paths)
    digest_all(*paths)
    assert reads == ["small", "large", "small"]


@pytest.mark.usefixtures("settled")
def test_nothing_remembered_is_trusted_where_that_is_asked_for(tmp_path, reads, monkeypatch):
    path = write(tmp_path / "a")
    digest_all(path)
    monkeypatch.setenv(known_digests.VARIABLE, "1")
    digest_all(path)
    assert reads == ["a", "a"]


def falsify(memory):
    with sqlite3.connect(memory) as rows:
        assert rows.execute("UPDATE known SET sha256 = zeroblob(32) || substr(sha256, 33)").rowcount
    rows.close()


DAMAGES = {
    "lost": lambda memory: memory.unlink(),
    "not a database": lambda memory: memory.write_bytes(b"?" * 5000),
    "truncated": lambda memory: os.truncate(memory, memory.stat().st_size // 2),
    "rows": falsify,
    "too large": lambda memory: os.truncate(memory, 300 << 20),
    "a folder": lambda memory: (memory.unlink(), memory.mkdir()),
}


@pytest.mark.usefixtures("settled")
@pytest.mark.parametrize("damage", DAMAGES)
def test_damaged_memory_costs_time_alone(tmp_path, memory, damage, reads):
    path = write(tmp_path / "a")
    digest_all(path)
    DAMAGES[damage](memory)
    digest_all(path)
    digest_all(path)
    assert 1 < len(reads) <= 3


def test_cache_that_cannot_be_written_costs_time_alone(tmp_path, monkeypatch):
    def refuse(name):
        raise StorageError(f"{name} cannot be used; set XDG_CACHE_HOME.")

    monkeypatch.setattr(user_cache, "folder", refuse)
    path = write(tmp_path / "a")
    with remembered() as digest_of:
        assert digest_of(path) == digests.sha256(path)


@pytest.mark.usefixtures("settled")
def test_threads_and_other_processes_share_the_memory(tmp_path, memory, reads):
    paths = [write(tmp_path / str(number), b"%d" % number) for number in range(200)]
    with remembered() as digest_of, ThreadPoolExecutor(4) as pool:
        list(pool.map(digest_of, paths))
        digest_all(*paths[:50])  # as another process, which writes first
    reads.clear()
    with remembered() as digest_of, ThreadPoolExecutor(4) as pool:
        found = list(pool.map(digest_of, paths))
    assert reads == []
    assert found == [hashlib.sha256(path.read_bytes()).hexdigest() for path in paths]


@pytest.mark.usefixtures("settled")
def test_memory_that_is_locked_is_not_waited_for_long_and_stays(tmp_path, memory, monkeypatch):
    path = write(tmp_path / "a")
    digest_all(path)
    monkeypatch.setattr(known_digests, "_WAIT_SECONDS", 0.01)
    other = sqlite3.connect(memory, isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    digest_all(path, write(tmp_path / "b"))
    other.execute("ROLLBACK")
    other.close()
    assert memory.exists()


@pytest.mark.usefixtures("settled")
def test_thread_that_reads_after_the_end_leaves_the_memory_as_it_is(tmp_path, memory, reads):
    path = write(tmp_path / "a")
    digest_all(path)
    with remembered() as digest_of:
        pass
    assert digest_of(path) == digests.sha256(path)
    reads.clear()
    digest_all(path)
    assert (reads, memory.exists()) == ([], True)
