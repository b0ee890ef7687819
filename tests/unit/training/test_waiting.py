import time

import pytest

from sightline.training.waiting import Waiting


class Clock:
    """Batches whose times are set by hand."""

    def __init__(self, **ready):
        self.ready = {int(name[1:]): at for name, at in ready.items()}


def test_waiting_is_the_time_from_a_step_to_a_later_batch(monkeypatch):
    waiting = Waiting(Clock(b0=0.5, b1=1.5, b2=1.9, b3=3.0))
    for batch, ended in enumerate((1.0, 2.0, 2.75, 3.5)):
        monkeypatch.setattr(time, "monotonic", lambda ended=ended: ended)
        waiting.on_train_batch_end(batch)
    waiting.on_epoch_end(0)
    assert waiting.seconds == pytest.approx(0.5 + 0 + 0.25)
    waiting.on_epoch_end(1)
    assert waiting.seconds == pytest.approx(0.75)
