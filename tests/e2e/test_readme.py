import os
import re
import shlex
import subprocess
from pathlib import Path

import pytest

from sightline.records.manifest import RunManifest
from sightline.runs import run_folder
from sightline.storage.workspace import Workspace

ROOT = Path(__file__).parents[2]
BLOCKS = re.findall(r"^```\n(.*?)^```", (ROOT / "README.md").read_text(), re.MULTILINE | re.DOTALL)
LINES = [line.partition("#")[0].strip() for block in BLOCKS for line in block.splitlines()]
COMMANDS = [line for line in LINES if line.startswith(".venv/bin/sightline ")]
QUICK = {"training.epochs": 1, "evaluation.robustness_images": 0, "evaluation.saliency_images": 0}
SHORT = " ".join(f"--set {key}={value}" for key, value in QUICK.items())
MAKES = [line for line in LINES if line.startswith("make ")]


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder like the checkout, with its own artifacts."""
    folder = tmp_path_factory.mktemp("checkout")
    (folder / ".venv").symlink_to(ROOT / ".venv")
    return folder


def test_readme_has_commands() -> None:
    assert len(COMMANDS) >= 5
    assert MAKES[:2] == ["make run", "make test"]


def works(command: str, checkout: Path, environment: dict[str, str]) -> None:
    done = subprocess.run(
        shlex.split(command),
        cwd=checkout,
        env={**environment, "BROWSER": "true"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout


@pytest.fixture(scope="module")
def quickstart(checkout: Path, environment: dict[str, str]) -> RunManifest:
    """The run of the first command, which the later commands use."""
    works(COMMANDS[0], checkout, environment)
    return run_folder.read(Workspace(checkout / "artifacts"), "latest")


def test_first_command_of_the_readme_reaches_96_percent(quickstart: RunManifest) -> None:
    assert quickstart.config.recipe == "quickstart"
    assert quickstart.records.build.parameters == 141_258
    assert quickstart.records.evaluate.accuracy >= 0.96


@pytest.mark.usefixtures("quickstart")
@pytest.mark.parametrize("command", COMMANDS[1:])
def test_command_of_the_readme_works(
    command: str, checkout: Path, environment: dict[str, str]
) -> None:
    works(f"{command} {SHORT}" if " train " in command else command, checkout, environment)


@pytest.mark.parametrize("command", MAKES)
def test_make_target_of_the_readme_exists(command: str) -> None:
    done = subprocess.run(
        [*shlex.split(command), "--dry-run"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_make_chooses_the_recipe_for_the_data_set() -> None:
    def recipe(*variables: str) -> str:
        done = subprocess.run(
            ["make", "--dry-run", "run", *variables],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=True,
        )
        found = re.search(r'--recipe "(\w+)"', done.stdout)
        assert found is not None
        return found[1]

    assert recipe() == "quickstart"
    assert recipe("DATASET=mnist") == "tutorial"
    assert recipe("DATASET=/some/images") == "fast"


def test_make_alone_lists_the_targets() -> None:
    environment = {name: value for name, value in os.environ.items() if "MAKE" not in name}
    done = subprocess.run(
        ["make"], cwd=ROOT, env=environment, capture_output=True, text=True, check=True
    )
    for target in ("install", "run", "test", "check"):
        assert re.search(rf"make {target} +\w", done.stdout)


def test_readme_is_short() -> None:
    assert len((ROOT / "README.md").read_text().splitlines()) <= 150


def test_every_room_is_explained() -> None:
    rooms = {path.parent.name for path in (ROOT / "src" / "sightline").glob("*/__init__.py")}
    architecture = (ROOT / "docs" / "architecture.md").read_text()
    readme = (ROOT / "README.md").read_text()
    for room in rooms:
        assert f"\n| `{room}/` |" in architecture, room
        assert f"`{room}`" in readme or f"`{room}/`" in readme, room


def test_modules_that_the_architecture_names_exist() -> None:
    text = (ROOT / "docs" / "architecture.md").read_text()
    named = set(re.findall(r"`((?:[a-z_]+/)+[a-z_]+\.(?:py|yaml))`", text))
    assert len(named) > 30
    assert {
        name
        for name in named
        if not any((place / name).exists() for place in (ROOT, ROOT / "src/sightline"))
    } == set()


def test_files_that_the_readme_names_exist() -> None:
    text = (ROOT / "README.md").read_text()
    for link in re.findall(r"\]\(([^)#]+)\)", text):
        if not link.startswith("http"):
            assert (ROOT / link).exists(), link
