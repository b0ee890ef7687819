"""Data sets behind URLs: the same images, labels and arrays as from local files."""

from dataclasses import replace
from datetime import timedelta
from http.client import HTTPConnection

import pytest

from grid_formats import FORMATS
from painted import paint
from reading import ingest
from remote_data import EXAMPLES, facts, upload
from sightline.config import DataConfig, PreprocessingConfig
from sightline.data import locate as location
from sightline.data.preprocess import PREPROCESS
from sightline.data.remote import listing
from sightline.data.remote.opening import open_url
from sightline.errors import BusyStorageError, DataError, InputError, StorageError
from sightline.storage import object_store
from sightline.storage.object_store import open_store

PREPARED = PreprocessingConfig()


def locate(url):
    return location.locate(DataConfig(dataset=url))


def photos(path):
    return paint(path, "a/0.png", "b/1.png", "a/2.png", "b/3.png")


@pytest.mark.parametrize("name", FORMATS)
def test_equal_files_give_equal_images_labels_and_facts_wherever_they_are(run, tmp_path, name):
    settings = FORMATS[name].write(tmp_path / "data", EXAMPLES)
    url = upload(tmp_path / "data", f"memory://{tmp_path.name}/data")
    local, remote = (ingest(run, place, **settings) for place in (tmp_path / "data", url))
    assert remote.source == url
    assert facts(remote) == facts(local)
    assert PREPROCESS.key(remote, PREPARED) == PREPROCESS.key(local, PREPARED)  # and so on


def test_single_object_is_read_with_the_class_names_beside_it(run, tmp_path):
    FORMATS["WebDataset"].write(tmp_path / "data", EXAMPLES)
    (shard,) = (tmp_path / "data").glob("*train*")
    for path in (tmp_path / "data").glob("*test*"):
        path.unlink()
    (tmp_path / "data" / "classnames.txt").write_text("cat\ndog\n")
    url = upload(tmp_path / "data", f"memory://{tmp_path.name}")
    local, remote = (ingest(run, f"{place}/{shard.name}") for place in (tmp_path / "data", url))
    assert facts(remote) == facts(local)


def test_unchanged_objects_are_never_read_again_and_a_changed_one_is_noticed(run, tmp_path, s3):
    url = upload(photos(tmp_path / "data"), f"{s3.new_bucket()}/data")
    first = ingest(run, url)
    s3.requests.clear()
    assert ingest(run, url) == first
    assert not [key for method, key in s3.requests if method == "GET" and key.startswith("data/")]
    (tmp_path / "data" / "a" / "0.png").write_bytes(
        (tmp_path / "data" / "b" / "3.png").read_bytes()
    )
    upload(tmp_path / "data", url)
    assert ingest(run, url).content_digests != first.content_digests


def test_object_that_changes_while_it_is_read_is_refused(tmp_path, s3):
    url = upload(photos(tmp_path / "data"), s3.new_bucket())
    path = open_url(url) / "a" / "0.png"
    open_store(url).write("a/0.png", b"other content")
    with pytest.raises(DataError, match=r"a/0\.png changed while it was read"):
        path.read_bytes()


def test_object_that_is_listed_without_an_etag_is_read_while_its_date_is_the_same(
    tmp_path, monkeypatch
):
    url = upload(photos(tmp_path / "data"), f"memory://{tmp_path.name}")
    described = object_store._stored
    monkeypatch.setattr(object_store, "_stored", lambda meta: replace(described(meta), etag=None))
    path = open_url(url) / "a" / "0.png"
    assert path.read_bytes() == (tmp_path / "data" / "a" / "0.png").read_bytes()
    path = open_url(url) / "b" / "1.png"
    later = timedelta(seconds=2)
    monkeypatch.setattr(
        object_store,
        "_stored",
        lambda meta: replace(found := described(meta), modified=found.modified + later),
    )
    with pytest.raises(DataError, match=r"b/1\.png changed while it was read"):
        path.read_bytes()


@pytest.mark.parametrize(
    ("url", "fact"),
    [
        ("s3://me:hunter2@bucket/x", "environment variables"),
        ("s3://bucket/x?token=hunter2", "environment variables"),
        ("s3://bucket/../x", "bucket and a prefix"),
        ("https://me:hunter2@host/x.tar", "holds a password"),
        ("https://host/x.tar?sig=hunter2", "holds a password"),
        ("http://example.org/x.tar", "no https:// address"),
        ("hf://hunter2", "hf://datasets/OWNER/NAME"),
        ("hf://datasets/o/n?hunter2", "hf://datasets/OWNER/NAME"),
        ("ftp://me:hunter2@host/x", "expected s3://"),
        ("file:///srv/images", "path of a file or folder"),
    ],
)
def test_url_that_cannot_be_used_is_refused_without_repeating_its_secrets(url, fact):
    with pytest.raises(DataError, match=fact) as caught:
        locate(url)
    assert "hunter2" not in str(caught.value)


def test_prefix_without_objects_and_missing_bucket_are_refused(s3):
    url = s3.new_bucket()
    with pytest.raises(DataError, match=r"/photos has no objects; check bucket and prefix"):
        locate(f"{url}/photos")
    with pytest.raises(StorageError, match=r"bucket of s3://no-such-bucket.* does not exist"):
        locate("s3://no-such-bucket/photos")


@pytest.mark.parametrize("name", ["data/a//b.png", "data/a/../b.png", "data/a%07.png"])
def test_names_that_no_file_has_are_refused(s3, name):
    url = s3.new_bucket()
    put_raw(s3, f"{url[5:]}/{name}", b"x")
    with pytest.raises(InputError, match="whose name is no path of a file"):
        locate(f"{url}/data")


def put_raw(s3, path, content):
    """Write an object whose name a client would refuse or change."""
    connection = HTTPConnection(s3.address.removeprefix("http://"))
    connection.request("PUT", f"/{path}", content)
    assert connection.getresponse().status == 200
    connection.close()


def test_empty_objects_that_stand_for_folders_are_passed_over(tmp_path, s3):
    url = upload(photos(tmp_path / "data"), f"{s3.new_bucket()}/data")
    for name in ("", "a/"):
        put_raw(s3, f"{url[5:]}/{name}", b"")
    assert locate(url).kind == "folder"


def test_listing_that_is_too_long_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(listing, "MAX_FILES", 3)
    url = upload(photos(tmp_path / "data"), f"memory://{tmp_path.name}")
    with pytest.raises(DataError, match="more than 3 objects; give a prefix"):
        locate(url)


@pytest.mark.parametrize("kind", ["expired", "denied"])
def test_refused_credentials_are_one_sentence(tmp_path, s3, kind):
    url = upload(photos(tmp_path / "data"), s3.new_bucket())
    s3.add(kind, times=99)
    with pytest.raises(StorageError, match="credentials are missing, expired"):
        locate(url)


def test_short_faults_and_cut_answers_are_survived(run, tmp_path, s3):
    url = upload(photos(tmp_path / "data"), f"{s3.new_bucket()}/data")
    expected = ingest(run, tmp_path / "data").content_digests
    for kind, key in (("500", "a/0"), ("503", "b/1"), ("cut", "a/2"), ("slow", "b/3")):
        s3.add(kind, key, method="GET")
    assert ingest(run, url).content_digests == expected
    assert all(fault.times == 0 for fault in s3.faults)


def test_service_that_stays_down_is_a_failure_to_retry_not_an_unreadable_image(run, tmp_path, s3):

    url = upload(photos(tmp_path / "data"), f"{s3.new_bucket()}/data")
    s3.add("500", r"a/0\.png", method="GET", times=999)
    with pytest.raises(BusyStorageError, match="did not answer"):
        ingest(run, url, unreadable="skip")
