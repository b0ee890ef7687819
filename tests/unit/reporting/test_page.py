import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from sightline.manifest import RunManifest
from sightline.records import ClassMetrics
from sightline.reporting import page

VOID = {"meta", "img", "br", "hr", "link", "input"}


class Page(HTMLParser):
    """Reads a page and insists that its tags are balanced."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(html)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data

    def attributes(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]


@pytest.fixture
def html(artifacts: Path, manifest: RunManifest) -> str:
    return page.render_html(artifacts, manifest)


def test_page_tells_the_result(html: str, manifest: RunManifest) -> None:
    text = Page(html).text
    for expected in (
        "92.50%",
        "80.14% to 97.42%",
        "3 of 40",
        "0.1234",
        "141,258",
        manifest.run_id,
        "12 images were resized.",
        "1,234 images/s",
        "900 MiB",
        manifest.code_sha256,
        manifest.weights_sha256,
        "training.batch_size",
    ):
        assert expected in text


def test_page_loads_nothing_from_anywhere(html: str) -> None:
    addresses = [
        value
        for _, attributes in Page(html).tags
        for name, value in attributes.items()
        if name in {"src", "href", "action", "data", "srcset"}
    ]
    assert addresses
    assert all(address and address.startswith(("data:image/png;", "#")) for address in addresses)
    assert "url(" not in html
    assert "@import" not in html
    assert not Page(html).attributes("script")
    policy = Page(html).attributes("meta")[1]["content"]
    assert policy == "default-src 'none'; style-src 'unsafe-inline'; img-src data:"


def test_contents_list_leads_to_every_section(html: str) -> None:
    links = {attributes["href"] for attributes in Page(html).attributes("a")}
    assert links == {f"#{attributes['id']}" for attributes in Page(html).attributes("section")}


def test_every_picture_has_a_text(html: str) -> None:
    pictures = Page(html).attributes("img")
    assert len(pictures) == 4 + 3  # figures without the montage, and three thumbnails
    assert all(attributes["alt"] for attributes in pictures)


def test_class_names_cannot_break_out_of_the_page(html: str, manifest: RunManifest) -> None:
    hostile = manifest.records.ingest.class_names[0]
    assert "<script" not in html
    assert hostile in Page(html).text


def test_page_is_the_same_each_time(html: str, artifacts: Path, manifest: RunManifest) -> None:
    assert page.render_html(artifacts, manifest) == html


def test_many_classes_do_not_flood_the_page(artifacts: Path, manifest: RunManifest) -> None:
    classes = tuple(
        ClassMetrics(class_name=f"class {n}", precision=1, recall=1, f1=n / 1000, support=1)
        for n in range(1000)
    )
    evaluation = manifest.records.evaluate.model_copy(update={"classes": classes})
    ingest = manifest.records.ingest.model_copy(
        update={
            "class_names": tuple(row.class_name for row in classes),
            "counts": {"train": (1,) * 1000, "test": (1,) * 1000},
        }
    )
    records = manifest.records.model_copy(update={"evaluate": evaluation, "ingest": ingest})
    many = manifest.model_copy(update={"records": records})
    text = Page(page.render_html(artifacts, many)).text
    assert "950 stronger classes are left out" in text
    assert "class 0" in text
    assert "class 999" not in text
    assert "950 stronger classes are left out" in page.render_markdown(many)


def test_run_without_mistakes_says_so(artifacts: Path, manifest: RunManifest) -> None:
    report = manifest.records.report.model_copy(
        update={"mistakes": (), "thumbnails": (), "mistakes_total": 0}
    )
    records = manifest.records.model_copy(update={"report": report})
    perfect = manifest.model_copy(update={"records": records})
    assert "No test image was misclassified." in page.render_html(artifacts, perfect)


def test_markdown_tells_the_result(manifest: RunManifest) -> None:
    markdown = page.render_markdown(manifest)
    assert "92.50% test accuracy" in markdown
    assert "| ingest | 1.2 | yes |" in markdown
    assert manifest.weights_sha256 in markdown


def test_class_names_cannot_break_out_of_markdown(manifest: RunManifest) -> None:
    markdown = page.render_markdown(manifest)
    row = next(line for line in markdown.splitlines() if "script" in line and line.startswith("|"))
    assert re.search(r"(?<!\\)<", row) is None
    assert re.search(r"(?<!\\)\[", row) is None
    assert len(re.findall(r"(?<!\\)\|", row)) == 6  # five columns


def test_escaped_markdown_shows_the_text_itself() -> None:
    from markdown_it import MarkdownIt

    text = "# <b>*bold*</b> [x](http://y) `code` ~~a~~ 1. & | - $"
    rendered = MarkdownIt().render(page.escape_markdown(text))
    assert Page(rendered).text.strip() == text
