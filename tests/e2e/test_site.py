import json
import re
import shutil
import sys

import pytest

from command import ROOT, execute

pytestmark = pytest.mark.slow

NOTEBOOK = [
    {"cell_type": "markdown", "source": ["## First ", "steps"]},
    {
        "cell_type": "code",
        "source": ["1 + 1"],
        "outputs": [
            {"output_type": "stream", "text": ["one line\n"]},
            {"output_type": "execute_result", "data": {"text/plain": ["the number 2"]}},
            {"output_type": "display_data", "data": {"image/png": "iVBORw0KGgo=\n"}},
            {
                "output_type": "display_data",
                "data": {
                    "text/html": [
                        '<table border="1" class="dataframe">',
                        "<tr><td>a cell</td></tr></table>",
                    ]
                },
            },
        ],
    },
]


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The built site of a copy of the documentation that has one notebook more."""
    place = tmp_path_factory.mktemp("site")
    for name in ("README.md", "CHANGELOG.md", "CONTRIBUTING.md", "mkdocs.yml"):
        shutil.copy(ROOT / name, place)
    shutil.copytree(ROOT / "docs", place / "docs")
    (place / "src").symlink_to(ROOT / "src")
    (place / "docs" / "made.ipynb").write_text(json.dumps({"cells": NOTEBOOK}))
    done = execute(sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", cwd=place)
    assert done.returncode == 0, done.stderr
    return place / "build" / "site"


def test_site_fetches_nothing_from_other_hosts(site):
    pages = sorted(site.glob("*.html"))
    assert len(pages) > 10
    for page in pages:
        fetched = r"<(?:script|img|link|iframe)[^>]*\b(?:src|href)=\"?(?:https?:)?//[^\"> ]+"
        assert re.findall(fetched, page.read_text()) == [], page.name


def test_home_page_is_the_readme_with_links_to_pages(site):
    home = (site / "index.html").read_text()
    assert 'href="photographs.html"' in home
    assert 'href="contributing.html"' in home
    assert 'href="tutorial.html"' in home


def test_command_line_has_all_commands_with_their_options(site):
    shown = (site / "cli.html").read_text()
    assert 'id="sightline-models-promote"' in shown
    assert "<code>--if-changed / --always</code>" in shown


def test_notebook_is_shown_with_its_outputs(site):
    shown = (site / "made.html").read_text()
    assert "First steps" in shown
    assert "one line" in shown
    assert "the number 2" in shown
    assert 'src="data:image/png;base64,iVBORw0KGgo="' in shown
    assert "<table><tr><td>a cell</td></tr></table>" in shown
