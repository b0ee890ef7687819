import pytest

from examples import write_npz
from machines import two
from painted import paint
from remote_data import upload
from sightline.data.watch import observe, store_observation
from sightline.errors import StorageError


@pytest.fixture
def data(tmp_path):
    return write_npz(tmp_path / "textures.npz")


def store(workspace, data):
    found = observe(workspace, str(data))
    store_observation(workspace, found)
    return found


def test_first_observation_is_not_a_change(workspace, data):
    for found, first in ((store(workspace, data), True), (observe(workspace, str(data)), False)):
        assert (found.first, found.changed, found.dataset) == (first, False, str(data))


def test_change_is_reported_until_it_is_stored(workspace, data):
    first = store(workspace, data)
    write_npz(data, train=200)
    for _ in range(2):  # if the server could not be notified, the next observation is
        changed = observe(workspace, str(data))
        assert changed.changed
        assert changed.previous_sha256 == first.source.sha256
    store_observation(workspace, changed)
    assert not observe(workspace, str(data)).changed


def test_observation_of_another_machine_counts(tmp_path, data):
    a, b = two(tmp_path, f"memory://{tmp_path.name}")
    store(a, data)
    assert not observe(b, str(data)).first
    write_npz(data, train=200)
    assert observe(b, str(data)).changed
    store(b, data)
    assert not observe(a, str(data)).changed


def test_data_sets_of_the_same_name_are_distinguished(workspace, tmp_path):
    for folder, train in (("a", 160), ("b", 200)):
        (tmp_path / folder).mkdir()
        store(workspace, write_npz(tmp_path / folder / "textures.npz", train=train))
    assert not observe(workspace, str(tmp_path / "a" / "textures.npz")).changed


@pytest.mark.parametrize("content", ["{", "{}", "[]"])
def test_damaged_observation_counts_as_a_change(workspace, data, content):
    store(workspace, data)
    (stored,) = (workspace.root / "watch").iterdir()
    stored.write_text(content)
    assert observe(workspace, str(data)).changed


def test_unreadable_observation_is_an_error(workspace, data):
    workspace.root.mkdir()
    (workspace.root / "watch").write_text("a file instead of a folder")
    with pytest.raises(StorageError):
        observe(workspace, str(data))


def test_objects_are_watched_by_their_listing_without_reading_them(workspace, tmp_path, s3):
    url = upload(paint(tmp_path / "data", "a/1.png", "b/2.png"), f"{s3.new_bucket()}/data")
    store(workspace, url)
    assert not observe(workspace, url).changed
    upload(paint(tmp_path / "data", "a/3.png"), url)
    assert observe(workspace, url).changed
    assert not [key for method, key in s3.requests if method == "GET" and key.endswith(".png")]
