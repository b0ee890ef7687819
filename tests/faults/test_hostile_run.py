"""A training with hostile names, secrets, planted pickles and planted models."""

import json
import re
import sqlite3
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import yaml
from markdown_it import MarkdownIt

from command import check_refused
from hostile_models import lambda_layer
from hostile_place import NAMES, OVERRIDES, SECRET, STAGES, Hostile
from html_page import Page, check_self_contained
from processes import command_line
from sightline.config import loading
from sightline.data import locate
from sightline.data.ingest import INGEST
from sightline.experiments import run_folder
from sightline.storage import json_digest
from sightline.storage.digests import sha256
from sightline.storage.workspace import Workspace

pytestmark = pytest.mark.campaign


@pytest.fixture(scope="module")
def hostile(served, environment, tmp_path_factory):
    home = Path(environment["PREFECT_HOME"])
    return Hostile(tmp_path_factory.mktemp("hostile"), served, home)


@pytest.fixture(scope="module")
def first(hostile):
    """The first run; no process may ever have the secret in its command line."""
    config = loading.load("quickstart", overrides=list(OVERRIDES), dataset=str(hostile.data))
    key = INGEST.key(locate.locate(config.data), config.data)
    hostile.plant(f"sightline-ingest-{key}")
    ended, seen = threading.Event(), list[str]()

    def watch():
        while not ended.wait(0.1):
            lines = [command_line(int(path.name)) for path in Path("/proc").glob("[0-9]*")]
            seen.extend(line for line in lines if SECRET in line)

    with ThreadPoolExecutor(1) as pool:
        watching = pool.submit(watch)
        done = hostile.train("first", "--verbose")
        ended.set()
        watching.result()
    assert done.returncode == 0, done.stderr
    assert seen == []
    return done


def check_markdown(markdown):
    tokens = MarkdownIt().enable("table").parse(markdown)
    inline = [child for token in tokens for child in token.children or []]
    forbidden = {"html_inline", "html_block", "link_open", "image", "strong_open", "code_inline"}
    plain = [child for child in inline if not re.fullmatch(r'[\w."-]+', child.content)]
    assert not {token.type for token in (*tokens, *plain)} & forbidden
    text = "\n".join(token.content for token in inline)
    assert all(name in text for name in NAMES)
    assert "\x1b" not in markdown


def published(hostile, name):
    """Read a file of the first run."""
    return (hostile.root / "runs" / "first" / name).read_text(encoding="utf-8")


def test_names_are_escaped_in_the_page(first, hostile):
    html = published(hostile, "report.html")
    page = Page(html)
    check_self_contained(page)
    assert not {"b", "i"} & {tag for tag, _ in page.tags}
    assert all(name in page.text for name in NAMES)
    assert "\x1b" not in html
    assert "<img src=x" not in page.text  # the folder, which no page names


def test_names_are_escaped_in_markdown(first, hostile):
    check_markdown(published(hostile, "report.md"))
    _, block, markdown = published(hostile, "MODEL_CARD.md").split("---\n", 2)
    check_markdown(markdown)
    described = yaml.safe_load(block)
    assert described["model-index"][0]["name"] == "first"
    assert not any(name in str(described) for name in NAMES)


def test_names_are_escaped_in_prefect_artifacts(first, hostile):
    found = artifacts(hostile)
    check_markdown(found.pop("training-report"))
    assert set(found) >= {"stage-times", "test-accuracy", "training-history"}
    for key, data in found.items():
        assert not any(name[:10] in data for name in NAMES), key
        assert "onerror" not in data, key


def artifacts(hostile):
    """Read the artifacts of the first run from Prefect's database: key without data set to data."""
    run = run_folder.read(Workspace(hostile.root), "first")
    flow_run, suffix = str(run.flow_run_id).replace("-", ""), f"-{run.records.ingest.dataset}"
    with sqlite3.connect(hostile.home / "prefect.db") as database:
        rows = database.execute(
            "SELECT key, CAST(data AS TEXT) FROM artifact "
            "WHERE replace(flow_run_id, '-', '') = ? AND type != 'result' AND key IS NOT NULL",
            (flow_run,),
        ).fetchall()
    return {
        key.removesuffix(suffix): json.loads(data) if data.startswith('"') else data
        for key, data in rows
    }


def test_secrets_stay_in_the_environment(first, hostile):
    assert SECRET not in first.stdout + first.stderr
    assert len(first.stderr) > 1000, "with --verbose, it includes Prefect's log"
    seen = [path for place in (hostile.folder, hostile.home) for path in place.rglob("*")]
    names = {path.name for path in seen}
    assert {"report.html", "manifest.json", "prefect.db", "model.keras"} <= names
    for path in seen:
        assert not path.is_file() or SECRET.encode() not in path.read_bytes(), path


def test_planted_pickle_is_never_loaded(first, hostile):
    stored = [path.name for path in hostile.store.glob("sightline-*")]
    assert not hostile.canary.exists(), "the pickle planted before the first run was read"
    for stage in STAGES:
        (name,) = [path.name for path in _entries(hostile, stage)]
        hostile.plant(f"sightline-{stage}-{name}")
    for name in stored:
        hostile.plant(name)
    again = hostile.train("second", "--json")
    assert again.returncode == 0, again.stderr
    assert not hostile.canary.exists()
    stages = json.loads(again.stdout)["stages"]
    assert [name for name, stage in stages.items() if stage["cached"]] == list(STAGES)


def test_planted_pickle_runs_if_it_is_loaded(hostile):
    from prefect.results import ResultRecord

    planted = hostile.plant("control")
    ResultRecord.deserialize(planted.read_bytes())
    hostile.canary.rmdir()  # the pickle made it
    planted.unlink()


def test_planted_model_ends_the_command_and_runs_no_code(first, hostile):
    """The manifest is updated, so that the entry looks intact, as anyone with access can do."""
    (entry,) = _entries(hostile, "train")
    model, path = entry / "model.keras", entry / "manifest.json"
    before = sha256(model)
    model.write_bytes(lambda_layer(model.read_bytes(), hostile.canary))
    text = json_digest.verify(path.read_bytes()).decode()
    manifest = json.loads(text.replace(before, sha256(model)))
    manifest["record"]["model"]["bytes"] = model.stat().st_size
    path.write_bytes(json_digest.dumps(manifest))
    check_refused(hostile.train("third"), "model.keras", "keras.layers.Lambda")
    assert not hostile.canary.exists()


def _entries(hostile, stage):
    return list((hostile.root / "cache" / stage).glob("[!.]*"))
