import os
import re
import shlex

import pytest

from command import ROOT, execute
from sightline.experiments import run_folder
from sightline.storage.workspace import Workspace

README = (ROOT / "README.md").read_text()
ARCHITECTURE = (ROOT / "docs" / "architecture.md").read_text()
BLOCKS = re.findall(r"^```\n(.*?)^```", README, re.MULTILINE | re.DOTALL)
LINES = [line.partition("#")[0].strip() for block in BLOCKS for line in block.splitlines()]
COMMANDS = [line for line in LINES if line.startswith(".venv/bin/sightline ")]
QUICK = {"training.epochs": 1, "evaluation.robustness_images": 0, "evaluation.saliency_images": 0}
SHORT = " ".join(f"--set {key}={value}" for key, value in QUICK.items())
MAKES = [line for line in LINES if line.startswith("make ")]


@pytest.fixture(scope="module")
def checkout(tmp_path_factory):
    """A folder like the checkout, with its own artifacts."""
    folder = tmp_path_factory.mktemp("checkout")
    (folder / ".venv").symlink_to(ROOT / ".venv")
    return folder


def test_readme_is_short_and_names_commands_and_files_that_exist():
    assert len(README.splitlines()) <= 150
    assert len(COMMANDS) >= 5
    assert MAKES[:2] == ["make run", "make test"]
    links = re.findall(r"\]\(([^)#]+)\)", README)
    files = [link for link in links if not link.startswith("http")]
    assert [link for link in files if not (ROOT / link).exists()] == []


def works(command, checkout, environment):
    done = execute(*shlex.split(command), cwd=checkout, env={**environment, "BROWSER": "true"})
    assert done.returncode == 0, done.stderr
    assert done.stdout


@pytest.fixture(scope="module")
def quickstart(checkout, environment):
    """The run of the first command, which the later commands use."""
    works(COMMANDS[0], checkout, environment)
    return run_folder.read(Workspace(checkout / "artifacts"), "latest")


@pytest.mark.campaign
def test_first_command_of_the_readme_reaches_96_percent(quickstart):
    assert quickstart.config.recipe == "quickstart"
    assert quickstart.records.build.parameters == 141_258
    assert quickstart.records.evaluate.accuracy >= 0.96


@pytest.mark.campaign
@pytest.mark.usefixtures("quickstart")
@pytest.mark.parametrize("command", COMMANDS[1:])
def test_command_of_the_readme_works(command, checkout, environment):
    works(f"{command} {SHORT}" if " train " in command else command, checkout, environment)


@pytest.mark.parametrize("command", MAKES)
def test_make_target_of_the_readme_exists(command):
    done = execute(*shlex.split(command), "--dry-run", cwd=ROOT)
    assert done.returncode == 0, done.stderr


def test_make_passes_data_set_and_recipe_on():
    shown = execute("make", "--dry-run", "run", "DATASET=/some/images", cwd=ROOT).stdout
    assert '--dataset "/some/images" --recipe "auto"' in shown
    shown = execute("make", "--dry-run", "run", "RECIPE=fast", cwd=ROOT).stdout
    assert '--dataset "mnist-5k" --recipe "fast"' in shown


def test_make_alone_lists_the_targets():
    environment = {name: value for name, value in os.environ.items() if "MAKE" not in name}
    shown = execute("make", cwd=ROOT, env=environment).stdout
    for target in ("install", "run", "test", "check"):
        assert re.search(rf"make {target} +\w", shown)


def test_every_room_is_explained():
    for path in (ROOT / "src" / "sightline").glob("*/__init__.py"):
        room = path.parent.name
        assert f"\n| `{room}/` |" in ARCHITECTURE, room
        assert f"`{room}`" in README or f"`{room}/`" in README, room


def test_modules_that_the_architecture_names_exist():
    named = set(re.findall(r"`((?:[a-z_]+/)+[a-z_]+\.(?:py|yaml))`", ARCHITECTURE))
    assert len(named) > 30
    for name in named:
        assert (ROOT / name).exists() or (ROOT / "src" / "sightline" / name).exists(), name
