from matplotlib.figure import Figure

from sightline.records import CoveragePoint
from sightline.reporting.figures import calibration


def test_axes_of_a_model_that_is_never_sure_show_shares_alone() -> None:
    axes = Figure().subplots()

    calibration._draw_coverage(axes, [CoveragePoint(threshold=0, coverage=1, accuracy=0.45)])

    high, low = axes.get_xlim()  # from all to nothing
    assert 0 <= low < 1 <= high < 1.05
    assert (low, high) == axes.get_ylim()
