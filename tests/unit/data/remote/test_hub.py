"""Data sets of the hub, from a server on loopback that answers like it."""

import pytest

from grid_formats import FORMATS
from ranges_server import serving
from reading import ingest
from remote_data import EXAMPLES, facts
from sightline.data.remote.opening import open_url
from sightline.errors import DataError


@pytest.fixture
def hub(monkeypatch):
    with serving() as server:
        monkeypatch.setenv("HF_ENDPOINT", server.address)
        monkeypatch.delenv("HF_TOKEN", raising=False)
        yield server


def test_parquet_files_of_the_hub_are_read_as_local_ones_are(run, tmp_path, hub, monkeypatch):
    monkeypatch.setenv("HF_TOKEN", "hunter2")
    FORMATS["Parquet"].write(tmp_path / "photos", EXAMPLES)
    hub.files = {
        f"data/{path.name}": path.read_bytes() for path in (tmp_path / "photos").iterdir()
    } | {"README.md": b"---"}
    remote = ingest(run, "hf://datasets/me/photos/data")
    assert remote.source == "hf://datasets/me/photos/data"
    assert {**facts(remote), "dataset": "photos"} == facts(ingest(run, tmp_path / "photos"))
    assert hub.tokens == {"Bearer hunter2"}


def test_revision_and_single_file_are_addressed(hub):
    hub.files = {"a/x.tar": b"content", "a/classnames.txt": b"cat", "b/y.tar": b"other"}
    path = open_url("hf://datasets/me/photos@v1.0/a/x.tar")
    assert (str(path), path.read_bytes()) == ("hf://datasets/me/photos@v1.0/a/x.tar", b"content")
    assert {one.name for one in path.parent.iterdir()} == {"x.tar", "classnames.txt"}


NO_SIZE = {"type": "file", "path": "x", "size": "large", "oid": "0"}


@pytest.mark.parametrize("answer", [[{"type": "file"}], ["x"], [None], {"a": 1}, [NO_SIZE]])
def test_answer_that_is_no_listing_is_refused(hub, monkeypatch, answer):
    hub.listed = lambda **_: answer
    with pytest.raises(DataError, match="no listing; check HF_ENDPOINT"):
        open_url("hf://datasets/me/photos")


def test_token_is_never_sent_over_http_to_another_machine(monkeypatch):
    monkeypatch.setenv("HF_ENDPOINT", "http://hub.example.org")
    with pytest.raises(DataError, match="no https:// address"):
        open_url("hf://datasets/me/photos")
