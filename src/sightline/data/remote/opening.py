"""Open a URL: find out what it names, and list it."""

from collections import deque
from collections.abc import Sequence
from itertools import chain
from pathlib import Path
from urllib.parse import quote

from sightline.data.layout import kind_of
from sightline.data.remote import hub, web
from sightline.data.remote.listing import Listing, ReadRange, RemoteFile, changed
from sightline.data.remote.remote_path import RemotePath, path_in
from sightline.errors import DataError, InputError
from sightline.storage import object_store
from sightline.storage.object_store import ObjectStore, StoredObject
from sightline.storage.store_url import check_url, is_url

_BUCKETS = ("s3", "gs", "az", "memory")
_BESIDE = (
    *("classes.txt", "classnames.txt", "class_names.txt", "labels.txt", "label.labels.txt"),
    "dataset_info.json",
)
"""Files beside a single one that may describe it."""

_LISTINGS: deque[Listing] = deque(maxlen=2)


def to_path(text: str) -> Path:
    """Return the path of a data set; for a URL, its files are listed."""
    return open_url(text) if is_url(text) else Path(text)


def open_url(url: str) -> RemotePath:
    """Return the path of a URL, whose files are listed but not read.

    Raises DataError if nothing is there, the URL holds a password or a query, or a listing is too
    long or hostile; StorageError if access is denied, and BusyStorageError if a service does not
    answer. No message repeats what may be a secret.
    """
    scheme = url.partition("://")[0]
    if scheme in _BUCKETS:
        found = _open_bucket(url)
    elif scheme == "hf":
        found = hub.open_hub(url)
    elif scheme in {"https", "http"}:
        found = web.open_address(url)
    else:
        raise DataError(
            "The URL cannot be used; expected s3://, gs://, az://, hf:// or https://, or the path "
            "of a file or folder."
        )
    if not found.exists():
        raise DataError(f"{found} has no objects; check bucket and prefix.")
    return _known(found)


def open_listed(url: str, files: Sequence[RemoteFile]) -> RemotePath:
    """Return the path of a URL with files that were listed before.

    They are only read in these versions: ChangedDataError is raised if there is another one.
    """
    for listing in _LISTINGS:  # and with what was read from them
        if listing.url == url and all(listing.file(one.name) == one for one in files):
            return path_in(listing)
    scheme = url.partition("://")[0]
    if scheme in _BUCKETS:
        return path_in(Listing(url, files, _reader(object_store.open_store(url))))
    if scheme == "hf":
        return hub.open_listed(url, files)
    (file,) = files
    found = web.open_address(f"{url}/{quote(file.name)}")
    if found.file != file:
        raise changed(str(found))
    return path_in(found.listing)


def _known(found: RemotePath) -> RemotePath:
    """Return the path in an earlier listing of equal files, with what was read from them."""
    for listing in _LISTINGS:
        if listing.url == found.listing.url and listing.is_like(found.listing):
            return path_in(listing, found.key)
    _LISTINGS.append(found.listing)
    return found


def _open_bucket(url: str) -> RemotePath:
    try:
        url = check_url(url)
    except InputError as error:
        raise DataError(str(error)) from None
    parent, _, name = url.rpartition("/")
    if not parent.endswith("/"):  # the URL names more than a bucket
        store = object_store.open_store(parent)
        single = store.stat(name)
        if single and single.bytes:
            beside = (store.stat(other) for other in _BESIDE) if kind_of(name) else ()
            files = map(_as_file, filter(None, chain([single], beside)))
            return path_in(Listing(parent, files, _reader(store)), name)
    store = object_store.open_store(url)
    return path_in(Listing(url, map(_as_file, store.list()), _reader(store)))


def _as_file(found: StoredObject) -> RemoteFile:
    return RemoteFile(found.key, found.bytes, found.version)


def _reader(store: ObjectStore) -> ReadRange:
    def read(file: RemoteFile, start: int, end: int) -> bytes:
        content = store.read_range(file.name, start, end, file.version)
        if content is None:
            raise changed(f"{store.url}/{file.name}")
        return content

    return read
