"""Objects in memory and in a folder; `tests/faults/test_object_storage.py` has a real S3 server."""

import hashlib
from types import SimpleNamespace
from unittest.mock import Mock

import obstore
import pytest

from sightline.errors import BusyStorageError, InputError, StorageError
from sightline.storage import object_store, store_errors
from sightline.storage.object_store import ObjectStore
from sightline.storage.store_url import check_url


@pytest.fixture(params=["memory", "file"])
def store(request, tmp_path):
    place = "tests" if request.param == "memory" else f"{tmp_path}/store"
    return ObjectStore(f"{request.param}://{place}")


def test_object_is_created_once_and_read_back(store):
    assert store.read("a/b") is None
    assert store.stat("a/b") is None
    assert store.create("a/b", b"one")
    assert not store.create("a/b", b"two")
    assert store.create("a/b", b"one"), "an answer that was lost counts as success"
    assert store.read("a/b") == b"one"
    assert store.stat("a/b").bytes == 3


def test_object_is_replaced_only_if_nobody_else_did(store):
    store.write("head", b"one")
    _, tag = store.read_tagged("head")
    assert store.replace("head", b"two", tag)
    assert not store.replace("head", b"three", tag)
    assert store.read("head") == b"two"


def test_replacement_depends_on_etag_and_version_since_google_knows_no_etag(monkeypatch):
    store = ObjectStore("memory://tests")
    meta = {"size": 1, "e_tag": "e", "version": "7"}
    monkeypatch.setattr(obstore, "get", lambda *_: SimpleNamespace(meta=meta, bytes=lambda: b"x"))
    monkeypatch.setattr(obstore, "put", Mock())
    assert store.replace("head", b"two", store.read_tagged("head")[1])
    assert obstore.put.call_args.kwargs["mode"] == {"e_tag": "e", "version": "7"}


def test_file_goes_up_and_comes_down_with_its_digest(store, tmp_path, monkeypatch):
    monkeypatch.setattr(object_store, "PART", 5 << 20)
    (tmp_path / "large").write_bytes(bytes(11 << 20))
    store.upload("deep/large", tmp_path / "large")
    expected = hashlib.sha256(bytes(11 << 20)).hexdigest()
    assert store.download("deep/large", tmp_path / "copy") == expected
    assert (tmp_path / "copy").stat().st_size == 11 << 20
    assert store.download("nothing", tmp_path / "none") is None


def test_listing_names_what_is_below_a_prefix_and_deletion_may_be_repeated(store):
    for key in ("a/1", "a/b/2", "ab/3"):
        store.write(key, b"x")
    assert sorted(one.key for one in store.list("a/")) == ["a/1", "a/b/2"]
    store.delete("a/1", "a/1", "never")
    assert sorted(one.key for one in store.list()) == ["a/b/2", "ab/3"]


def test_object_that_is_too_large_to_read_is_refused_by_name(store):
    store.write("manifest.json", bytes(100))
    with pytest.raises(StorageError, match=r"manifest\.json has 100 bytes.*at most 99"):
        store.read("manifest.json", limit=99)


@pytest.mark.parametrize(
    "url",
    [
        "ftp://bucket/x",
        "https://bucket/hunter2",
        "s3://user:hunter2@bucket/x",
        "s3://bucket/x?secret=hunter2",
        "s3://bucket/../x",
        "s3://bucket//x",
        "s3:///x",
        "s3://",
        "gs://a b/x",
    ],
)
def test_url_that_cannot_be_used_is_refused_and_not_shown(url):
    with pytest.raises(InputError, match="URL") as refusal:
        check_url(url)
    assert "hunter2" not in str(refusal.value)


def test_slash_at_the_end_of_a_url_means_nothing():
    assert check_url("s3://bucket/runs/") == check_url("s3://bucket/runs")


def test_unencrypted_endpoint_is_refused_unless_it_is_loopback_or_allowed(monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://storage.example:9000")
    with pytest.raises(StorageError, match="AWS_ALLOW_HTTP"):
        ObjectStore("s3://bucket")
    monkeypatch.setenv("AWS_ALLOW_HTTP", "true")
    ObjectStore("s3://bucket")
    monkeypatch.delenv("AWS_ALLOW_HTTP")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9000")
    ObjectStore("s3://bucket")


@pytest.mark.parametrize("endpoint", ["localhost:9000", "https://", "http://[::1", "https://h:x"])
def test_endpoint_that_is_no_address_is_refused(monkeypatch, endpoint):
    monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint)
    with pytest.raises(StorageError, match="AWS_ENDPOINT_URL is no address"):
        ObjectStore("s3://bucket")


def test_settings_that_stop_the_client_are_an_error(monkeypatch):
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key\n")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    with pytest.raises(StorageError, match="blanks and line breaks"):
        ObjectStore("s3://bucket").read("key")


def test_missing_library_is_named_with_its_extra(monkeypatch):
    monkeypatch.setattr(object_store, "find_spec", lambda name: None)
    with pytest.raises(StorageError, match=r"sightline\[storage\]"):
        ObjectStore("s3://bucket")


def test_missing_account_is_a_question_of_credentials(monkeypatch):
    monkeypatch.delenv("AZURE_STORAGE_ACCOUNT_NAME", raising=False)
    with pytest.raises(StorageError, match="credentials"):
        ObjectStore("az://container/x")


def test_request_that_a_service_does_not_know_is_not_reported_as_an_outage():
    from obstore.exceptions import GenericError

    error = GenericError("Server returned non-2xx status code: 501 Not Implemented: <Error>")
    refused = pytest.raises(StorageError, match="status 501")
    with refused as refusal, store_errors.converted("s3://bucket"):
        raise error
    assert not isinstance(refusal.value, BusyStorageError)
