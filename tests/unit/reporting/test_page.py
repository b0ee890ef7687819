import re
from itertools import pairwise
from pathlib import Path

import pytest
from markdown_it import MarkdownIt
from PIL import Image

from html_page import Page, check_self_contained
from reported_runs import with_records
from sightline.config import CustomConfig
from sightline.records import Check, DataGateResult, ProfileChange
from sightline.reporting import model_card, page
from sightline.storage.workspace import Workspace


@pytest.fixture
def html(artifacts, manifest):
    return page.render_html(Workspace(artifacts), manifest)


def test_page_has_the_results(html, manifest):
    shown = Page(html)
    for expected in (
        "92.50%",
        "80.14% to 97.42%",
        "37 of 40",
        "0.1234",
        "141,258",
        manifest.run_id,
        "12 images were resized.",
        "1,234 images/s",
        "900 MiB",
    ):
        assert expected in shown.text
    for row in (
        ["Code, SHA-256", manifest.code_sha256],
        ["Weights, SHA-256", manifest.weights_sha256],
        ["training.batch_size", str(manifest.config.training.batch_size)],
        ["validation", "40", "reveals overfitting"],
    ):
        assert row in shown.rows
    assert "3 images (30.00%)" in shown.text
    inspection = manifest.records.ingest.inspection
    for name, profile in inspection.profiles.items():
        ends = [f"{profile.pixel_mean:.2f}", f"{profile.pixel_std:.2f}"]
        assert ends in [row[3:] for row in shown.rows if row[0] == name]


def test_first_screen_and_markdown_have_the_decisions_escaped(artifacts, manifest):
    decided = ("The validation split is the test split.", "<b>|x|</b> was left out.")
    files = manifest.records.ingest.model_copy(update={"decisions": decided})
    decisive = with_records(manifest, ingest=files)
    first_screen, *_ = page.render_html(Workspace(artifacts), decisive).partition("<nav")
    for text in ("How were the data read?", "NPZ archive; train: 160", decided[0], "See Data"):
        assert text in first_screen
    assert "&lt;b&gt;|x|&lt;/b&gt; was left out." in first_screen
    markdown = page.render_markdown(decisive)
    assert decided[0].removesuffix(".") in markdown
    assert r"\<b\>\|x\|" in markdown


def test_no_page_has_the_absolute_path_of_the_data_or_the_model(artifacts, manifest):
    data = manifest.config.data.model_copy(update={"dataset": "/home/erika/my photos"})
    network = CustomConfig(file=Path("/home/erika/net.keras"))
    config = manifest.config.model_copy(update={"data": data, "model": network})
    files = manifest.records.ingest.model_copy(update={"source": "/home/erika/my photos"})
    own = with_records(manifest, ingest=files).model_copy(update={"config": config})
    html = page.render_html(Workspace(artifacts), own)
    for text in (html, page.render_markdown(own), model_card.render_model_card(own)):
        assert "my photos" in text
        assert "erika" not in text
    assert ["model.file", '"net.keras"'] in Page(html).rows


def test_page_is_self_contained_and_accessible(html):
    check_self_contained(Page(html))
    assert "url(" not in html
    assert "@import" not in html


def test_verdict_comes_first_and_provenance_last(html):
    order = ["mistakes", "classes", "calibration", "training", "data", "model", "files"]
    assert Page(html).ids() == [*order, "provenance"]
    first_screen, _, rest = html.partition("<nav")
    questions = ["How good", "Is it better", "What needs attention", "What to try next"]
    places = [first_screen.index(question) for question in questions]
    assert places == sorted(places)
    assert not any(question in rest for question in questions)


def test_files_of_the_run_folder_are_linked_beside_the_page(html):
    links = {tag["href"] for tag in Page(html).attributes("a")}
    assert {"./model.keras", "./manifest.json"} <= links
    row = ["model.keras", "the model, its class names and how images become its input", "7"]
    assert row in Page(html).rows


def test_figures_have_a_size_so_that_nothing_jumps(html, artifacts, manifest):
    report = manifest.records.report
    images = Page(html).attributes("img")
    assert len(images) == 6 + 12 + 3 + 3  # figures, three of each class, confused ones, mistakes
    shown = {(attributes["width"], attributes["height"]) for attributes in images}
    for record, density in ((report.figures["layers"], 2), (report.thumbnails[0], 1)):
        with Image.open(artifacts / record.path) as image:
            size = tuple(str(round(side / density)) for side in image.size)
        assert size in shown


def test_page_is_the_same_each_time(html, artifacts, manifest):
    assert page.render_html(Workspace(artifacts), manifest) == html


def test_many_classes_do_not_flood_the_page(artifacts, manifest):
    evaluation = manifest.records.evaluate
    names = tuple(f"class {number}" for number in range(1000))
    classes = tuple(
        evaluation.classes[0].model_copy(update={"class_name": name, "f1": number / 1000})
        for number, name in enumerate(names)
    )
    counts = {"train": (1,) * 1000, "test": (1,) * 1000}
    many = with_records(
        manifest,
        evaluate=evaluation.model_copy(
            update={"classes": classes, "confusion": ((1,) * 1000,) * 1000}
        ),
        ingest=manifest.records.ingest.model_copy(update={"class_names": names, "counts": counts}),
    )
    rows = Page(page.render_html(Workspace(artifacts), many)).rows
    shown = [row for row in rows if row[0].startswith("class ")]
    assert len(shown) == 50 + 1000
    assert ["class 999", "999", "1", "1"] in shown, "the confusion matrix shows only labels"
    markdown = page.render_markdown(many)
    assert "950 more classes are in metrics.json" in markdown
    assert "class 0" in markdown
    assert "class 999" not in markdown


def test_run_without_mistakes_shows_none(artifacts, manifest):
    report = manifest.records.report.model_copy(
        update={"mistakes": (), "thumbnails": (), "mistakes_total": 0, "confusions": ()}
    )
    html = page.render_html(Workspace(artifacts), with_records(manifest, report=report))
    assert len(Page(html).attributes("img")) == 6 + 12


def test_resumed_training_and_early_stopping_are_shown(artifacts, manifest):
    sentence = "Resumed from epoch 2, step 130 on 2026-11-24 01:02:03 UTC."
    stopped = "Stopped after epoch 4: no lower validation loss for 2 epochs."
    changes = {"resumed": (sentence,), "best_epoch": 2, "stopped": stopped}
    trained = manifest.records.train.model_copy(update=changes)
    resumed = with_records(manifest, train=trained)
    text = Page(page.render_html(Workspace(artifacts), resumed)).text
    assert sentence in text
    assert "Best epoch" in text
    assert stopped in text
    assert "| Best epoch | 2 |" in page.render_markdown(resumed)
    assert "| Early stopping | Stopped after epoch 4" in page.render_markdown(resumed)
    assert "Resumed from epoch 2, step 130" in page.render_markdown(resumed)
    assert "Resumed" not in page.render_markdown(manifest)


def test_class_names_cannot_break_out_of_the_page(html, manifest):
    assert html.count("<script") == 1
    assert "<script>" not in html
    assert manifest.records.ingest.class_names[0] in Page(html).text


def test_markdown_has_the_results(manifest):
    markdown = page.render_markdown(manifest)
    assert "| Misclassified | 3 of 40 |" in markdown
    assert "| ingest | 1.2 | yes |" in markdown
    assert manifest.weights_sha256 in markdown


def test_markdown_tables_are_complete_and_show_class_names_literally(manifest):
    markdown = page.render_markdown(manifest)
    assert re.search(r"(?<!\\)[<\[]", markdown) is None
    tokens = MarkdownIt().enable("table").parse(markdown)
    starts = [token.type for token in tokens]
    assert starts.count("table_open") == 8
    cells = [
        "".join(child.content for child in token.children or [])
        for before, token in pairwise(tokens)
        if before.type == "td_open"
    ]
    # Its metrics, what it is confused with, and a slice.
    assert cells.count(manifest.records.ingest.class_names[0]) == 3
    inside = {child.type for token in tokens for child in token.children or []}
    assert not {*inside, *starts} & {"html_inline", "html_block", "link_open", "image", "fence"}


def test_warnings_show_class_names_literally_in_markdown(manifest):
    first, *others = manifest.records.evaluate.classes
    classes = (first.model_copy(update={"f1": 0.1}), *others)
    evaluation = manifest.records.evaluate.model_copy(update={"classes": classes})
    assert "“\\<script\\>alert" in page.render_markdown(with_records(manifest, evaluate=evaluation))


def test_escaped_markdown_shows_the_text_itself():
    text = "# <b>*bold*</b> [x](http://y) `code` ~~a~~ 1. & | - $"
    rendered = MarkdownIt().render(page.escape_markdown(text))
    assert Page(rendered).text.strip() == text


def test_page_shows_the_data_gate_with_findings_and_drift(artifacts, manifest):
    hostile = manifest.records.ingest.class_names[0]
    finding = f"1 of 40 test images, such as test 3 (“{hostile}”)."
    leaks = Check(name="leaks", outcome="warned", measured=0.025, limit=0, sentence=finding)
    gate = DataGateResult(
        checks=(leaks, Check(name="blank", outcome="passed", measured=0, limit=0, sentence="No.")),
        compared_with="20261123T010203Z-textures-tutorial-abcdef",
        changes=(
            ProfileChange(split="train", figure=f"share of class {hostile}", before=0.25, now=0.5),
        ),
    )
    report = manifest.records.report
    figures = report.page_figures | {"findings": report.page_figures["samples"]}
    checked = with_records(
        manifest, gate=gate, report=report.model_copy(update={"page_figures": figures})
    )
    shown = Page(page.render_html(Workspace(artifacts), checked))
    assert ["leaks", "warned", "2.5%", "0%", finding] in shown.rows
    assert ["train", f"share of class {hostile}", "25.00%", "50.00%"] in shown.rows
    assert gate.compared_with in shown.text
    assert len(shown.attributes("img")) == 6 + 12 + 3 + 3 + 1
    check_self_contained(shown)
    assert "| Data gate | 1 of 2 checks warned\\: leaks |" in page.render_markdown(checked)
    assert "Data gate" not in page.render_markdown(manifest)


def test_photographs_have_a_dark_file_and_charts_are_inverted(html, artifacts, manifest):
    shown, report = Page(html), manifest.records.report
    photos = {"samples", "correct", "label_errors", "saliency"}
    assert {*report.dark_figures} == {*report.figures} & photos
    sources = shown.attributes("source")
    assert len(sources) == len(report.dark_figures)
    dark = page.data_url((artifacts / report.dark_figures["samples"].path).read_bytes())
    (samples,) = [one for one in sources if one["srcset"] == dark]
    assert samples["media"] == "screen and (prefers-color-scheme: dark)"
    with Image.open(artifacts / report.dark_figures["samples"].path) as image:
        assert image.convert("RGB").getpixel((0, 0)) == (0x14, 0x17, 0x1A)
    charts = [one for one in shown.attributes("img") if one.get("class") == "chart"]
    assert len(charts) == len({*report.figures} - {*report.dark_figures, "mistakes"})
    assert ".chart { filter: invert" in html


def test_names_break_after_underscores_only(artifacts, manifest):
    mistake = manifest.records.report.mistakes[0].model_copy(update={"label": "blue_<b>erry"})
    others = manifest.records.report.mistakes[1:]
    report = manifest.records.report.model_copy(update={"mistakes": (mistake, *others)})
    html = page.render_html(Workspace(artifacts), with_records(manifest, report=report))
    assert "blue_<wbr>&lt;b&gt;erry" in html
    assert "blue_<b>erry" in Page(html).text
