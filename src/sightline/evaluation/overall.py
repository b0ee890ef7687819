"""The measures of the whole test split by their names, with their 95 % intervals."""

from sightline.records import Interval, Metrics

Figure = tuple[float | None, Interval | None]
"""A measure and its interval; None if it was not measured, or is unknown."""


def overall(evaluation: Metrics) -> dict[str, Figure]:
    """Return the measures; `is_share` tells which of them are shares of images."""
    calibration, curves = evaluation.calibration, evaluation.threshold_curves
    values = {
        "accuracy": evaluation.accuracy,
        "balanced accuracy": evaluation.balanced_accuracy,
        "macro F1": evaluation.macro_f1,
        "Matthews correlation": evaluation.matthews,
        "Cohen's kappa": evaluation.kappa,
        "macro ROC AUC": curves.roc_auc if curves else None,
        "macro average precision": curves.average_precision if curves else None,
        **{f"top-{k} accuracy": share for k, share in sorted(evaluation.top_k.items())},
        "loss": evaluation.loss,
        "calibration error": calibration.error if calibration else None,
    }
    known = {"accuracy": evaluation.accuracy_interval, **evaluation.intervals}
    return {name: (value, known.get(name)) for name, value in values.items()}


def is_share(name: str) -> bool:
    """Return whether a measure is a share of images, to be written in percent."""
    return "accuracy" in name or name == "calibration error"
