"""Several real processes at one store; and one that is killed at each of its file operations."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import runs_to_promote
from runs_to_promote import decide
from sightline import registry
from sightline.runs import pins, run_folder
from sightline.storage import files
from sightline.storage.workspace import Workspace

_WRITER = """
import json, pathlib, sys
from sightline import registry
from sightline.runs import run_folder
from sightline.storage.workspace import Workspace
from sightline.errors import ChampionChangedError
from sightline.records import Decision

root, decision, *names = sys.argv[1:]
root = Workspace(pathlib.Path(root))
print("ready", flush=True)
sys.stdin.readline()
done = {}
for name in names:
    version = registry.register(root, run_folder.read(root, name))
    while name not in done:
        champion = registry.aliases(root, "mnist").champion
        made = Decision.model_validate_json(decision)
        made = made.model_copy(update={"candidate": name, "champion": champion})
        try:
            event = registry.promote(root, version, name, made, champion)
        except ChampionChangedError:
            continue
        done[name] = event.number
print(json.dumps(done))
"""


def test_writers_at_once_lose_nothing(root: Path) -> None:
    writers = 4
    names = [[f"run-{writer}-{number}" for number in range(5)] for writer in range(writers)]
    for name in (name for mine in names for name in mine):
        runs_to_promote.publish(root, name)
    decision = decide("x").model_dump_json()
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", _WRITER, str(root), decision, *mine],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for mine in names
    ]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    done: dict[str, int] = {}
    for process in processes:  # all begin at about the same time
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    for process in processes:
        answer, log = process.communicate()
        assert process.returncode == 0, log
        done.update(json.loads(answer))
    events = registry.history(Workspace(root), "mnist")
    assert [event.number for event in events] == list(range(1, 41))
    assert sorted(version.number for version in registry.versions(Workspace(root))) == list(
        range(1, 21)
    )
    promotions = {event.run_id: event.number for event in events if event.action == "promote"}
    assert promotions == done
    champion = registry.champion(Workspace(root), "mnist")
    assert champion is not None
    assert promotions[champion.run_id] == max(promotions.values())
    assert [
        registry.verify(Workspace(root), name).damages for name in registry.names(Workspace(root))
    ] == [()] * 20


def test_processes_that_register_one_run_make_one_version(root: Path) -> None:
    runs_to_promote.publish(root, "run-1")
    program = (
        "import pathlib, sys; from sightline import registry; "
        "from sightline.runs import run_folder; from sightline.storage.workspace import Workspace; "
        "root = Workspace(pathlib.Path(sys.argv[1]));"
        "print(registry.register(root, run_folder.read(root, 'run-1')).name)"
    )
    processes = [
        subprocess.Popen([sys.executable, "-c", program, str(root)], stdout=subprocess.PIPE)
        for _ in range(4)
    ]
    assert {process.communicate()[0] for process in processes} == {b"mnist-v1\n"}
    assert len(registry.history(Workspace(root))) == 1


_VICTIM = """
import os, pathlib, signal, sys
from sightline import registry
from sightline.runs import run_folder
from sightline.storage.workspace import Workspace
from sightline.records import Decision

WATCHED = {"open", "os.mkdir", "os.rename", "os.remove", "os.rmdir", "os.chmod", "shutil.copyfile"}

def work(root, at):
    seen = 0

    def count(event, arguments):
        # Audit hooks are told of each operation before it is done.
        nonlocal seen
        if event in WATCHED and str(root) in str(arguments):
            seen += 1
            if seen == at:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(count)
    version = registry.register(root, run_folder.read(root, "run-2"))
    registry.promote(root, version, "better", made, "mnist-v1")
    print(seen, flush=True)

made = Decision.model_validate_json(sys.argv[1])
for argument in sys.argv[2:]:
    root = pathlib.Path(argument)
    child = os.fork()
    if not child:
        work(root, int(root.name))
        os._exit(0)
    if os.waitpid(child, 0)[1] == signal.SIGKILL:
        print("killed", flush=True)
"""


def victims(*roots: Path) -> list[str]:
    """Let a process work at each root and be killed at the operation that the root is named by."""
    decision = decide("run-2", "mnist-v1").model_dump_json()
    done = subprocess.run(
        [sys.executable, "-c", _VICTIM, decision, *map(str, roots)],
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.splitlines()


def filled(root: Path) -> None:
    first = registry.register(Workspace(root), runs_to_promote.publish(root, "run-1"))
    registry.promote(Workspace(root), first, "first", decide("run-1"), None)
    runs_to_promote.publish(root, "run-2")


def test_process_that_is_killed_anywhere_leaves_a_store_that_can_go_on(tmp_path: Path) -> None:
    before = tmp_path / "before"
    filled(before)
    shutil.copytree(before, tmp_path / "0")
    (operations,) = map(int, victims(tmp_path / "0"))
    assert operations > 50
    roots = [tmp_path / str(at) for at in range(1, operations + 1, 3)]
    for root in roots:
        shutil.copytree(before, root)
    assert victims(*roots) == ["killed"] * len(roots)
    for root in roots:
        assert registry.aliases(Workspace(root), "mnist").champion in {"mnist-v1", "mnist-v2"}
        for version in registry.versions(Workspace(root)):
            assert registry.verify(Workspace(root), version.name).damages == ()
        version = registry.register(Workspace(root), run_folder.read(Workspace(root), "run-2"))
        decision = decide("run-2", "mnist-v1")
        registry.promote(Workspace(root), version, "better", decision, "mnist-v1")
        assert [version.name for version in registry.versions(Workspace(root))] == [
            "mnist-v1",
            "mnist-v2",
        ]
        assert [event.number for event in registry.history(Workspace(root))] == [1, 2, 3, 4]
        assert registry.verify(Workspace(root), "mnist-v2").damages == ()
        assert "run-2" in pins.pinned_ids(Workspace(root))
        home = root / "models/mnist"
        places = (home, home / "versions", home / "audit")
        assert [files.leftovers(place) for place in places] == [[], [], []]
