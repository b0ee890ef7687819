"""Runs of two machines that share nothing but an object store."""

import pytest

from machines import keys, publish, two
from sightline.errors import InputError, RunExistsError
from sightline.experiments import new_run, pins, run_folder, seed_noise, verify
from sightline.experiments.seed_noise import NoiseBand
from sightline.records import Spread
from sightline.storage import files
from sightline.storage.author import author


@pytest.fixture
def machines(tmp_path):
    return two(tmp_path, f"memory://{tmp_path.name}")


def test_only_the_manifest_of_a_run_of_another_machine_is_brought_here_until_a_file_is_read(
    machines,
):
    a, b = machines
    manifest = publish(a, "run-1")
    assert run_folder.resolve(b, "latest") == "run-1"
    assert run_folder.read(b, "run-1") == manifest
    folder = run_folder.folder(b, "run-1")
    assert [path.name for path in folder.iterdir()] == ["manifest.json"]
    model = verify.intact_file(b, manifest, "model.keras")
    assert model == folder / "model.keras"
    assert model.read_bytes() == b"model.keras of run-1"


def test_last_published_run_is_the_latest_on_every_machine(machines):
    a, b = machines
    for workspace, name in ((b, "zeta"), (a, "alpha")):
        publish(workspace, name)
    assert run_folder.run_ids(a) == run_folder.run_ids(b)


def test_run_that_is_gone_from_the_store_is_gone_everywhere(machines):
    a, b = machines
    publish(a, "run-1")
    verify.intact_file(b, run_folder.read(b, "run-1"), "model.keras")
    for key in keys(a):
        a.store.delete(key)
    assert run_folder.run_ids(b) == []
    assert not run_folder.folder(b, "run-1").exists()


def test_new_run_that_listings_do_not_name_yet_is_found_by_its_id(machines, monkeypatch):
    a, b = machines
    publish(a, "run-1")
    monkeypatch.setattr(a.store, "list", lambda _: iter(()))
    assert run_folder.resolve(b, "run-1") == "run-1"
    with pytest.raises(RunExistsError):
        new_run.check_new(b, "run-1")


def test_verify_checks_what_the_store_has(machines):
    a, b = machines
    manifest = publish(a, "run-1")
    assert verify.verify(b)[0].damages == ()
    model = run_folder.stored_key("run-1", "model.keras", manifest.files["model.keras"])
    a.store.write(model, b"damaged")
    a.store.write("runs/run-1/notes.txt", b"unknown")
    found = {damage.path for damage in verify.verify(b, "run-1")[0].damages}
    assert found == {"runs/run-1/model.keras", "runs/run-1/notes.txt"}
    with pytest.raises(InputError, match=r"model\.keras is damaged"):
        verify.intact_file(b, run_folder.read(b, "run-1"), "model.keras")


def test_id_of_an_active_run_is_refused_on_another_machine(machines):
    a, b = machines
    with new_run.claim(a, "run-1"):
        assert new_run.is_claimed(b, "run-1")
        reason = f"active in memory://.*, reserved by {author()}"
        with pytest.raises(RunExistsError, match=reason), new_run.claim(b, "run-1"):
            pass
        with new_run.claim(b, "run-11"):
            new_run.check_claim(a, "run-1")
    with new_run.claim(b, "run-1"), pytest.raises(RunExistsError):
        new_run.check_claim(a, "run-1")


def test_pins_are_shared(machines):
    a, b = machines
    publish(a, "run-1")
    pins.pin(b, "run-1", "in the paper")
    assert pins.read(a, "run-1").reason == "in the paper"
    pins.unpin(a, "run-1")
    assert pins.pinned_ids(b) == frozenset()
    assert keys(a, "pins/") == []


def test_seed_noise_of_another_machine_counts(machines):
    a, b = machines
    manifest = publish(a, "run-1")
    spread = Spread(values=(0.5, 0.6), mean=0.55, deviation=0.1, half_width=0.1, difference=0.2)
    band = NoiseBand(
        **dict(seed_noise.setup_of_run(manifest)),
        code_sha256=None,
        seeds=(1, 2),
        run_ids=("run-1", "run-2"),
        accuracy=spread,
        loss=spread,
        created=manifest.created,
    )
    seed_noise.write(a, band)
    assert seed_noise.band_of(b, manifest) == band
    a.store.delete(band.key)
    assert seed_noise.band_of(b, manifest) is None


def test_leftovers_of_a_replica_are_no_runs(machines):
    a, _ = machines
    publish(a, "run-1")
    files.remove(run_folder.folder(a, "run-1") / "manifest.json")
    a.store.delete("runs/run-1/manifest.json")
    assert run_folder.run_ids(a) == []
    with new_run.claim(a, "run-1"):
        pass
