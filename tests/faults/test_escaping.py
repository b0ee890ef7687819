"""Names with terminal control codes or Rich markup are shown, not interpreted."""

import logging

import pytest
from rich.table import Table

from command import check_refused, invoke
from examples import write_npz
from sightline.flows.cli import console
from sightline.reporting.page import escape_markdown
from sightline.storage import json_digest
from sightline.storage.text import printable

ESCAPE, SHOWN = "\x1b]0;owned\x9c\x1b[2J", r"\x1b]0;owned\x9c\x1b[2J"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[2J\x07\x9b", r"\x1b[2J\x07\x9b"),
        ("a\r\nError: b\u2028c\u2029", r"a\r\nError: b\u2028c\u2029"),
        ("\u202egnp.exe", r"\u202egnp.exe"),  # a direction override
        ("\ud800", r"\ud800"),  # a lone surrogate
        ("crème\u3000\u0928\u0940\u200d", "crème\u3000\u0928\u0940\u200d"),
    ],
)
def test_control_codes_are_shown_escaped(text, shown):
    assert printable(text) == shown
    assert "\x1b" not in escape_markdown(text)


def test_console_escapes_codes_in_every_kind_of_output(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")
    table = Table(ESCAPE)
    table.add_row(console.plain(f"[bold]{ESCAPE}[/bold]"))
    out = console.out()
    out.print(table)
    out.print(ESCAPE, markup=False)
    out.print("[red]kept[/red] " + console.plain(ESCAPE))
    shown = capsys.readouterr().out
    assert not set("\x1b\x9c") & set(shown)
    assert shown.count(SHOWN) == 4
    assert "[bold]" in shown


def test_log_escapes_codes(capsys, monkeypatch):
    logger = logging.getLogger("sightline")
    monkeypatch.setattr(logger, "handlers", [])
    console.show_log(verbose=False)
    logger.warning("%s is damaged\nby %s", ESCAPE, "a\rb")
    shown = capsys.readouterr().err
    assert shown == f"WARNING: {SHOWN} is damaged\nby a\\rb\n"


def test_file_name_with_codes_is_shown_escaped(tmp_path):
    shown, artifacts = rf"[red]{SHOWN}.npz", f"--artifacts={tmp_path}/artifacts"
    path = tmp_path / f"[red]{ESCAPE}.npz"
    path.write_bytes(b"<!DOCTYPE html>")
    refused = invoke("train", f"--dataset={path}", artifacts)
    check_refused(refused, shown, "HTML")
    inspected = invoke("datasets", "inspect", str(write_npz(path)), artifacts, COLUMNS="500")
    assert inspected.returncode == 0, inspected.stderr
    assert shown in inspected.stdout
    assert not set("\x1b\x9c") & set(refused.stderr + inspected.stdout + inspected.stderr)


def test_damaged_manifest_with_codes_is_shown_escaped(tmp_path):
    folder = tmp_path / "runs" / "one"
    folder.mkdir(parents=True)
    (folder / "manifest.json").write_bytes(json_digest.dumps({"\x1b[2J": 1}))
    done = invoke("runs", "list", f"--artifacts={tmp_path}")
    assert "manifest.json" in done.stderr
    assert "\x1b" not in done.stderr
