"""Copies files to and from an object store, several at a time; their digests are checked."""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from sightline.storage.object_store import ObjectStore

_THREADS = 8
_SMALL = 1 << 20  # Bytes of a file that is uploaded beside others


def push(store: ObjectStore, files: Mapping[str, Path], *, replace: bool = False) -> None:
    """Upload files, by the key of their object.

    Unless `replace` is true, an object that already has the file's size is left alone. Large files
    go one by one, each in parts, so that few parts are in memory.
    """

    def upload(key: str) -> None:
        path = files[key]
        stored = None if replace else store.stat(key)
        if stored is None or stored.bytes != path.stat().st_size:
            store.upload(key, path)

    small = {key for key, path in files.items() if path.stat().st_size <= _SMALL}
    with ThreadPoolExecutor(_THREADS) as pool:
        list(pool.map(upload, small))
    for key in files.keys() - small:
        upload(key)


def pull(store: ObjectStore, files: Mapping[str, tuple[Path, str]]) -> None:
    """Download objects by key to paths whose SHA-256 is given; missing folders are created.

    Raises ValueError, which names the object, if one is missing or differs.
    """

    def download(key: str) -> None:
        path, expected = files[key]
        path.parent.mkdir(parents=True, exist_ok=True)
        found = store.download(key, path)
        if found != expected:
            got = "no object" if found is None else f"SHA-256 {found}"
            raise ValueError(f"{store.url}/{key}: expected SHA-256 {expected}, got {got}")

    with ThreadPoolExecutor(_THREADS) as pool:
        list(pool.map(download, files))


def delete(store: ObjectStore, prefix: str) -> None:
    """Delete the objects below a prefix that ends at a slash, `manifest.json` first.

    So a deletion that is interrupted leaves no entry that looks complete.
    """
    keys = sorted(one.key for one in store.list(prefix))
    store.delete(*sorted(keys, key=lambda key: not key.endswith("/manifest.json")))
