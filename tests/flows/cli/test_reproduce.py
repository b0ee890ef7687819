import json
import re

import pytest

from cli import refused, sightline
from sightline.experiments import run_folder
from sightline.flows.cli import console
from sightline.flows.cli import reproduce as cli_reproduce
from sightline.records.difference import ProvenanceRow
from sightline.storage import json_digest
from sightline.storage.workspace import Workspace

pytestmark = pytest.mark.usefixtures("configured_server", "keras")


def test_run_is_reproduced_bit_for_bit(root):
    shown = sightline("reproduce first --artifacts", str(root)).stdout
    (equal, among), *_ = re.findall(r"^(\d+) of (\d+) values of .* are equal", shown, re.MULTILINE)
    assert equal == among
    assert "Environment" not in shown
    assert "Reproduced bit for bit: the weights are equal" in shown
    workspace = Workspace(root)
    (again,) = (one for one in run_folder.run_ids(workspace) if one.startswith("first-again-"))
    first, second = (run_folder.read(workspace, name) for name in ("first", again))
    assert second.weights_sha256 == first.weights_sha256
    assert not any(stage.cached for stage in second.stages.values())
    as_warnings = {"data_gate": second.config.data_gate}  # whose checks only warn in a repetition
    assert second.config == first.config.model_copy(update=as_warnings)
    assert second.repeats == "first"
    assert run_folder.resolve(workspace, "latest") == "first"


def test_only_differing_values_are_shown(capsys):
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


def test_changed_data_is_refused_before_any_training(root):
    path = run_folder.folder(Workspace(root), "first") / run_folder.MANIFEST
    before = path.read_bytes()
    manifest = json.loads(json_digest.verify(before))
    try:
        path.write_bytes(json_digest.dumps({**manifest, "source_sha256": "0" * 64}))
        assert re.search("first.*0{64}", refused("reproduce first --json --artifacts", str(root)))
    finally:
        path.write_bytes(before)


def test_exit_codes_are_in_the_help():
    text = " ".join(sightline("reproduce --help").stdout.split())
    assert "0 reproduced bit for bit; 3 reproduced within the noise" in text
    assert "4 not reproduced" in text
