import json
import re
import tomllib
from io import BytesIO

import pytest
from docker.utils.build import exclude_paths
from dockerfile_parse import DockerfileParser
from packaging.requirements import Requirement
from prefect.settings import get_current_settings

from command import ROOT

DEVICES = ["cpu", "gpu"]


def steps():
    """Parse the Dockerfile from memory; the parser would write to a file."""
    parsed = DockerfileParser(fileobj=BytesIO((ROOT / "Dockerfile").read_bytes()))
    return [(step["instruction"], step["value"]) for step in parsed.structure]


def instructions(kind, device="cpu"):
    """Return the values of all instructions of a kind, DEVICE filled in."""
    return [value.replace("${DEVICE}", device) for name, value in steps() if name == kind]


def stages():
    """Split the Dockerfile into its stages; the last one has no name."""
    found: dict[str, list[tuple[str, str]]] = {}
    stage = "arguments"
    for name, value in steps():
        if name == "FROM":
            _, _, stage = value.partition(" AS ")
        found.setdefault(stage, []).append((name, value))
    return found


def environment(stage):
    """Read the ENV instructions of a stage."""
    lines = [value for name, value in stages()[stage] if name == "ENV"]
    return dict(word.split("=", 1) for line in lines for word in line.split() if "=" in word)


@pytest.mark.parametrize("device", DEVICES)
def test_docker_gets_what_the_image_copies_and_nothing_else(device, tmp_path):
    values = [value for value in instructions("COPY", device) if not value.startswith("--from")]
    copied = [word for value in values for word in value.split()[:-1]]
    assert "deploy/locks" in copied
    assert [source for source in copied if not (ROOT / source).exists()] == []
    strangers = [".env", ".git/config", ".venv/pyvenv.cfg", "artifacts/runs/x", "deploy/.env"]
    strangers += ["flows/cli/__pycache__/main.pyc", "src/sightline/models/__pycache__/build.pyc"]
    strangers += ["src/sightline.egg-info/PKG-INFO", "tests/conftest.py"]
    wanted = {f"{source}/x" for source in copied}
    for name in wanted.union(strangers):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    lines = (ROOT / ".dockerignore").read_text().splitlines()
    sent = exclude_paths(str(tmp_path), [line for line in lines if line and line[0] != "#"])
    assert sent & wanted.union(strangers) == wanted


def locked(name):
    return (ROOT / "deploy" / "locks" / f"{name}.lock").read_text()


def test_libraries_come_from_the_lock_files():
    (install,) = [value for name, value in stages()["libraries"] if "pip install" in value]
    assert "--require-hashes" in install
    assert "--no-deps" in install
    for name in ("base", "image"):
        assert f"--requirement /tmp/locks/{name}.lock" in install
    assert "$(test ${DEVICE} = cpu || echo --requirement /tmp/locks/${DEVICE}.lock)" in install


def test_lock_files_hold_hashes_no_address_and_no_package_twice():
    """Each set-up installs several lock files: base and dev, base and image, and so on."""
    names: list[str] = []
    for name in ("base", "image", "gpu", "dev"):
        assert "--hash=sha256:" in locked(name)
        assert "://" not in locked(name)
        names += set(re.findall(r"^([\w.-]+)==", locked(name), re.MULTILINE))
    assert len(names) == len(set(names))


@pytest.mark.parametrize("extra", ["export", "heif", "serve", "signing"])
def test_image_exports_serves_signs_and_reads_heic(extra):
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    for requirement in map(Requirement, project["optional-dependencies"][extra]):
        assert re.search(rf"^{requirement.name}==", locked("base") + locked("image"), re.MULTILINE)


def test_base_image_is_pinned_to_a_patch_version():
    (image,) = [value for value in instructions("ARG") if value.startswith("PYTHON_IMAGE")]
    assert image == "PYTHON_IMAGE=python:3.11.15-slim-bookworm"
    parents = {parent for parent in instructions("FROM") if "PYTHON" in parent}
    assert parents == {"${PYTHON_IMAGE} AS libraries", "${PYTHON_IMAGE} AS base"}


def test_image_runs_under_tini_as_a_user_that_is_not_root():
    assert instructions("ENTRYPOINT") == ['["tini", "--"]'], "which reaps orphaned processes"
    assert any("install --yes --no-install-recommends tini" in run for run in instructions("RUN"))
    assert instructions("USER") == ["10001:10001"]
    assert stages()[""][-1] == ("USER", "10001:10001")
    (made,) = [value for name, value in stages()["base"] if "useradd" in value]
    assert "--uid 10001" in made
    assert "--owner sightline" in made
    assert "/artifacts /data" in made


def test_image_sets_its_folders_and_holds_no_volume_or_secret():
    assert instructions("VOLUME") == []
    for stage in stages():
        for name in environment(stage):
            assert not any(word in name for word in ("PASSWORD", "AUTH", "KEY", "TOKEN", "URL"))
    found = environment("base")
    assert found["SIGHTLINE_ARTIFACTS"] == "/artifacts"
    assert found["SIGHTLINE_DATA_DIR"] == "/data"
    assert found["DO_NOT_TRACK"] == "1"
    assert ("WORKDIR", "/opt/sightline") in stages()["base"]


def test_prefect_understands_the_settings_of_the_image(monkeypatch):
    for name, value in environment("base").items():
        monkeypatch.setenv(name, value)
    settings = type(get_current_settings())()
    assert settings.worker.webserver.host == "127.0.0.1"
    assert settings.worker.webserver.port == 8080
    assert settings.server.analytics_enabled is False
    assert settings.server.ephemeral.enabled is False
    assert settings.logging.extra_loggers == ["sightline"]
    assert str(settings.home) == "/home/sightline/.prefect"


def test_only_the_gpu_image_asks_for_the_driver():
    driver = {"NVIDIA_DRIVER_CAPABILITIES": "compute,utility", "NVIDIA_VISIBLE_DEVICES": "all"}
    assert environment("device-gpu") == driver
    assert environment("device-cpu") == {}


@pytest.mark.parametrize("device", DEVICES)
def test_image_starts_the_worker_of_its_pool_with_a_health_server(device):
    (command,) = [value for name, value in stages()[f"device-{device}"] if name == "CMD"]
    words = json.loads(command)
    assert words[:5] == ["sightline", "ops", "worker", "--pool", device]
    assert "--with-healthcheck" in words
    template = words[words.index("--base-job-template") + 1]
    assert (ROOT / template) == ROOT / "deploy" / "pools" / f"process-{device}.json"
    assert instructions("FROM", device)[-1] == f"device-{device}"
    (check,) = [value for name, value in stages()[""] if name == "HEALTHCHECK"]
    script = json.loads(check.partition("CMD ")[2])[1]
    assert script.startswith("/opt/sightline/")
    assert (ROOT / script.removeprefix("/opt/sightline/")).is_file()
