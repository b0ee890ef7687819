from typing import Any

from sightline.config import DataGateConfig
from sightline.tasks import data_gate as module
from sightline.tasks.data_gate import check_data


def test_warnings_of_the_data_gate_are_logged_and_all_checks_shown(run, files, caplog, monkeypatch):
    shown: list[dict[str, Any]] = []
    monkeypatch.setattr(module, "show_table", lambda rows, **_: shown.extend(rows))
    counts = {"train": (9, 1, 1, 1), "test": (1, 1, 1, 1)}
    settings = DataGateConfig.model_validate({"imbalance": {"limit": 0.5}})
    verdict = check_data.fn(run, files.model_copy(update={"counts": counts}), settings)
    assert [check.name for check in verdict.checks if check.outcome == "warned"] == ["imbalance"]
    (message,) = caplog.messages
    assert all(fact in message for fact in ("imbalance", "“0”", "9", "“1”", "88.9%"))
    assert [row["name"] for row in shown] == list(DataGateConfig.model_fields)
