import pytest

from sightline.errors import ConfigError
from sightline.flows import worker


def set_or_unset(monkeypatch, name, value):
    monkeypatch.setenv(name, value or "")
    if value is None:
        monkeypatch.delenv(name)


@pytest.mark.parametrize("value", [None, "", "artifacts", "./artifacts"])
def test_artifacts_root_must_be_absolute(monkeypatch, value):
    set_or_unset(monkeypatch, "SIGHTLINE_ARTIFACTS", value)
    with pytest.raises(ConfigError, match=r"SIGHTLINE_ARTIFACTS is .* expected the absolute path"):
        worker.run("a-run")


def test_directory_of_data_sets_must_be_absolute(monkeypatch, tmp_path):
    monkeypatch.setenv("SIGHTLINE_ARTIFACTS", str(tmp_path))
    monkeypatch.setenv("SIGHTLINE_DATA_DIR", "downloads")
    with pytest.raises(ConfigError, match=r"SIGHTLINE_DATA_DIR is 'downloads'.*absolute path"):
        worker.run("a-run")


@pytest.mark.parametrize("url", ["gs://user:hunter2@bucket/x", "ftp://hunter2/x"])
def test_url_that_cannot_be_used_is_refused_and_not_shown(monkeypatch, url):
    monkeypatch.setenv("SIGHTLINE_ARTIFACTS", url)
    with pytest.raises(ConfigError, match=r"SIGHTLINE_ARTIFACTS: .*URL") as refusal:
        worker.run("a-run")
    assert "hunter2" not in str(refusal.value)


def test_artifacts_may_be_on_object_storage(monkeypatch):
    monkeypatch.setenv("SIGHTLINE_ARTIFACTS", "s3://bucket/x")
    assert worker.run("a-run").workspace.url == "s3://bucket/x"


def test_folders_come_from_the_environment(monkeypatch, tmp_path):
    monkeypatch.setenv("SIGHTLINE_ARTIFACTS", str(tmp_path / "artifacts"))
    monkeypatch.setenv("SIGHTLINE_DATA_DIR", str(tmp_path / "data"))
    found = worker.run("a-run", refresh=True)
    expected = (tmp_path / "artifacts", tmp_path / "data", True)
    assert (found.workspace.root, found.data_dir, found.refresh) == expected


@pytest.mark.parametrize(
    ("value", "optional"), [(None, False), ("required", False), ("", False), ("optional", True)]
)
def test_gpu_is_required_unless_optional(monkeypatch, value, optional):
    set_or_unset(monkeypatch, "SIGHTLINE_GPU", value)
    assert worker.gpu_is_optional() is optional
