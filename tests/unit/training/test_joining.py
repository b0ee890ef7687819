from pathlib import Path
from types import SimpleNamespace

import pytest

import made_runs
from sightline.errors import ConfigError
from sightline.pipeline.cache import find_or_make
from sightline.training import joining, train
from sightline.training.checkpoints import Checkpoint, Position
from sightline.training.nodes import Nodes

FOUND = Checkpoint(Position(epoch=3, made_by="node 0", environment={}), {})


@pytest.fixture
def second_node(monkeypatch):
    """Return a function that chooses the bytes that node 0 gives."""
    monkeypatch.setattr(joining, "nodes", lambda: Nodes(2, 1, "localhost:1"))
    return lambda content: monkeypatch.setattr(joining, "_broadcast", lambda own: content)


def test_node_with_another_training_is_refused(second_node):
    second_node(b"key of node 0")
    joining._check_same("key of node 0")
    with pytest.raises(ConfigError, match=r"other data, settings, code .* the same command"):
        joining._check_same("another key")


def test_nodes_resume_from_the_checkpoint_of_node_0(second_node):
    def refuse():
        raise AssertionError("node 1 must not look for checkpoints")

    second_node(joining.checkpoints.encode(FOUND))
    assert joining.from_leader(refuse).position == FOUND.position
    second_node(b"")
    assert joining.from_leader(refuse) is None


def test_node_meets_nobody_if_its_run_has_the_model_already(run):
    """It was killed after the training; the others do not train again, even without the cache."""

    def make(draft):
        draft.path("model.keras").write_text("model")
        file = draft.record("model.keras")
        return made_runs.trained(model=file, history=file)

    key = "a" * 40
    made = find_or_make(run, train.TRAIN, key, make)
    again = run.model_copy(update={"refresh": True})
    assert train._follow(again, None, None, None, SimpleNamespace(folder=Path(key))) == made
