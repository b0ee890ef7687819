import json

from cli import sightline
from sightline.data import catalog


def test_list_has_names_and_in_wide_terminals_classes(monkeypatch):
    assert "Ankle boot" in sightline("datasets list").stdout
    monkeypatch.setenv("COLUMNS", "60")
    narrow = sightline("datasets list").stdout
    assert "│ fashion-mnist │" in narrow
    assert "Licence" not in narrow
    listed = json.loads(sightline("datasets list --json").stdout)
    assert [one["name"] for one in listed] == list(catalog.NAMED)
    assert "Ankle boot" in listed[1]["class_names"]
