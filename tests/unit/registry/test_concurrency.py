"""Several processes write to one registry, and one is killed at each of its file operations."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import runs_to_promote
from runs_to_promote import decide, promote, publish
from sightline import registry
from sightline.experiments import pins, run_folder
from sightline.storage import files
from sightline.storage.workspace import Workspace

_IMPORTS = """
import json, os, pathlib, signal, sys
from runs_to_promote import decide
from sightline import registry
from sightline.errors import ChampionChangedError
from sightline.experiments import run_folder
from sightline.storage.workspace import Workspace
"""

_WRITER = """
workspace = Workspace(pathlib.Path(sys.argv[1]))
print("ready", flush=True)
sys.stdin.readline()
done = {}
for name in sys.argv[2:]:
    version = registry.register(workspace, run_folder.read(workspace, name))
    while name not in done:
        champion = registry.aliases(workspace, "mnist").champion
        try:
            event = registry.promote(workspace, version, name, decide(name, champion), champion)
        except ChampionChangedError:
            continue
        done[name] = event.number
print(json.dumps(done))
"""


def start(program, *arguments):
    return subprocess.Popen(
        [sys.executable, "-c", _IMPORTS + program, *map(str, arguments)],
        cwd=Path(runs_to_promote.__file__).parent,  # from where it imports
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def run_writers(root, names):
    """Register and promote runs in simultaneous processes; return the event of each promotion."""
    processes = [start(_WRITER, root, *mine) for mine in names]
    ready = [process.stdout.readline() for process in processes if process.stdout]
    assert ready == ["ready\n"] * len(names)
    for process in processes:  # start all at about the same time
        print("go", file=process.stdin, flush=True)
    answers = [json.loads(process.communicate()[0]) for process in processes]
    return {name: event for done in answers for name, event in done.items()}


def test_simultaneous_writers_lose_nothing(workspace):
    names = [[f"run-{writer}-{number}" for number in range(5)] for writer in range(4)]
    for name in (name for mine in names for name in mine):
        publish(workspace.root, name)
    done = run_writers(workspace.root, names)
    events = registry.history(workspace, "mnist")
    assert [event.number for event in events] == list(range(1, 41))
    assert sorted(version.number for version in registry.versions(workspace)) == list(range(1, 21))
    assert {event.run_id: event.number for event in events if event.action == "promote"} == done
    champion = registry.champion(workspace, "mnist")
    assert done[champion.run_id] == max(done.values())
    assert not any(registry.verify(workspace, name).damages for name in registry.names(workspace))


def test_simultaneous_registrations_make_one_version(workspace):
    publish(workspace.root, "run-1")
    assert run_writers(workspace.root, [["run-1"]] * 4) == {"run-1": 2}
    assert [event.action for event in registry.history(workspace)] == ["register", "promote"]


_VICTIM = """
WATCHED = {"open", "os.mkdir", "os.rename", "os.remove", "os.rmdir", "os.chmod", "shutil.copyfile"}

def work(root, at):
    seen = 0

    def count(event, arguments):
        # Audit hooks are called before each operation.
        nonlocal seen
        if event in WATCHED and str(root) in str(arguments):
            seen += 1
            if seen == at:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(count)
    workspace = Workspace(root)
    version = registry.register(workspace, run_folder.read(workspace, "run-2"))
    registry.promote(workspace, version, "better", decide("run-2", "mnist-v1"), "mnist-v1")
    print(seen, flush=True)

for argument in sys.argv[1:]:  # each root names the operation at which its process is killed
    root = pathlib.Path(argument)
    child = os.fork()
    if not child:
        work(root, int(root.name))
        os._exit(0)
    if os.waitpid(child, 0)[1] == signal.SIGKILL:
        print("killed", flush=True)
"""


@pytest.mark.campaign
def test_process_killed_anywhere_leaves_a_usable_registry(tmp_path):
    before = tmp_path / "before"
    promote(before, "run-1")
    publish(before, "run-2")
    shutil.copytree(before, tmp_path / "0")
    operations = int(start(_VICTIM, tmp_path / "0").communicate()[0])
    assert operations > 50
    roots = [tmp_path / str(at) for at in range(1, operations + 1, 3)]
    for root in roots:
        shutil.copytree(before, root)
    assert start(_VICTIM, *roots).communicate()[0] == "killed\n" * len(roots)
    for workspace in map(Workspace, roots):
        assert registry.aliases(workspace, "mnist").champion in {"mnist-v1", "mnist-v2"}
        for found in registry.versions(workspace):
            assert registry.verify(workspace, found.name).damages == ()
        version = registry.register(workspace, run_folder.read(workspace, "run-2"))
        registry.promote(workspace, version, "better", decide("run-2", "mnist-v1"), "mnist-v1")
        assert [found.name for found in registry.versions(workspace)] == ["mnist-v1", "mnist-v2"]
        assert [event.number for event in registry.history(workspace)] == [1, 2, 3, 4]
        assert registry.verify(workspace, "mnist-v2").damages == ()
        assert "run-2" in pins.pinned_ids(workspace)
        home = workspace.path("models/mnist")
        assert [files.leftovers(home / name) for name in (".", "versions", "audit")] == [[], [], []]
