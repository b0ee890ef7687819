from matplotlib.figure import Figure

from sightline.records import Calibration, CoveragePoint, ReliabilityBin
from sightline.reporting.figures import calibration


def test_correct_and_wrong_predictions_are_counted_by_confidence():
    bins = (
        ReliabilityBin(low=0, high=0.25, images=0, confidence=None, accuracy=None),
        ReliabilityBin(low=0.25, high=0.5, images=3, confidence=0.4, accuracy=2 / 3),
        ReliabilityBin(low=0.5, high=1, images=1000, confidence=0.9, accuracy=0.999),
    )
    axes = Figure().subplots()
    calibration._draw_confidence(axes, Calibration(bins=bins, error=0.1))
    correct, wrong = (patch.get_data() for patch in axes.patches)
    assert correct.values.tolist() == [0, 2, 999]
    assert wrong.values.tolist() == [0, 1, 1]
    assert correct.edges.tolist() == [0, 0.25, 0.5, 1]
    assert [text.get_text() for text in axes.get_legend().get_texts()] == [
        "correct (1,001)",
        "wrong (2)",
    ]
    low, high = axes.get_ylim()
    assert low < 1
    assert high > 999


def test_coverage_of_a_model_that_answers_everything_stays_within_100_percent():
    answered = CoveragePoint(threshold=0, coverage=1, accuracy=0.9)
    axes = Figure().subplots()
    calibration._draw_coverage(axes, [answered])
    high, low = axes.get_xlim()
    assert 0 <= low < 1 <= high < 1.05
    assert (low, high) == axes.get_ylim()
