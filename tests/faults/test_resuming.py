"""A resumed training ends with the bytes of an uninterrupted one, whatever happens meanwhile."""

import errno
import os
import signal
from collections.abc import Callable
from pathlib import Path

import keras
import pandas as pd
import pytest

from sightline.config import (
    Augmentation,
    Convolution,
    ModelConfig,
    PreprocessingConfig,
    TrainingConfig,
)
from sightline.data import preprocess
from sightline.errors import ConfigError, DivergenceError
from sightline.models import build, cnn
from sightline.records import ArraySet, DatasetFiles, ModelBlueprint, Run, TrainedModel
from sightline.storage.workspace import Workspace
from sightline.training import checkpoint_callback, state, train
from sightline.training.augmentation import augmentation
from sightline.training.ghost_batches import side_by_side
from sightline.training.history import History

PLAIN = ModelConfig(convolutions=(Convolution(filters=4), Convolution(filters=8)), dense_units=8)
RANDOM = PLAIN.model_copy(update={"dropout": 0.3})
NORMALIZED = PLAIN.model_copy(
    update={
        "convolutions": (Convolution(filters=4, batch_normalization=True), Convolution(filters=8)),
        "crop_borders": 0.9,
    }
)
FIT = TrainingConfig(epochs=3, batch_size=16, learning_rate=0.01, checkpoint_steps=3)
CHANGES = Augmentation(rotation=0.05, translation=0.1, zoom=0.1, shear=0.1, elastic=0.02)
WARPED = FIT.model_copy(update={"augmentation": CHANGES, "weight_decay": 0.01})
STEPS = 8
"""128 training images in batches of 16."""


class PowerCut(BaseException):
    """Stands in for a machine that stops."""


@pytest.fixture
def at_step(monkeypatch: pytest.MonkeyPatch) -> Callable[[int, Callable[[], object]], None]:
    """Do something once, after a number of steps of this process."""

    def arrange(step: int, action: Callable[[], object]) -> None:
        after_step = History.on_train_batch_end
        seen = []

        def step_done(self: History, batch: int, logs: dict[str, float] | None = None) -> None:
            after_step(self, batch, logs)
            seen.append(batch)
            if len(seen) == step:
                action()

        monkeypatch.setattr(History, "on_train_batch_end", step_done)

    return arrange


def cut_power() -> None:
    raise PowerCut


def checkpoints(run: Run) -> list[Path]:
    return sorted((run.workspace.root / "checkpoints").glob("*/*.npz"))


def fit(
    run: Run, arrays: ArraySet, network: ModelConfig, settings: TrainingConfig = FIT
) -> TrainedModel:
    blueprint: ModelBlueprint = build.build(run, arrays, network)
    return train.train(run, arrays, blueprint, settings)


def interrupt(
    run: Run, arrays: ArraySet, network: ModelConfig, settings: TrainingConfig = FIT
) -> None:
    with pytest.raises(PowerCut):
        fit(run, arrays, network, settings)


def elsewhere(run: Run, tmp_path: Path) -> Run:
    """The same run with an artifacts root that shares the finished stages alone."""
    other = tmp_path / "other"
    other.mkdir(exist_ok=True)
    for name in ("ingest", "preprocess"):
        target = other / "cache" / name
        target.parent.mkdir(exist_ok=True)
        target.symlink_to(run.workspace.root / "cache" / name)
    return run.model_copy(update={"workspace": Workspace(other)})


@pytest.mark.parametrize(
    ("network", "settings", "moment"),
    [
        *((PLAIN, FIT, moment) for moment in (1, STEPS, 3 * STEPS)),
        *((RANDOM, WARPED, moment) for moment in (STEPS - 1, STEPS + 4)),
        (NORMALIZED, FIT, STEPS + 4),
    ],
)
def test_interrupted_training_ends_with_the_same_bytes(
    run: Run,
    prepared: ArraySet,
    network: ModelConfig,
    settings: TrainingConfig,
    moment: int,
    tmp_path: Path,
    at_step: Callable[[int, Callable[[], object]], None],
) -> None:
    uninterrupted = fit(elsewhere(run, tmp_path), prepared, network, settings)
    assert not uninterrupted.resumed
    at_step(moment, cut_power)
    interrupt(run, prepared, network, settings)
    resumed = fit(run, prepared, network, settings)
    assert resumed.weights_sha256 == uninterrupted.weights_sha256
    assert resumed.optimizer_sha256 == uninterrupted.optimizer_sha256
    assert resumed.seeds_sha256 == uninterrupted.seeds_sha256
    assert resumed.model.sha256 == uninterrupted.model.sha256
    assert len(resumed.resumed) == (moment > 3)
    told = ["epoch", "loss", "accuracy", "val_loss", "val_accuracy"]
    histories = [
        pd.read_parquet(root / trained.history.path)[told]
        for root, trained in ((run.workspace.root, resumed), (tmp_path / "other", uninterrupted))
    ]
    pd.testing.assert_frame_equal(*histories, check_exact=True)
    assert not checkpoints(run), "a finished training needs none"


def test_interrupted_training_with_all_that_speeds_it_up_ends_with_the_same_bytes(
    run: Run,
    prepared: ArraySet,
    tmp_path: Path,
    at_step: Callable[[int, Callable[[], object]], None],
) -> None:
    settings = FIT.model_copy(
        update={
            "examples_per_epoch": 200,
            "precision": "bfloat16",
            "schedule": "one-cycle",
            "label_smoothing": 0.1,
            "ghost_batches": 3,
            "augmentation": CHANGES,
            "steps_per_execution": 2,
        }
    )
    single = settings.model_copy(update={"steps_per_execution": 1})
    uninterrupted = fit(elsewhere(run, tmp_path), prepared, NORMALIZED, single)
    assert uninterrupted.environment["precision"] == "bfloat16"
    at_step(11, cut_power)
    interrupt(run, prepared, NORMALIZED, settings)
    resumed = fit(run, prepared, NORMALIZED, settings)
    assert "epoch 2, step 6" in resumed.resumed[0]
    assert resumed.weights_sha256 == uninterrupted.weights_sha256
    assert resumed.optimizer_sha256 == uninterrupted.optimizer_sha256
    assert resumed.model.sha256 == uninterrupted.model.sha256


@pytest.mark.campaign
def test_random_changes_depend_on_the_seed_generators(run: Run, prepared: ArraySet) -> None:
    network = cnn.classifier((12, 12, 1), 4, RANDOM)
    network = side_by_side(network, 1, augmentation(CHANGES, seed=1))
    network.compile("adam", "categorical_crossentropy", metrics=["accuracy"])
    state.prepare(network)
    seeds = [name for name in state.capture(network) if name.startswith("seeds_")]
    assert len(seeds) == 2  # augmentation, dropout
    before = state.digest(network, "seeds")
    network(keras.ops.zeros((1, 12, 12, 1)), training=True)
    assert state.digest(network, "seeds") != before


def test_told_to_stop_it_writes_a_checkpoint_and_exits(
    run: Run,
    prepared: ArraySet,
    tmp_path: Path,
    at_step: Callable[[int, Callable[[], object]], None],
    caplog: pytest.LogCaptureFixture,
) -> None:
    rarely = FIT.model_copy(update={"checkpoint_steps": None, "checkpoint_seconds": 86_400})
    at_step(STEPS + 2, lambda: os.kill(os.getpid(), signal.SIGTERM))
    with pytest.raises(SystemExit) as stopped:
        fit(run, prepared, RANDOM, rarely)
    assert stopped.value.code == 143
    assert "stands at epoch 2, step 2" in caplog.text
    assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL
    resumed = fit(run, prepared, RANDOM, rarely)
    assert "Resumed from epoch 2, step 2" in resumed.resumed[0]
    uninterrupted = fit(elsewhere(run, tmp_path), prepared, RANDOM, rarely)
    assert resumed.weights_sha256 == uninterrupted.weights_sha256


@pytest.mark.campaign
def test_told_to_stop_at_the_end_of_an_epoch_it_validates_first(
    run: Run, prepared: ArraySet, at_step: Callable[[int, Callable[[], object]], None]
) -> None:
    at_step(STEPS, lambda: os.kill(os.getpid(), signal.SIGTERM))
    with pytest.raises(SystemExit):
        fit(run, prepared, PLAIN)
    resumed = fit(run, prepared, PLAIN)
    assert "Resumed from the end of epoch 1" in resumed.resumed[0]


@pytest.mark.campaign
def test_best_weights_survive_an_interruption(
    run: Run,
    prepared: ArraySet,
    tmp_path: Path,
    at_step: Callable[[int, Callable[[], object]], None],
) -> None:
    # Far too large a rate: the validation loss soon grows.
    best = FIT.model_copy(update={"keep_weights": "best", "learning_rate": 0.5, "epochs": 4})
    uninterrupted = fit(elsewhere(run, tmp_path), prepared, PLAIN, best)
    history = pd.read_parquet(tmp_path / "other" / uninterrupted.history.path)
    assert uninterrupted.best_epoch == history["val_loss"].idxmin() + 1
    last = fit(run, prepared, PLAIN, best.model_copy(update={"keep_weights": "last"}))
    assert (uninterrupted.weights_sha256 == last.weights_sha256) == (uninterrupted.best_epoch == 4)
    at_step(4 * STEPS - 1, cut_power)
    interrupt(run, prepared, PLAIN, best)
    resumed = fit(run, prepared, PLAIN, best)
    assert resumed.resumed
    assert (resumed.best_epoch, resumed.weights_sha256) == (
        uninterrupted.best_epoch,
        uninterrupted.weights_sha256,
    )


@pytest.mark.campaign
def test_best_weights_need_a_validation_split(run: Run, files: DatasetFiles) -> None:
    arrays = preprocess.preprocess(run, files, PreprocessingConfig())
    with pytest.raises(ConfigError, match=r"preprocessing\.validation_fraction"):
        fit(run, arrays, PLAIN, FIT.model_copy(update={"keep_weights": "best"}))


@pytest.mark.campaign
def test_refresh_starts_anew_but_goes_on_after_its_own_interruption(
    run: Run, prepared: ArraySet, at_step: Callable[[int, Callable[[], object]], None]
) -> None:
    at_step(STEPS, cut_power)
    interrupt(run, prepared, PLAIN)
    fresh = run.model_copy(update={"id": "fresh", "refresh": True})
    at_step(STEPS - 1, cut_power)
    interrupt(fresh, prepared, PLAIN)
    assert fit(fresh, prepared, PLAIN).resumed[0].startswith("Resumed from epoch 1, step 6")


@pytest.mark.campaign
def test_checkpoints_are_written_by_time_and_never_cost_much(
    run: Run, prepared: ArraySet, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = [0.0]

    class Clock:
        @staticmethod
        def monotonic() -> float:
            return clock[0]

    monkeypatch.setattr(checkpoint_callback, "time", Clock)
    write = state.capture
    monkeypatch.setattr(
        state, "capture", lambda *given: (clock.__setitem__(0, clock[0] + 1), write(*given))[1]
    )
    after_step = History.on_train_batch_end

    def step_done(self: History, batch: int, logs: dict[str, float] | None = None) -> None:
        after_step(self, batch, logs)
        clock[0] += 30

    monkeypatch.setattr(History, "on_train_batch_end", step_done)
    by_time = FIT.model_copy(update={"checkpoint_steps": None, "checkpoint_seconds": 10})
    trained = fit(run, prepared, PLAIN, by_time)
    # Each takes one second: no more than one in 50 seconds is affordable, two steps here.
    assert trained.checkpoints == 3 * STEPS // 2


@pytest.mark.campaign
def test_interval_and_stopping_are_no_part_of_the_result(run: Run, prepared: ArraySet) -> None:
    first = fit(run, prepared, PLAIN)
    assert fit(run, prepared, PLAIN, FIT.model_copy(update={"checkpoint_steps": 1})) == first


@pytest.mark.campaign
def test_changed_config_never_goes_on_from_a_foreign_checkpoint(
    run: Run, prepared: ArraySet, at_step: Callable[[int, Callable[[], object]], None]
) -> None:
    at_step(STEPS, cut_power)
    interrupt(run, prepared, PLAIN)
    foreign = checkpoints(run)
    assert len(foreign) == 2
    assert not fit(run, prepared, PLAIN, FIT.model_copy(update={"learning_rate": 0.02})).resumed
    assert not fit(run, prepared, RANDOM).resumed
    assert checkpoints(run) == foreign, "that training may still be finished"
    assert fit(run, prepared, PLAIN).resumed


@pytest.mark.campaign
def test_hidden_nan_is_caught_at_the_next_checkpoint(
    run: Run,
    prepared: ArraySet,
    at_step: Callable[[int, Callable[[], object]], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    fitted: list[keras.Model] = []
    prepare = state.prepare
    monkeypatch.setattr(
        state, "prepare", lambda network: (fitted.append(network), prepare(network))
    )

    def poison() -> None:
        if hasattr(fitted[0], "jax_state_sync"):
            fitted[0].jax_state_sync()
        bias = fitted[0].get_layer("convolution_1").bias
        bias.assign(bias * float("nan"))

    at_step(4, poison)
    with pytest.raises(
        DivergenceError, match=r"convolution_1.* no longer finite at epoch 1, step 6"
    ):
        fit(run, prepared, PLAIN)
    good = checkpoints(run)
    assert [path.name[:20] for path in good] == ["checkpoint-000000003"]


@pytest.mark.campaign
def test_absurd_learning_rate_is_caught_and_the_last_good_checkpoint_stays(
    run: Run, prepared: ArraySet
) -> None:
    absurd = FIT.model_copy(update={"learning_rate": 1e6, "checkpoint_steps": 1, "epochs": 40})
    with pytest.raises(DivergenceError, match=r"lower training\.learning_rate \(now 1e\+06\)"):
        fit(run, prepared, PLAIN, absurd)
    assert checkpoints(run)
    assert not list((run.workspace.root / "cache" / "train").glob("[0-9a-f]*"))


@pytest.mark.campaign
def test_full_disk_costs_the_checkpoint_and_never_the_training(
    run: Run,
    prepared: ArraySet,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    at_step: Callable[[int, Callable[[], object]], None],
    caplog: pytest.LogCaptureFixture,
) -> None:
    uninterrupted = fit(elsewhere(run, tmp_path), prepared, RANDOM)
    fsync = os.fsync

    def full(descriptor: int) -> None:
        if "checkpoint-" in os.readlink(f"/proc/self/fd/{descriptor}"):
            raise OSError(errno.ENOSPC, "No space left on device")
        fsync(descriptor)

    at_step(7, lambda: monkeypatch.setattr(os, "fsync", full))
    trained = fit(run, prepared, RANDOM)
    assert "No checkpoint could be written" in caplog.text
    assert "No space left on device" in caplog.text
    assert trained.checkpoints == 2
    assert trained.weights_sha256 == uninterrupted.weights_sha256
    monkeypatch.setattr(os, "fsync", fsync)
    at_step(7, lambda: monkeypatch.setattr(os, "fsync", full))
    at_step(12, cut_power)
    again = run.model_copy(update={"id": "again", "refresh": True})
    interrupt(again, prepared, RANDOM)
    (before, kept) = checkpoints(run)
    assert [before.name[11:20], kept.name[11:20]] == ["000000003", "000000006"]
    assert not list(kept.parent.glob(".*.tmp")), "no half file is left"
    assert fit(again, prepared, RANDOM).weights_sha256 == uninterrupted.weights_sha256


@pytest.mark.parametrize("damaged", [1, 2], ids=["newest", "all"])
def test_damaged_checkpoints_are_passed_over(
    run: Run,
    prepared: ArraySet,
    damaged: int,
    at_step: Callable[[int, Callable[[], object]], None],
    caplog: pytest.LogCaptureFixture,
) -> None:
    at_step(12, cut_power)
    interrupt(run, prepared, PLAIN)
    paths = checkpoints(run)
    for path in paths[-damaged:]:
        content = bytearray(path.read_bytes())
        content[len(content) // 2] ^= 1
        path.write_bytes(content)
    resumed = fit(run, prepared, PLAIN)
    assert caplog.text.count("Skipping the damaged checkpoint") == damaged
    assert ("it starts anew" in caplog.text) == (damaged == 2)
    assert ["epoch 1, step 6" in sentence for sentence in resumed.resumed] == [True] * (2 - damaged)
    fresh = run.model_copy(update={"id": "fresh", "refresh": True})
    assert fit(fresh, prepared, PLAIN).weights_sha256 == resumed.weights_sha256
