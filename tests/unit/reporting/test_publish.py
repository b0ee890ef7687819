from contextlib import ExitStack

import pytest

from machines import keys
from sightline.errors import RunExistsError
from sightline.experiments import new_run, run_folder, verify
from sightline.records import Run, Source
from sightline.reporting import publish
from sightline.storage import claims
from sightline.storage.workspace import Workspace


@pytest.fixture
def shared(run, manifest):
    """A run on object storage, and the workspace of another machine."""
    url = f"memory://{run.workspace.root.parent.name}"
    mine = run.model_copy(update={"workspace": Workspace(run.workspace.root, url)})
    return mine, Workspace(run.workspace.root.parent / "other", url)


def publish_run(run: Run, manifest):
    source = Source(kind="named", path="mnist", dataset="mnist", sha256="c" * 64)
    return publish.publish(run, manifest.config, source, manifest.records, {})


def test_published_run_is_complete_on_another_machine(shared, manifest, monkeypatch):
    run, other = shared
    order = []
    store = run.workspace.store
    create = store.create
    monkeypatch.setattr(
        store, "create", lambda key, content: order.append(keys(other)) or create(key, content)
    )
    publish_run(run, manifest)
    (uploaded,) = order
    published = run_folder.read(other, run.id)
    stored = {run_folder.stored_key(run.id, *file) for file in published.files.items()}
    assert stored == set(uploaded)
    assert verify.verify(other)[0].damages == ()
    with pytest.raises(RunExistsError):
        publish_run(run, manifest)


def test_id_that_another_machine_took_over_is_not_published_again(shared, manifest, monkeypatch):
    run, other = shared
    monkeypatch.setattr(new_run, "check_new", lambda *_: None)
    with new_run.claim(other, run.id), pytest.raises(RunExistsError):
        publish_run(run, manifest)


def test_machine_that_publishes_too_late_changes_nothing(shared, manifest, monkeypatch):
    run, other = shared
    publish_run(run, manifest)
    before = other.store.read(f"runs/{run.id}/manifest.json")
    for check in ("check_new", "check_claim"):  # it was suspended after them
        monkeypatch.setattr(new_run, check, lambda *_: None)
    config = manifest.config.model_copy(update={"recipe": "another"})
    with pytest.raises(RunExistsError):
        publish_run(run, manifest.model_copy(update={"config": config}))
    assert other.store.read(f"runs/{run.id}/manifest.json") == before
    assert verify.verify(other)[0].damages == ()


def test_run_that_a_clean_up_is_removing_is_not_published(shared, manifest, monkeypatch):
    run, other = shared
    with ExitStack() as cleaning:
        names = iter([f"run/{run.id}", "another"])

        def overtaken(*_, **__):
            cleaning.enter_context(claims.held(other.store, other.root, next(names)))

        monkeypatch.setattr(publish.transfer, "push", overtaken)
        with pytest.raises(RunExistsError):
            publish_run(run, manifest)


def test_run_of_which_a_clean_up_removed_files_meanwhile_is_published_complete(
    shared, manifest, monkeypatch
):
    run, other = shared
    push, cleaned = publish.transfer.push, []

    def overtaken(store, files, **options):
        push(store, files, **options)
        if not cleaned:
            cleaned.extend(sorted(files)[:2])
            store.delete(*cleaned)

    monkeypatch.setattr(publish.transfer, "push", overtaken)
    publish_run(run, manifest)
    assert len(cleaned) == 2
    assert verify.verify(other)[0].damages == ()
