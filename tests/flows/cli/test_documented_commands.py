import re
import shlex

import pytest
import typer.main

from command import ROOT
from sightline.flows.cli.main import app

PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
COMMAND = re.compile(
    r"^(?:[A-Z_]+=\S+ )*(?:\.venv/bin/)?sightline ([a-z].*?)(?: +#.*)?$", re.MULTILINE
)
BLOCK = re.compile(r"^```\n(.*?)^```", re.MULTILINE | re.DOTALL)
INLINE = re.compile(r"`sightline ([a-z][^`]*)`")


def commands(page):
    text = page.read_text()
    blocks = "".join(BLOCK.findall(text)).replace("\\\n", "")
    return [*COMMAND.findall(blocks), *INLINE.findall(text)]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_documented_commands_and_options_exist(page):
    for line in commands(page):
        command, words = typer.main.get_command(app), shlex.split(line)
        while words and hasattr(command, "commands"):
            assert words[0] in command.commands, line
            command, words = command.commands[words[0]], words[1:]
        known = {
            name for option in command.params for name in (*option.opts, *option.secondary_opts)
        }
        given = {word.partition("=")[0] for word in words if word.startswith("--")}
        assert given <= known | {"--help"}, line


def test_commands_are_found_in_blocks_and_in_sentences():
    assert len(commands(ROOT / "README.md")) >= 10
    assert "runs open latest" in commands(ROOT / "docs" / "faq.md")
