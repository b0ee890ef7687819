"""Run ids, links and records that point out of the artifacts root."""

import uuid

import pytest
from pydantic import ValidationError

from command import check_refused, invoke
from sightline.config import loading
from sightline.errors import InputError, StorageError
from sightline.experiments import pins
from sightline.flows.train import training_flow
from sightline.pipeline import cache
from sightline.pipeline.stages import Stage
from sightline.records import DeviceReport, FileRecord, Run
from sightline.storage import files, locks
from sightline.storage.workspace import Workspace


def stand_in():
    raise AssertionError("never called")


IDS = ["../x", "/x", "x\0y", "x" * 300, "", ".", "..", "-x", "x\ny", "xé", "\x1b[2Jx"]
IDS += ["one/../../x"]
CONFIG = loading.load("quickstart", dataset="mnist-5k")


@pytest.fixture
def root(tmp_path):
    """An artifacts root with one run, beside a folder that a path could lead out to."""
    root = tmp_path / "artifacts"
    for folder in (root / "runs" / "one", root / "x", tmp_path / "x"):
        folder.mkdir(parents=True)
        (folder / "manifest.json").write_text("{}")
    (root / "pins").mkdir()
    (tmp_path / "x.json").write_text("{}")
    return root


def listing(folder):
    paths = sorted(path for path in folder.rglob("*") if not path.name.endswith(".lock"))
    return [(str(path), path.read_bytes() if path.is_file() else b"") for path in paths]


@pytest.mark.parametrize("run_id", IDS, ids=repr)
def test_hostile_id_is_refused_before_a_run(root, run_id):
    before = listing(root.parent)
    done = invoke("train", f"--run-id={run_id}", "--dataset=mnist-5k", f"--artifacts={root}")
    check_refused(done, "--run-id")
    assert "\x1b" not in done.stderr
    with pytest.raises(InputError, match="--run-id"):
        training_flow.fn(CONFIG, Run(id=run_id, workspace=Workspace(root)))
    assert listing(root.parent) == before


@pytest.mark.parametrize("command", ["show", "open", "pin", "unpin", "verify"])
@pytest.mark.parametrize("run_id", IDS, ids=repr)
def test_hostile_id_names_no_run(root, command, run_id):
    before = listing(root.parent)
    done = invoke("runs", command, f"--artifacts={root}", "--", run_id)
    check_refused(done, "sightline runs list")
    assert "\x1b" not in done.stderr
    assert listing(root.parent) == before


@pytest.fixture
def victim(tmp_path):
    folder = tmp_path / "victim"
    folder.mkdir()
    (folder / "precious").write_text("untouched")
    return folder


def check_untouched(victim):
    assert [path.name for path in victim.iterdir()] == ["precious"]
    assert (victim / "precious").read_text() == "untouched"


def link(path, target):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.symlink_to(target)
    return path


@pytest.mark.parametrize("leads_to", ["victim", "nowhere"])
def test_link_in_the_place_of_a_run_takes_its_id(root, victim, leads_to):
    place = link(root / "runs" / "two", victim.with_name(leads_to))
    done = invoke("train", "--run-id=two", "--dataset=mnist-5k", f"--artifacts={root}")
    check_refused(done, "'two'", "--run-id")
    assert place.is_symlink()
    check_untouched(victim)
    assert not victim.with_name("nowhere").exists()


def test_link_created_while_a_run_is_published_is_not_followed(root, victim):
    place = root / "runs" / "two"
    with pytest.raises(OSError, match="two"), files.new_folder(place, replace=False):
        link(place, victim)
    check_untouched(victim)


def test_link_in_the_place_of_a_cache_entry_is_replaced(root, victim, caplog):
    def write(draft):
        draft.path("result.txt").write_text("made")
        return DeviceReport(device="made", environment={})

    run = Run(id="one", workspace=Workspace(root))
    entry = link(root / "cache" / "stand_in" / "key", victim)
    assert cache.find_or_make(run, Stage(stand_in, ()), "key", write).device == "made"
    assert not entry.is_symlink()
    assert (entry / "result.txt").read_text() == "made"
    check_untouched(victim)
    assert "damaged" in caplog.text


@pytest.mark.parametrize("kind", ["file", "folder"])
def test_link_in_the_place_of_a_temporary_name_is_not_followed(root, victim, monkeypatch, kind):
    monkeypatch.setattr(files.uuid, "uuid4", lambda: uuid.UUID(int=0))
    final = root / "cache" / "final"
    new = files.new_file(final) if kind == "file" else files.new_folder(final, replace=True)
    target = victim / "precious" if kind == "file" else victim
    link(final.with_name(".final.00000000.tmp"), target)
    with pytest.raises(FileExistsError), new as temporary:
        (temporary if kind == "file" else temporary / "precious").write_text("overwritten")
    check_untouched(victim)


def test_link_in_the_place_of_a_pin_is_replaced(root, victim):
    place = link(root / "pins" / "one.json", victim / "precious")
    pins.pin(Workspace(root), "one", "in production")
    assert not place.is_symlink()
    assert pins.pinned_ids(Workspace(root)) == {"one"}
    check_untouched(victim)


@pytest.mark.parametrize("leads_to", ["precious", "new"])
def test_link_in_the_place_of_a_lock_is_refused(root, victim, leads_to):
    lock = link(root / "cache" / ".key.lock", victim / leads_to)
    with pytest.raises(StorageError, match=r"\.key\.lock"), locks.alone(lock, "x"):
        pass
    check_untouched(victim)


def test_link_in_the_place_of_an_image_is_replaced(root, victim):
    place = link(root / "datasets" / "mnist-5k-samples.png", victim / "precious")
    done = invoke("datasets", "inspect", "mnist-5k", f"--artifacts={root}")
    assert done.returncode == 0, done.stderr
    assert place.read_bytes().startswith(b"\x89PNG")
    check_untouched(victim)


@pytest.mark.parametrize(
    "path", ["../../secret", "/etc/passwd", "a/../../b", "", ".", "..", "a\0b", "a\nb"]
)
def test_record_cannot_name_a_file_outside_of_the_root(path):
    with pytest.raises(ValidationError, match="path"):
        FileRecord(path=path, sha256="0" * 64, bytes=1)
