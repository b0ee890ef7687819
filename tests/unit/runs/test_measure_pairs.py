import math

import numpy as np
import pytest

from sightline.evaluation.predictions import Predictions
from sightline.records import Evaluation
from sightline.runs import measure_pairs


def test_interval_of_the_loss_counts_hopeless_images_as_the_loss_does(
    evaluation: Evaluation,
) -> None:
    zeros, ones = np.zeros(2, dtype=np.int64), np.ones(2, dtype=np.int64)
    probabilities = np.array([0, 1], dtype=np.float32)
    hopeless = Predictions(np.arange(2), zeros, ones, probabilities[::-1], probabilities, ones)
    lost = -math.log(1e-7)  # by Keras' measure; the logarithm of 0 would be endless
    half = 1.959964 * (lost / math.sqrt(2)) / math.sqrt(2)

    _, loss, *_ = measure_pairs.measures(evaluation, evaluation, (hopeless, None))

    assert loss.a_interval == (0, pytest.approx(evaluation.loss + half, abs=1e-6))
    assert loss.b_interval is None
