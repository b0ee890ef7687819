import json
import re
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from sightline.flows.cli import console
from sightline.flows.cli import reproduce as cli_reproduce
from sightline.flows.cli.main import app
from sightline.records.difference import ProvenanceRow
from sightline.runs import run_folder
from sightline.storage import json_digest
from sightline.storage.workspace import Workspace

SET_BY_THE_COMMAND = {
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "DO_NOT_TRACK": "1",
    "PREFECT_LOGGING_EXTRA_LOGGERS": "sightline",
    "PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL": "CRITICAL",
}

pytestmark = pytest.mark.usefixtures("prefect_api", "keras")


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from prefect.settings import PREFECT_API_URL

    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "160")
    monkeypatch.setenv("PREFECT_API_URL", str(PREFECT_API_URL.value()))
    for name, value in SET_BY_THE_COMMAND.items():
        monkeypatch.setenv(name, value)  # so that it is taken back


def reproduce(root: Path, *arguments: str) -> Result:
    return CliRunner().invoke(app, ["reproduce", "first", f"--artifacts={root}", *arguments])


def test_run_is_reproduced_bit_for_bit(root: Path) -> None:
    done = reproduce(root)
    assert done.exit_code == 0, done.output
    (count,) = re.findall(r"^(\d+ of \d+) values of .* are equal", done.stdout, re.MULTILINE)
    equal, among = count.split(" of ")
    assert equal == among
    assert "Environment" not in done.stdout
    assert "Reproduced bit for bit: the weights are equal" in done.stdout
    again = next(
        run_id
        for run_id in run_folder.run_ids(Workspace(root))
        if run_id.startswith("first-again-")
    )
    first, second = (
        run_folder.read(Workspace(root), "first"),
        run_folder.read(Workspace(root), again),
    )
    assert second.weights_sha256 == first.weights_sha256
    assert not any(stage.cached for stage in second.stages.values())
    assert second.config == first.config
    assert second.repeats == "first"
    assert run_folder.resolve(Workspace(root), "latest") == "first"


def test_only_differing_values_are_shown(capsys: pytest.CaptureFixture[str]) -> None:
    found = [
        ProvenanceRow(name="pipeline.python", a="3.11.7", b="3.11.7", equal=True),
        ProvenanceRow(name="[b]cores", a=2, b=8, equal=False),
        ProvenanceRow(name="training.xla", a=True, b=None, equal=False),
    ]
    cli_reproduce._show_provenance(found, console.out())
    shown = capsys.readouterr().out
    assert re.search(r"\[b\]cores +│ 2 +│ 8 ", shown), shown
    assert re.search(r"training\.xla +│ true +│ none ", shown), shown
    assert "python" not in shown
    assert "1 of 3 values" in shown


def test_changed_data_is_refused_before_any_training(root: Path) -> None:
    path = run_folder.folder(Workspace(root), "first") / run_folder.MANIFEST
    before = path.read_bytes()
    manifest = json.loads(json_digest.verify(before))
    try:
        path.write_bytes(json_digest.dumps({**manifest, "source_sha256": "0" * 64}))
        done = reproduce(root, "--json")
    finally:
        path.write_bytes(before)
    assert done.exit_code == 2
    assert done.stdout == ""
    assert re.search("first.*0{64}", " ".join(done.stderr.split())), done.stderr


def test_exit_codes_are_in_the_help() -> None:
    text = " ".join(CliRunner().invoke(app, ["reproduce", "--help"]).stdout.split())
    assert "0 reproduced bit for bit; 3 reproduced within the noise" in text
    assert "4 not reproduced" in text
