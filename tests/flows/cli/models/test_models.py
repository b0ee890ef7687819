import json
import re
from pathlib import Path

import pytest

import runs_to_promote
from cli import refused, sightline
from sightline import registry
from sightline.registry import workflow
from sightline.registry.attestation import keys
from sightline.registry.attestation import verify as attestation
from sightline.storage import files
from sightline.storage.workspace import Workspace


@pytest.fixture
def gate(monkeypatch):
    """Answers in the gate's place what each of the following asks is to get."""
    answers: list[bool] = []

    def evaluate(workspace, manifest, *, rebaseline, force):
        version = registry.register(workspace, manifest)
        champion = registry.aliases(workspace, version.dataset).champion
        decision = runs_to_promote.decide(manifest.run_id, champion, promote=answers.pop(0))
        if decision.promote:
            return version, decision
        return version, decision.model_copy(update={"sentence": f"Refused: {decision.sentence}"})

    monkeypatch.setattr(workflow, "evaluate_run", evaluate)
    return answers


@pytest.fixture
def signing():
    pytest.importorskip("securesystemslib", reason="needs the extra signing")


def test_list_shows_versions_with_their_aliases(root):
    shown = sightline("models list").stdout
    rows = [re.split(r" *│ *", line)[1:3] for line in shown.splitlines() if "-v" in line]
    assert rows == [
        ["mnist-v1", ""],
        ["mnist-v2", "champion"],
        ["mnist-v3", "candidate"],
        ["zoo-v1", "champion"],
    ]
    assert "keras, saved_model, onnx" in shown
    assert "97.00%" in shown


def test_list_as_json_is_an_array_of_versions(root):
    found = json.loads(sightline("models list --dataset ./elsewhere/MNIST --json").stdout)
    assert [version["name"] for version in found] == ["mnist-v1", "mnist-v2", "mnist-v3"]
    assert [version["alias"] for version in found] == [None, "champion", "candidate"]
    assert found[1]["files"]["model.keras"]["path"] == "models/mnist/versions/2/model.keras"


def test_damaged_version_is_skipped_with_a_message(root):
    (root / "models/mnist/versions/1/version.json").write_text("{}")
    done = sightline("models list")
    assert "mnist-v1" not in done.stdout
    assert re.search(r"Skipped:.*versions/1/version\.json", done.stderr)


def test_show_says_what_a_version_is_and_what_was_done_with_it(root):
    shown = sightline("models show champion --dataset mnist").stdout
    for text in ("mnist-v2", "champion", "run-2", "99.00%", "all formats agree", "promoted"):
        assert text in shown
    assert "[bold]x[/bold] \\x1b[2J <script>" in shown
    assert "\x1b" not in shown
    assert json.loads(sightline("models show mnist-v3 --json").stdout)["alias"] == "candidate"


def test_history_is_a_table_and_an_array(root):
    shown = sightline("models history --dataset mnist").stdout
    assert (shown.count("registered"), shown.count("promoted")) == (3, 2)
    assert "99.00% (before 98.00%, p = 0.03)" in shown
    assert "ada" in shown
    events = json.loads(sightline("models history --json").stdout)
    assert len(events) == 7
    assert events[-1]["version"] == "zoo-v1"


def test_better_run_becomes_the_champion(root, gate):
    runs_to_promote.publish(root, "run-4")
    gate.append(True)
    done = sightline("models promote run-4 --reason 'it is better'")
    assert "The champion of mnist is mnist-v4. It is better." in done.stdout
    assert registry.history(Workspace(root))[-1].reason == "it is better"
    refusal = refused("models promote run-4 --reason x")
    assert "mnist-v4 already is the model of run run-4" in refusal


def test_run_that_the_gate_refuses_ends_with_exit_code_3(root, gate):
    gate.append(False)
    done = sightline("models promote run-3 --reason 'I like [b]it[/b]'", code=3)
    assert "Refused mnist-v3: It is not better: <b>p = 0.4</b>." in done.stdout
    assert "failed" in done.stdout
    event = registry.history(Workspace(root), "mnist")[-1]
    found = (event.action, event.version, event.reason)
    assert found == ("refuse", "mnist-v3", "I like [b]it[/b]")
    shown = sightline("models history --dataset mnist").stdout
    assert event.reason in shown
    assert shown.count("It is not better: <b>p = 0.4</b>.") == 1
    assert "Exit code 3" in " ".join(sightline("models promote --help").stdout.split())


def test_unusable_key_is_refused_before_any_work(root, gate, monkeypatch, signing):
    runs_to_promote.publish(root, "run-4")
    gate.append(True)
    monkeypatch.setenv(keys.VARIABLE, "none.pem")
    assert "none.pem" in refused("models promote run-4 --reason x")
    assert gate == [True]
    assert registry.versions(Workspace(root), "mnist")[-1].name == "mnist-v3"


def test_champion_that_was_promoted_without_a_key_is_signed_later(root, monkeypatch, signing):
    sightline("models keygen signing.pem")
    before = registry.history(Workspace(root))
    monkeypatch.setenv(keys.VARIABLE, "signing.pem")
    assert "Signed mnist-v2" in sightline("models promote run-2 --reason 'to sign it'").stdout
    assert attestation.verify(Workspace(root), "mnist-v2", Path("signing.pem.pub")) == ()
    assert registry.history(Workspace(root)) == before


def test_force_promotes_and_the_log_records_it_if_it_was_needed(root, gate):
    gate += [False, True]
    done = sightline("models promote run-3 --force --reason 'an emergency'")
    assert "The champion of mnist is mnist-v3 (forced, against the gate)." in done.stdout
    assert registry.history(Workspace(root), "mnist")[-1].forced
    assert "promoted (forced)" in sightline("models history").stdout
    runs_to_promote.publish(root, "run-4")
    sightline("models promote run-4 --force --reason sure")
    assert not registry.history(Workspace(root), "mnist")[-1].forced


def test_force_makes_the_run_of_a_damaged_champion_the_champion_again(root, gate):
    line, known = "models promote run-2 --reason damaged", "mnist-v2 already is the model of run"
    assert known in refused(line, "--force")
    files.remove(root / "models/mnist/versions/2")
    assert known in refused(line)
    gate.append(False)
    assert "The champion of mnist is mnist-v4 (forced" in sightline(line, "--force").stdout
    assert registry.verify(Workspace(root), "mnist-v4").damages == ()


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("promote run-3", "--reason"),
        ("promote run-3 --reason ' '", "--reason"),
        ("promote nothing --reason x", "no run 'nothing'"),
        ("rollback --dataset zoo --reason x", "its champion zoo-v1 is the first"),
        ("rollback --dataset ' ' --reason x", "--dataset is empty"),
        ("rollback --reason x", "mnist-v2, zoo-v1; choose with --dataset"),
        ("list --dataset ''", "--dataset is empty"),
        ("show champion", "mnist-v2, zoo-v1; choose with --dataset"),
        ("show latest", "`sightline models list`"),
        ("show ../../x", "'../../x'"),
        ("verify mnist-v9", "no version 'mnist-v9'"),
        ("verify mnist-v1 --dataset zoo", "no version 'mnist-v1' of zoo"),
    ],
)
def test_wrong_input_is_refused(root, line, message):
    assert message in refused(f"models {line}")


def test_rollback_leaves_another_champion_than_was_meant_alone(root, monkeypatch):
    find = registry.find

    def find_while_somebody_else_rolls_back(*arguments):
        found = find(*arguments)
        registry.rollback(Workspace(root), "mnist", "I was first")
        return found

    runs_to_promote.promote(root, "run-4")
    monkeypatch.setattr(registry, "find", find_while_somebody_else_rolls_back)
    refusal = refused("models rollback --dataset mnist --reason 'worse in use'")
    assert "now mnist-v2, not mnist-v4" in refusal
    assert registry.aliases(Workspace(root), "mnist").champion == "mnist-v2"


@pytest.mark.parametrize("damaged", [None, "version.json", "model.keras", ""])
def test_rollback_restores_the_champion_before_even_from_a_damaged_one(root, damaged):
    folder = root / "models/mnist/versions/2"
    if damaged:
        (folder / damaged).write_text("{}")
    elif damaged is not None:
        files.remove(folder)
    done = sightline("models rollback --dataset mnist --reason 'worse in use'")
    assert "The champion of mnist is mnist-v1. It replaces mnist-v2." in done.stdout
    assert "rolled back to" in sightline("models history").stdout


@pytest.mark.parametrize("command", ["list", "history", "verify"])
def test_empty_registry_says_how_to_begin_and_differs_from_a_data_set_without_models(
    root, tmp_path, monkeypatch, command
):
    done = sightline(f"models {command} --dataset ./nosuch")
    assert "there are models of mnist, zoo." in done.stdout
    (tmp_path / "empty").mkdir()
    monkeypatch.chdir(tmp_path / "empty")
    said = sightline(f"models {command}").stdout
    assert "`sightline models promote RUN`" in " ".join(said.split())
    assert not list(Path().iterdir())


def test_format_without_certificate_is_marked(root):
    manifest = runs_to_promote.publish(root, "run-4", exports=False)
    complete = runs_to_promote.certificate(root, "run-4")
    others = tuple(export for export in complete.exports if export.format != "keras")
    registry.register(Workspace(root), manifest, complete.model_copy(update={"exports": others}))
    assert "keras (not certified), saved_model, onnx" in sightline("models show mnist-v4").stdout


def test_champion_is_exported_to_where_tensorflow_serving_looks_for_it(root, tmp_path):
    options = f"--layout tf-serving --output {tmp_path}/served --dataset mnist"
    done = sightline(f"models export champion {options} --json").stdout
    served = tmp_path / "served" / "mnist" / "2"
    expected = {"version": "mnist-v2", "format": "saved_model", "folder": str(served)}
    assert json.loads(done) == expected
    assert (served / "saved_model.pb").read_bytes() == b"saved_model/saved_model.pb of run-2"
    sightline(f"models export mnist-v1 {options} --name digits")
    assert (tmp_path / "served" / "digits" / "1" / "variables" / "variables.index").is_file()
    (root / "models/mnist/versions/2/exports/saved_model/saved_model.pb").write_bytes(b"damaged")
    assert "is damaged" in refused(f"models export champion {options}")


def test_version_without_the_export_that_a_server_needs_is_refused(root, tmp_path):
    runs_to_promote.register(root, "run-4", failing="onnx")
    command = f"models export mnist-v4 --layout triton --output {tmp_path}"
    assert re.search(r"mnist-v4 has no certified export as onnx.*export\.formats", refused(command))
