import re
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path

import pytest
from markdown_it import MarkdownIt
from PIL import Image

from sightline.records import Check, ClassMetrics, DataGateResult, ProfileChange
from sightline.records.manifest import RunManifest
from sightline.reporting import page
from sightline.storage.workspace import Workspace

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
    return page.render_html(Workspace(artifacts), manifest)


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
    assert policy == (
        "default-src 'none'; style-src 'unsafe-inline'; img-src data:; "
        "base-uri 'none'; form-action 'none'"
    )


def test_contents_list_leads_to_every_section(html: str) -> None:
    links = {attributes["href"] for attributes in Page(html).attributes("a")}
    assert links == {f"#{attributes['id']}" for attributes in Page(html).attributes("section")}


def test_every_picture_has_a_text(html: str) -> None:
    pictures = Page(html).attributes("img")
    assert len(pictures) == 5 + 3  # figures without the montage, and three thumbnails
    assert all(attributes["alt"] for attributes in pictures)


def test_pictures_have_their_size_so_that_nothing_jumps(
    html: str, artifacts: Path, manifest: RunManifest
) -> None:
    layers, thumbnail = (
        artifacts / record.path
        for record in (
            manifest.records.report.figures["layers"],
            manifest.records.report.thumbnails[0],
        )
    )
    shown = {
        (attributes["width"], attributes["height"]) for attributes in Page(html).attributes("img")
    }
    with Image.open(layers) as picture:
        assert (str(round(picture.width / 2)), str(round(picture.height / 2))) in shown
    with Image.open(thumbnail) as picture:
        assert (str(picture.width), str(picture.height)) in shown


def test_every_heading_of_a_table_says_what_it_heads(html: str) -> None:
    headings = Page(html).attributes("th")
    assert headings
    assert {attributes.get("scope") for attributes in headings} == {"row", "col"}


def test_page_shows_splits_confusions_and_a_blind_guess(html: str) -> None:
    text = Page(html).text
    for expected in (
        "validation40held out of train; watched while training",
        "b330.00%",  # the first class was taken for it three times, in 30% of its images
        "always naming the most frequent class would get 25.00%",
        "The weakest class is “d” with an F1 of 0.650.",
    ):
        assert expected in text


def test_weakest_class_comes_first_with_the_longest_bar(html: str) -> None:
    widths = [
        float(attributes["style"].removeprefix("width:").removesuffix("%"))
        for attributes in Page(html).attributes("span")
        if attributes.get("style")
    ]
    assert widths == [100.0, 71.4, 42.9, 14.3]


def test_perfect_classes_have_no_bar(artifacts: Path, manifest: RunManifest) -> None:
    evaluation = manifest.records.evaluate
    classes = tuple(row.model_copy(update={"f1": 1.0}) for row in evaluation.classes)
    evaluation = evaluation.model_copy(update={"classes": classes})
    records = manifest.records.model_copy(update={"evaluate": evaluation})
    perfect = manifest.model_copy(update={"records": records})
    assert page.render_html(Workspace(artifacts), perfect).count("width:0.0%") == 4


def test_class_names_cannot_break_out_of_the_page(html: str, manifest: RunManifest) -> None:
    hostile = manifest.records.ingest.class_names[0]
    assert "<script" not in html
    assert hostile in Page(html).text


def test_page_is_the_same_each_time(html: str, artifacts: Path, manifest: RunManifest) -> None:
    assert page.render_html(Workspace(artifacts), manifest) == html


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
    text = Page(page.render_html(Workspace(artifacts), many)).text
    assert "950 stronger classes are left out" in text
    assert "class 0" in text
    assert "class 999" not in text
    assert "950 more classes are left out here" in text
    assert "950 stronger classes are left out" in page.render_markdown(many)


def test_run_without_mistakes_says_so(artifacts: Path, manifest: RunManifest) -> None:
    report = manifest.records.report.model_copy(
        update={"mistakes": (), "thumbnails": (), "mistakes_total": 0}
    )
    records = manifest.records.model_copy(update={"report": report})
    perfect = manifest.model_copy(update={"records": records})
    assert "No test image was misclassified." in page.render_html(Workspace(artifacts), perfect)


def test_resumed_training_is_told(artifacts: Path, manifest: RunManifest) -> None:
    sentence = "Went on from epoch 2, step 130 on 2026-11-24 01:02:03 UTC."
    trained = manifest.records.train.model_copy(update={"resumed": (sentence,), "best_epoch": 2})
    records = manifest.records.model_copy(update={"train": trained})
    resumed = manifest.model_copy(update={"records": records})
    text = Page(page.render_html(Workspace(artifacts), resumed)).text
    assert sentence in text
    assert "Weights of epoch" in text
    assert "Went on from epoch 2, step 130" in page.render_markdown(resumed)
    assert "Resumed" not in page.render_markdown(manifest)


def test_markdown_tells_the_result(manifest: RunManifest) -> None:
    markdown = page.render_markdown(manifest)
    assert "92.50% test accuracy" in markdown
    assert "| ingest | 1.2 | yes |" in markdown
    assert manifest.weights_sha256 in markdown


def test_class_names_cannot_break_out_of_markdown(manifest: RunManifest) -> None:
    markdown = page.render_markdown(manifest)
    assert re.search(r"(?<!\\)[<\[]", markdown) is None


def test_markdown_tables_are_whole_and_show_class_names_literally(manifest: RunManifest) -> None:
    hostile = manifest.records.ingest.class_names[0]
    tokens = MarkdownIt().enable("table").parse(page.render_markdown(manifest))
    starts = [token.type for token in tokens]
    assert starts.count("table_open") == 6
    cells = [
        "".join(child.content for child in token.children or [])
        for before, token in pairwise(tokens)
        if before.type == "td_open"
    ]
    assert cells.count(hostile) == 3  # its metrics, what it is confused with, and a slice
    assert not {child.type for token in tokens for child in token.children or []} & {
        "html_inline",
        "link_open",
        "image",
    }
    assert not {"html_block", "fence"} & set(starts)


def test_weakest_class_is_named_literally_in_markdown(manifest: RunManifest) -> None:
    classes = tuple(
        row.model_copy(update={"f1": 0.1 if number == 0 else 0.9})
        for number, row in enumerate(manifest.records.evaluate.classes)
    )
    evaluation = manifest.records.evaluate.model_copy(update={"classes": classes})
    records = manifest.records.model_copy(update={"evaluate": evaluation})
    markdown = page.render_markdown(manifest.model_copy(update={"records": records}))
    assert "The weakest class is “\\<script\\>alert" in markdown


def test_escaped_markdown_shows_the_text_itself() -> None:
    text = "# <b>*bold*</b> [x](http://y) `code` ~~a~~ 1. & | - $"
    rendered = MarkdownIt().render(page.escape_markdown(text))
    assert Page(rendered).text.strip() == text


@pytest.fixture
def judged(manifest: RunManifest) -> RunManifest:
    """A run whose data gate warned of something, and whose images moved."""
    hostile = manifest.records.ingest.class_names[0]
    verdict = DataGateResult(
        checks=(
            Check(
                name="leaks",
                outcome="warned",
                measured=0.025,
                limit=0,
                sentence=f"1 of 40 test images, such as test 3 (“{hostile}”).",
            ),
            Check(name="blank", outcome="passed", measured=0, limit=0, sentence="No image."),
        ),
        compared_with="20261123T010203Z-textures-tutorial-abcdef",
        changes=(
            ProfileChange(split="train", figure=f"share of class {hostile}", before=0.25, now=0.5),
        ),
    )
    report = manifest.records.report
    findings = {"findings": report.figures["samples"]}
    records = manifest.records.model_copy(
        update={
            "gate": verdict,
            "report": report.model_copy(update={"figures": report.figures | findings}),
        }
    )
    return manifest.model_copy(update={"records": records})


def test_report_tells_what_the_data_gate_found(artifacts: Path, judged: RunManifest) -> None:
    shown = Page(page.render_html(Workspace(artifacts), judged))
    hostile = judged.records.ingest.class_names[0]
    for expected in (
        "1 of 2 checks warned: leaks",
        "2.5%",
        f"1 of 40 test images, such as test 3 (“{hostile}”).",
        "What moved since run 20261123T010203Z-textures-tutorial-abcdef",
        f"share of class {hostile}",
        "25.00%",
        "50.00%",
    ):
        assert expected in shown.text
    assert not shown.attributes("script")
    assert "Images that are odd" in str([picture["alt"] for picture in shown.attributes("img")])
    assert "| Data gate | 1 of 2 checks warned\\: leaks |" in page.render_markdown(judged)


def test_run_without_a_gate_has_a_profile_of_each_split_alone(
    html: str, manifest: RunManifest
) -> None:
    inspection = manifest.records.ingest.inspection
    assert inspection is not None
    text = Page(html).text
    for profile in inspection.profiles.values():
        assert f"{profile.pixel_mean:.2f}" in text
        assert f"{profile.pixel_std:.2f}" in text
    assert "Data gate" not in text + page.render_markdown(manifest)
