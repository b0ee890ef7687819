import pytest

from command import check_refused, invoke
from examples import write_npz

RATE = "training.learning_rate=log(1e-4, 1e-1)"


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["--set", "training.epochs=3"], "nothing to search"),
        (["--set", "lr=log(1e-4, 1e-1)"], "'training.learning_rate'"),
        (["--set", RATE, "--set", "training.epoch=3"], "'epochs'"),
        (["--set", RATE, "--dataset", "./missing"], "missing"),
        (["--set", RATE, "--recipe", "photos", "--set", "model.weights=gone.keras"], "gone.keras"),
        (["--set", RATE, "--epochs", "3"], "--set training.epochs"),
        (["--set", RATE, "--output", "/proc/best.toml"], "/proc"),
    ],
)
def test_mistake_is_refused_before_any_training(arguments, expected):
    check_refused(invoke("tune", *arguments), expected)


def test_space_whose_samples_are_invalid_is_one_error_after_the_data_are_read(tmp_path):
    data = write_npz(tmp_path / "textures.npz")
    done = invoke(
        *("tune", "--dataset", str(data), "--recipe", "quickstart"),
        *("--set", "training.optimizer=choice(adam, sgd)"),
        *("--set", "training.momentum=uniform(0.1, 0.9)"),
    )
    check_refused(done, "search space allows", "training.momentum")
