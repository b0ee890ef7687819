"""The pictures of a run: one function each, equal input gives equal bytes.

Figures are made without pyplot, so that drawing has no global state and needs no screen.
matplotlib is imported only when something is drawn.
"""

from sightline.reporting.figures.accuracy_history import HistoryPoint, draw_accuracy_history
from sightline.reporting.figures.calibration import draw_calibration
from sightline.reporting.figures.confusion import draw_confusion_matrix
from sightline.reporting.figures.curves import draw_both_curves, draw_curves
from sightline.reporting.figures.grid import (
    Images,
    draw_findings,
    draw_label_errors,
    draw_mistakes,
    draw_samples,
)
from sightline.reporting.figures.layers import draw_layers
from sightline.reporting.figures.robustness import draw_robustness
from sightline.reporting.figures.saliency import draw_saliency
from sightline.reporting.figures.thumbnail import write_thumbnail

__all__ = [
    "HistoryPoint",
    "Images",
    "draw_accuracy_history",
    "draw_both_curves",
    "draw_calibration",
    "draw_confusion_matrix",
    "draw_curves",
    "draw_findings",
    "draw_label_errors",
    "draw_layers",
    "draw_mistakes",
    "draw_robustness",
    "draw_saliency",
    "draw_samples",
    "write_thumbnail",
]
