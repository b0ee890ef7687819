from pathlib import Path

import pytest

from sightline.errors import ConfigError
from sightline.flows import worker


@pytest.mark.parametrize("value", [None, "", "artifacts", "./artifacts"])
def test_artifacts_root_must_be_absolute(
    monkeypatch: pytest.MonkeyPatch, value: str | None
) -> None:
    if value is None:
        monkeypatch.delenv("SIGHTLINE_ARTIFACTS", raising=False)
    else:
        monkeypatch.setenv("SIGHTLINE_ARTIFACTS", value)
    with pytest.raises(ConfigError, match=r"SIGHTLINE_ARTIFACTS is .* expected the absolute path"):
        worker.run("a-run")


def test_folders_come_from_the_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("SIGHTLINE_ARTIFACTS", str(tmp_path / "artifacts"))
    monkeypatch.setenv("SIGHTLINE_DATA_DIR", str(tmp_path / "data"))
    found = worker.run("a-run", refresh=True)
    assert (found.workspace.root, found.data_dir, found.refresh) == (
        tmp_path / "artifacts",
        tmp_path / "data",
        True,
    )


@pytest.mark.parametrize(
    ("value", "optional"), [(None, False), ("required", False), ("", False), ("optional", True)]
)
def test_gpu_is_required_unless_optional(
    monkeypatch: pytest.MonkeyPatch, value: str | None, optional: bool
) -> None:
    if value is None:
        monkeypatch.delenv("SIGHTLINE_GPU", raising=False)
    else:
        monkeypatch.setenv("SIGHTLINE_GPU", value)
    assert worker.gpu_is_optional() is optional
