from types import SimpleNamespace

import pytest

from sightline.errors import DataError, KerasProcessError
from sightline.flows.trials import parallel
from sightline.flows.trials.parallel import run_side_by_side
from sightline.flows.trials.trial import Epoch, TrialResult

DONE = TrialResult(seconds=1, cpu_seconds=1)


class Attempt:
    """Ends after three looks as its script says."""

    def __init__(self, runner, end):
        self.runner, self.end, self.looks = runner, end, 0
        self.cancelled = False

    def epochs(self):
        self.looks += 1
        return [Epoch(epoch=self.looks, metrics={})]

    def result(self):
        if self.looks < 3:
            return None
        self.runner.active -= 1
        if isinstance(self.end, Exception):
            raise self.end
        return self.end

    def cancel(self):
        self.cancelled = True


class Runner:
    def __init__(self, **ends):
        self.ends = {name: list(one) for name, one in ends.items()}
        self.attempts, self.active, self.most = [], 0, 0

    def start(self, trial):
        self.active += 1
        self.most = max(self.most, self.active)
        self.attempts.append(Attempt(self, self.ends[trial.name].pop(0)))
        return self.attempts[-1]


class Follower:
    def __init__(self, unwanted=()):
        self.unwanted, self.events = unwanted, []

    def started(self, trial):
        self.events.append(("started", trial.name))

    def wants_more(self, trial, epoch):
        return trial.name not in self.unwanted

    def ended(self, trial, result):
        self.events.append((trial.name, result))
        if isinstance(result, DataError):
            raise result


@pytest.fixture(autouse=True)
def quickly(monkeypatch):
    monkeypatch.setattr(parallel, "_POLL_SECONDS", 0)


def run(runner, follower, parallel=2):
    trials = (
        SimpleNamespace(name=name, run=SimpleNamespace(id=name)) for name in list(runner.ends)
    )
    run_side_by_side(runner, trials, parallel, follower)
    return dict(event for event in follower.events if event[0] != "started")


def test_trials_run_side_by_side_and_the_next_is_drawn_when_there_is_room():
    runner = Runner(a=[DONE], b=[DONE], c=[DONE], d=[DONE], e=[DONE])
    follower = Follower()
    assert run(runner, follower) == dict.fromkeys("abcde", DONE)
    assert runner.most == 2
    order = [event for event in follower.events if event in {("started", "c"), ("a", DONE)}]
    assert order == [("a", DONE), ("started", "c")]


def test_lost_process_is_started_again_but_not_for_ever():
    lost = KerasProcessError("died")
    runner = Runner(a=[lost, DONE], b=[lost, lost, lost])
    assert run(runner, Follower()) == {"a": DONE, "b": lost}
    assert len(runner.attempts) == 5


def test_unwanted_trial_is_cancelled_and_the_others_go_on():
    runner = Runner(a=[DONE], b=[DONE])
    assert run(runner, Follower(unwanted="a"), parallel=1) == {"a": None, "b": DONE}
    assert [one.cancelled for one in runner.attempts] == [True, False]


def test_error_that_the_follower_raises_cancels_the_others():
    runner = Runner(a=[DataError("no data")], b=[DONE])
    with pytest.raises(DataError):
        run(runner, Follower())
    assert [one.cancelled for one in runner.attempts] == [False, True]
