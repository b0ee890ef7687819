"""Single files behind an address, from a server on loopback."""

import pytest

from grid_formats import FORMATS
from ranges_server import serving
from reading import ingest
from remote_data import EXAMPLES, facts
from sightline.data.remote import opening, web
from sightline.data.remote.opening import open_url
from sightline.errors import BusyStorageError, DataError


@pytest.fixture(scope="module")
def server():
    with serving() as found:
        yield found


@pytest.fixture
def path(server, monkeypatch):
    monkeypatch.setattr(opening, "_LISTINGS", [])  # nothing was read before
    server.files = {"x.tar": b"0123456789"}
    server.faults = []
    server.ranged = True
    return open_url(f"{server.address}/x.tar")


def test_archive_behind_an_address_is_read_as_a_local_one_is(run, tmp_path, server):
    FORMATS["NPZ"].write(tmp_path / "data", EXAMPLES)
    (archive,) = (tmp_path / "data").iterdir()
    server.files = {archive.name: archive.read_bytes()}
    assert facts(ingest(run, f"{server.address}/{archive.name}")) == facts(ingest(run, archive))


def test_errors_of_a_server_are_retried_then_reported(path, server):
    server.faults = [500] * 5
    with pytest.raises(BusyStorageError, match=r"x\.tar did not answer .*status 500"):
        path.read_bytes()
    server.faults = [500, 503]
    assert path.read_bytes() == b"0123456789"


@pytest.mark.parametrize(
    ("status", "fact"), [(403, "needs other credentials"), (404, "check the address")]
)
def test_refusals_are_not_retried(path, server, status, fact):
    server.faults = [status]
    with pytest.raises(DataError, match=fact):
        path.read_bytes()


def test_file_that_changes_is_refused(path, server):
    server.files["x.tar"] = b"9876543210"
    with pytest.raises(DataError, match="changed while it was read"):
        path.read_bytes()


def test_file_without_an_etag_is_known_by_its_date_and_size(path, server, monkeypatch):
    monkeypatch.setattr(server, "tagged", False)
    url = f"{server.address}/x.tar"
    assert open_url(url).read_bytes() == b"0123456789"
    monkeypatch.setattr(opening, "_LISTINGS", [])
    path = open_url(url)
    server.files["x.tar"] += b"0"
    with pytest.raises(DataError, match="changed while it was read"):
        path.read_bytes()


def test_server_without_ranges_is_refused(path, server):
    server.ranged = False
    with pytest.raises(DataError, match="not served in ranges"):
        path.read_bytes()


def test_redirect_to_http_on_another_machine_is_refused():
    import httpx

    with pytest.raises(httpx.UnsupportedProtocol):
        web._check_redirect(httpx.Request("GET", "http://example.org/x"))
