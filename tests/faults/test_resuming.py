"""A resumed training ends with the bytes of an uninterrupted one, whatever interrupts it."""

import errno
import os
import shutil
import signal
from types import SimpleNamespace

import pytest

from depth import at_depth
from interrupted_training import FIT, Bench, PowerCut, cut_power
from sightline.config import Augmentation, CnnConfig, Convolution
from sightline.errors import DivergenceError
from sightline.pipeline.progress import Progress, listening
from sightline.storage.workspace import Workspace
from sightline.training import checkpoint_callback, state
from sightline.training.checkpoint_callback import CheckpointCallback

pytestmark = pytest.mark.slow

PLAIN = CnnConfig(convolutions=(Convolution(filters=4), Convolution(filters=8)), dense_units=8)
RANDOM = PLAIN.model_copy(update={"dropout": 0.3})
NORMALIZED = CnnConfig(
    convolutions=(Convolution(filters=4, batch_normalization=True), Convolution(filters=8)),
    dense_units=8,
    crop_borders=0.9,
)
DISTORTIONS = Augmentation(rotation=0.05, translation=0.1, zoom=0.1, shear=0.1, elastic=0.02)
OTHERS = {
    "crop": 0.5,
    "padding": 2,
    "flip": "both",
    "brightness": 0.1,
    "contrast": 0.2,
    "rand_augment": 0.5,
    "erasing": 0.5,
    "mixup": 0.3,
    "cutmix": 1.0,
}
MIXED = DISTORTIONS.model_copy(update={"flip": "both", "mixup": 0.3, "cutmix": 1.0})
AUGMENTED = FIT.model_copy(update={"augmentation": DISTORTIONS, "weight_decay": 0.01})
AVERAGED = FIT.model_copy(
    update={"optimizer": "sgd", "momentum": 0.9, "ema": 0.9, "precision": "float16"}
)
MANY_A_CALL = FIT.model_copy(update={"steps_per_execution": 25})  # More than an epoch has
FIVE_A_CALL = FIT.model_copy(update={"steps_per_execution": 5})
LONG = [pytest.mark.campaign, pytest.mark.long]
STEPS = 8  # Steps an epoch: 128 training images in batches of 16


@pytest.fixture
def bench(run, prepared, monkeypatch):
    return Bench(run, prepared, monkeypatch)


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    """An artifacts root for uninterrupted trainings, equal ones of which are made once."""
    return tmp_path_factory.mktemp("undisturbed")


@pytest.fixture
def other(bench, undisturbed):
    """A bench for uninterrupted trainings on the same arrays."""
    cache = undisturbed / "cache"
    for name in ("ingest", "preprocess"):
        shutil.copytree(bench.run.workspace.root / "cache" / name, cache / name, dirs_exist_ok=True)
    run = bench.run.model_copy(update={"workspace": Workspace(undisturbed)})
    return Bench(run, bench.arrays, bench.monkeypatch)


def check_equal(resumed, uninterrupted):
    assert resumed.weights_sha256 == uninterrupted.weights_sha256
    assert resumed.optimizer_sha256 == uninterrupted.optimizer_sha256
    assert resumed.seeds_sha256 == uninterrupted.seeds_sha256
    assert resumed.model.sha256 == uninterrupted.model.sha256


@pytest.mark.parametrize(
    ("network", "settings", "step"),
    [
        (PLAIN, FIT, STEPS),
        (PLAIN, AVERAGED, STEPS - 1),
        (PLAIN, MANY_A_CALL, 2),
        pytest.param(PLAIN, FIVE_A_CALL, 3, marks=pytest.mark.campaign),
        pytest.param(PLAIN, FIT, 1, marks=pytest.mark.campaign),
        pytest.param(PLAIN, FIT, 3 * STEPS, marks=LONG),
        pytest.param(RANDOM, AUGMENTED, STEPS - 1, marks=pytest.mark.campaign),
        pytest.param(RANDOM, AUGMENTED, STEPS + 4, marks=LONG),
        pytest.param(NORMALIZED, FIT, STEPS + 4, marks=pytest.mark.campaign),
    ],
)
def test_interrupted_training_ends_with_the_same_bytes(bench, other, network, settings, step):
    uninterrupted = other.fit(network, settings)
    assert not uninterrupted.resumed
    bench.interrupt(step, network, settings)
    resumed = bench.fit(network, settings)
    check_equal(resumed, uninterrupted)
    done = step * min(settings.steps_per_execution, STEPS)  # `step` counts calls
    assert len(resumed.resumed) == (done > settings.checkpoint_steps)
    assert bench.history(resumed).equals(other.history(uninterrupted))
    assert resumed.steps.sha256 == uninterrupted.steps.sha256
    assert not bench.checkpoints(), "a finished training needs none"


@pytest.mark.campaign
def test_interrupted_training_with_everything_that_speeds_it_up_ends_with_the_same_bytes(
    bench, other
):
    settings = FIT.model_copy(
        update={
            "epochs": 2,
            "examples_per_epoch": 200,
            "precision": "bfloat16",
            "schedule": "one-cycle",
            "label_smoothing": 0.1,
            "ghost_batches": 3,
            "augmentation": MIXED,
            "steps_per_execution": 2,
        }
    )
    single = settings.model_copy(update={"steps_per_execution": 1})
    uninterrupted = other.fit(NORMALIZED, single)
    assert uninterrupted.environment["precision"] == "bfloat16"
    bench.interrupt(11, NORMALIZED, settings)
    resumed = bench.fit(NORMALIZED, settings)
    assert "epoch 2, step 6" in resumed.resumed[0]
    check_equal(resumed, uninterrupted)


@pytest.mark.campaign
@pytest.mark.parametrize("option", at_depth(["rand_augment", "erasing"], [*OTHERS]))
def test_interrupted_training_with_each_augmentation_ends_with_the_same_bytes(bench, other, option):
    changes = Augmentation.model_validate({option: OTHERS[option]})
    settings = FIT.model_copy(update={"augmentation": changes, "class_weight": "balanced"})
    bench.interrupt(STEPS + 4, PLAIN, settings)
    resumed = bench.fit(PLAIN, settings)
    assert resumed.resumed
    check_equal(resumed, other.fit(PLAIN, settings))


@pytest.mark.parametrize(
    ("step", "place"),
    [
        (STEPS + 2, "epoch 2, step 2"),
        pytest.param(STEPS, "the end of epoch 1", marks=pytest.mark.campaign),  # validates first
    ],
)
def test_terminated_training_writes_a_checkpoint_and_exits(bench, other, caplog, step, place):
    rarely = FIT.model_copy(update={"checkpoint_steps": None, "checkpoint_seconds": 86_400})
    bench.at_step(step, lambda: os.kill(os.getpid(), signal.SIGTERM))
    with pytest.raises(SystemExit, match="143"):
        bench.fit(RANDOM, rarely)
    assert place in caplog.text
    assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL
    resumed = bench.fit(RANDOM, rarely)
    assert place in resumed.resumed[0]
    check_equal(resumed, other.fit(RANDOM, rarely))


@pytest.mark.campaign
def test_best_weights_survive_an_interruption(bench, other):
    # Far too large a rate: the validation loss soon grows.
    best = FIT.model_copy(update={"keep_weights": "best", "learning_rate": 0.5, "epochs": 4})
    uninterrupted = other.fit(PLAIN, best)
    assert uninterrupted.best_epoch == other.history(uninterrupted)["val_loss"].argmin() + 1
    last = bench.fit(PLAIN, best.model_copy(update={"keep_weights": "last"}))
    is_last = uninterrupted.best_epoch == 4
    assert (uninterrupted.weights_sha256 == last.weights_sha256) == is_last
    bench.interrupt(4 * STEPS - 1, PLAIN, best)
    resumed = bench.fit(PLAIN, best)
    assert resumed.resumed
    assert resumed.best_epoch == uninterrupted.best_epoch
    check_equal(resumed, uninterrupted)


def test_early_stopping_survives_interruptions(bench, other):
    # Far too large a rate: the validation loss soon grows.
    changes = {"learning_rate": 0.5, "epochs": 9, "early_stopping": 2, "checkpoint_steps": 1}
    stopping = FIT.model_copy(update=changes)
    seen: list[Progress] = []
    with listening(seen.append):
        uninterrupted = other.fit(PLAIN, stopping)
    best = int(other.history(uninterrupted)["val_loss"].argmin()) + 1
    assert uninterrupted.epochs == seen[-1].epoch == seen[-1].epochs == best + 2 < 9
    assert f"after epoch {best + 2}: " in uninterrupted.stopped
    bench.interrupt((best + 1) * STEPS + 4, PLAIN, stopping)
    with bench.monkeypatch.context() as patch:
        patch.setattr(CheckpointCallback, "finish", cut_power)
        with pytest.raises(PowerCut):
            bench.fit(PLAIN, stopping)
    resumed = bench.fit(PLAIN, stopping)
    assert f"the end of epoch {best + 2}" in resumed.resumed[1]
    assert resumed.stopped == uninterrupted.stopped
    check_equal(resumed, uninterrupted)
    assert bench.history(resumed).equals(other.history(uninterrupted))


@pytest.mark.campaign
def test_refresh_starts_over_but_resumes_after_its_own_interruption(bench):
    bench.interrupt(STEPS, PLAIN)
    fresh = bench.refreshing()
    fresh.interrupt(STEPS - 1, PLAIN)
    assert "epoch 1, step 6" in fresh.fit(PLAIN).resumed[0]


@pytest.mark.campaign
def test_checkpoints_by_time_take_a_bounded_share_of_it(bench, monkeypatch):
    clock = [0.0]

    def slow_capture(*given):
        clock[0] += 1
        return capture(*given)

    def step_done(_):
        clock[0] += 30

    capture = state.capture
    monkeypatch.setattr(checkpoint_callback, "time", SimpleNamespace(monotonic=lambda: clock[0]))
    monkeypatch.setattr(state, "capture", slow_capture)
    bench.after_each_step(step_done)
    by_time = FIT.model_copy(update={"checkpoint_steps": None, "checkpoint_seconds": 10})
    # Each takes one second: no more than one in 50 seconds is affordable, two steps here.
    trained = bench.fit(PLAIN, by_time)
    assert trained.checkpoints == 3 * STEPS // 2
    assert bench.fit(PLAIN) == trained, "the interval of checkpoints does not change the result"


@pytest.mark.campaign
def test_changed_config_never_resumes_from_the_checkpoint_of_another(bench):
    bench.interrupt(STEPS, PLAIN)
    existing = bench.checkpoints()
    assert len(existing) == 2
    assert not bench.fit(PLAIN, FIT.model_copy(update={"learning_rate": 0.02})).resumed
    assert not bench.fit(RANDOM).resumed
    assert bench.checkpoints() == existing, "that training may still be finished"
    assert bench.fit(PLAIN).resumed


@pytest.mark.campaign
def test_hidden_nan_is_caught_at_the_next_checkpoint(bench, monkeypatch):
    prepare = state.prepare

    def poison(network):
        if hasattr(network, "jax_state_sync"):
            network.jax_state_sync()
        bias = network.get_layer("convolution_1").bias
        bias.assign(bias * float("nan"))

    def prepare_poison(network):
        prepare(network)
        bench.at_step(4, lambda: poison(network))

    monkeypatch.setattr(state, "prepare", prepare_poison)
    with pytest.raises(DivergenceError, match=r"convolution_1.* epoch 1, step 6"):
        bench.fit(PLAIN)
    good = bench.checkpoints()
    assert [path.name[:20] for path in good] == ["checkpoint-000000003"]


@pytest.mark.campaign
def test_full_disk_costs_the_checkpoint_and_never_the_training(bench, other, monkeypatch, caplog):
    uninterrupted = other.fit(RANDOM)
    fsync = os.fsync

    def full(descriptor):
        if "checkpoint-" in os.readlink(f"/proc/self/fd/{descriptor}"):
            raise OSError(errno.ENOSPC, "No space left on device")
        fsync(descriptor)

    bench.at_step(7, lambda: monkeypatch.setattr(os, "fsync", full))
    trained = bench.fit(RANDOM)
    assert "No space left on device" in caplog.text
    assert trained.checkpoints == 2
    check_equal(trained, uninterrupted)
    monkeypatch.setattr(os, "fsync", fsync)
    fresh = bench.refreshing()
    fresh.at_step(7, lambda: monkeypatch.setattr(os, "fsync", full))
    fresh.interrupt(12, RANDOM)
    (before, kept) = fresh.checkpoints()
    assert [before.name[11:20], kept.name[11:20]] == ["000000003", "000000006"]
    assert not list(kept.parent.glob(".*.tmp")), "no partial file is left"
    check_equal(fresh.fit(RANDOM), uninterrupted)


@pytest.mark.parametrize(
    "damaged", [pytest.param(1, id="newest"), pytest.param(2, id="all", marks=pytest.mark.campaign)]
)
def test_damaged_checkpoints_are_skipped(bench, damaged, caplog):
    bench.interrupt(12, PLAIN)
    for path in bench.checkpoints()[-damaged:]:
        content = bytearray(path.read_bytes())
        content[len(content) // 2] ^= 1
        path.write_bytes(content)
    resumed = bench.fit(PLAIN)
    assert caplog.text.count("damaged checkpoint") == damaged
    assert ["epoch 1, step 6" in sentence for sentence in resumed.resumed] == [True] * (2 - damaged)
    check_equal(bench.refreshing().fit(PLAIN), resumed)
