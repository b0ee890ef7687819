import pytest

from machines import two
from searching import BASE, play, setup
from sightline.errors import ConfigError, InputError
from sightline.experiments.search import recipe
from sightline.experiments.search import study as studies
from sightline.reporting import search_page
from sightline.storage.author import author
from sightline.storage.workspace import Workspace

QUALITY = (0.5, 0.9, 0.2, 0.95, 0.1, 0.6)


def run_trials(workspace, asked, first, last):
    with studies.opened(workspace, "demo", asked) as study:
        for number in range(first, last):
            trial = study.draw()
            assert trial.number == number
            play(study, trial, QUALITY[number])
        return study.trials()


def test_interrupted_study_goes_on_as_if_it_had_not_been(asked, tmp_path):
    whole = run_trials(Workspace(tmp_path / "whole"), asked, 0, 6)
    run_trials(Workspace(tmp_path / "parts"), asked, 0, 4)
    assert run_trials(Workspace(tmp_path / "parts"), asked, 4, 6) == whole
    assert len({one.values["training.learning_rate"] for one in whole}) == 6


def test_running_trial_and_torn_line_survive_a_kill(asked, tmp_path):
    workspace = Workspace(tmp_path)
    with studies.opened(workspace, "demo", asked) as study:
        running = study.draw()
        study.report(running.number, 1, {"val_accuracy": 0.25})
        path = study.path
    with path.open("ab") as file:
        file.write(b'{"op_code": 6, "worker_id": "to')
    with studies.opened(workspace, "demo", asked) as study:
        (found,) = study.trials()
        assert (found.values, found.epochs, found.state) == (running.values, (0.25,), "running")
        play(study, found, 0.75)
    with studies.opened(workspace, "demo", asked) as study:
        assert [one.state for one in study.trials()] == ["complete"]


def test_best_trial_follows_the_metric_and_costs_are_kept(asked, tmp_path):
    trials = run_trials(Workspace(tmp_path), asked, 0, 4)
    with studies.opened(Workspace(tmp_path), "demo", asked) as study:
        best = study.best()
    assert (best.number, best.metric, best.last_epoch) == (3, 0.95, 9)
    assert (best.seconds, best.cpu_seconds) == (2.5, 4.0)
    assert trials[2].state == "pruned"
    assert trials[2].last_epoch < 9


def test_trial_that_passed_a_third_of_the_epochs_trains_to_the_end(asked, tmp_path):
    asked = asked.model_copy(update={"epochs": 10})
    with studies.opened(Workspace(tmp_path), "demo", asked) as study:
        for accuracy in (0.1, 0.2, 0.3):
            play(study, study.draw(), accuracy, epochs=10)
        number = study.draw().number
        curve = [0.9] * 3 + [0.01] * 7
        goes_on = [
            study.report(number, epoch, {"val_accuracy": value})
            for epoch, value in enumerate(curve, start=1)
        ]
    assert all(goes_on)


def test_lowest_loss_is_best(tmp_path):
    asked = setup("training.learning_rate=uniform(0.1, 0.2)", metric="val_loss")
    with studies.opened(Workspace(tmp_path), "demo", asked) as study:
        for loss in (0.5, 0.3, 0.4):
            study.end(study.draw().number, "complete", loss)
        assert study.best().number == 1


def test_trial_without_a_finite_result_has_diverged(asked, tmp_path):
    with studies.opened(Workspace(tmp_path), "demo", asked) as study:
        study.end(study.draw().number, "complete", float("nan"))
        study.end(study.draw().number, "failed", message="no memory")
        assert [(one.state, one.message) for one in study.trials()] == [
            ("diverged", ""),
            ("failed", "no memory"),
        ]
        assert study.best() is None
        assert study.importances() == {}


def test_importances_are_shares_of_the_keys(asked, tmp_path):
    with studies.opened(Workspace(tmp_path), "demo", asked) as study:
        for _ in range(8):
            trial = study.draw()
            study.end(trial.number, "complete", float(trial.values["training.learning_rate"]))
        shares = study.importances()
    assert list(shares) == ["training.learning_rate", "training.batch_size"]
    assert sum(shares.values()) == pytest.approx(1)


def test_study_with_another_setup_or_in_use_is_refused(asked, tmp_path):
    workspace = Workspace(tmp_path)
    with (
        studies.opened(workspace, "demo", asked),
        pytest.raises(InputError, match="'demo' is active"),
        studies.opened(workspace, "demo", asked),
    ):
        pass
    other = asked.model_copy(update={"seed": 5, "metric": "val_loss"})
    with (
        pytest.raises(ConfigError, match=r"another metric and another seed.*--name"),
        studies.opened(workspace, "demo", other),
    ):
        pass
    with (
        pytest.raises(ConfigError, match="--name"),
        studies.opened(workspace, "../up", asked),
    ):
        pass


def test_damaged_journal_is_named(asked, tmp_path):
    run_trials(Workspace(tmp_path), asked, 0, 1)
    path = studies.folder(Workspace(tmp_path), "demo") / "study.journal"
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join([*lines[:2], b"damaged\n", *lines[2:]]))
    with (
        pytest.raises(InputError, match=r"study\.journal .*--name"),
        studies.opened(Workspace(tmp_path), "demo", asked),
    ):
        pass


def test_machines_go_on_with_a_search_in_turn(asked, tmp_path):
    whole = run_trials(Workspace(tmp_path / "whole"), asked, 0, 6)
    a, b = two(tmp_path, f"memory://{tmp_path.name}")
    run_trials(a, asked, 0, 2)
    run_trials(b, asked, 2, 4)
    assert run_trials(a, asked, 4, 6) == whole
    with studies.opened(b, "demo", asked) as study:
        assert study.trials() == whole


def test_recipe_and_page_of_a_search_reach_the_store(asked, tmp_path):
    a, _ = two(tmp_path, f"memory://{tmp_path.name}")
    run_trials(a, asked, 0, 1)
    with studies.opened(a, "demo", asked) as study:
        files = recipe.write(a, study, BASE, study.best()), search_page.write(a, study)
    for path in files:
        assert a.store.read(f"tune/demo/{path.name}") == path.read_bytes()


def test_what_was_not_copied_to_the_store_before_a_kill_is_kept(asked, tmp_path):
    a, _ = two(tmp_path, f"memory://{tmp_path.name}")
    with studies.opened(a, "demo", asked) as study:
        study.report(study.draw().number, 1, {"val_accuracy": 0.25})
    with studies.opened(a, "demo", asked) as study:
        assert [one.epochs for one in study.trials()] == [(0.25,)]


def test_search_of_another_machine_is_refused_or_ends_if_it_was_taken_over(asked, tmp_path):
    a, b = two(tmp_path, f"memory://{tmp_path.name}")
    with studies.opened(a, "demo", asked) as study:
        with (
            pytest.raises(InputError, match=f"'demo' is active .*{author()}.*--name"),
            studies.opened(b, "demo", asked),
        ):
            pass
        a.store.delete("claims/search/demo")  # as after two minutes without a renewal
        with (
            studies.opened(b, "demo", asked),
            pytest.raises(InputError, match="Another machine continues the search 'demo'"),
        ):
            study.draw()
