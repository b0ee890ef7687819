"""The report in a browser: its script, its print and its accessibility."""

import pytest

from browser import check_no_barrier
from reported_runs import with_records
from sightline.reporting import page as pages
from sightline.storage.workspace import Workspace

LONG = "IMG_20231105_a_very_long_name_without_a_space_<i>of_a_photograph_" * 3
"""A name that is wider than a telephone."""


@pytest.fixture
def report(artifacts, manifest, tmp_path):
    """A page whose file names and class names are long and hostile."""
    files, found = manifest.records.ingest, manifest.records.evaluate
    names = (*files.class_names[:3], LONG)
    classes = [
        row.model_copy(update={"class_name": name})
        for row, name in zip(found.classes, names, strict=True)
    ]
    changed = with_records(
        manifest,
        ingest=files.model_copy(update={"class_names": names, "notes": (LONG,)}),
        evaluate=found.model_copy(update={"classes": tuple(classes)}),
    )
    path = tmp_path / "report.html"
    path.write_text(pages.render_html(Workspace(artifacts), changed), encoding="utf-8")
    return path


@pytest.fixture
def shown(browser, report):
    """The page; anything that a script writes to the console fails the test."""
    messages = list[str]()
    with browser.new_page(viewport={"width": 1280, "height": 800}) as page:
        page.on("console", lambda message: messages.append(message.text))
        page.on("pageerror", lambda error: messages.append(str(error)))
        page.goto(report.as_uri())
        yield page
    assert messages == []


def column(page, number):
    cells = page.locator(f"#classes tbody tr :nth-child({number}):is(th, td)")
    return [text.splitlines()[0] for text in cells.all_inner_texts()]


def test_headings_sort_a_table_up_down_and_back(shown):
    before = column(shown, 5)
    assert before == ["0.6500", "0.7500", "0.8500", "0.9500"]
    head = shown.locator("#classes th", has_text="F1").first
    head.get_by_role("button").click()
    assert (head.get_attribute("aria-sort"), column(shown, 5)) == ("descending", before[::-1])
    head.get_by_role("button").press("Enter")
    assert (head.get_attribute("aria-sort"), column(shown, 5)) == ("ascending", before)
    name = shown.locator("#classes th", has_text="Class").first
    name.get_by_role("button").click()
    assert (name.get_attribute("aria-sort"), head.get_attribute("aria-sort")) == ("ascending", None)
    assert column(shown, 1)[1:3] == ["b", "c"]
    for _ in range(2):
        name.get_by_role("button").click()
    assert (name.get_attribute("aria-sort"), column(shown, 5)) == (None, before)


def test_picture_that_is_pointed_at_shows_its_text_literally(shown):
    image = shown.locator(".confusions img").first
    image.hover()
    hint = shown.locator(".hint")
    assert hint.inner_text() == image.get_attribute("alt")
    assert "<script>alert(1)</script>" in hint.inner_text()
    shown.keyboard.press("Escape")
    assert not hint.is_visible()


def test_page_without_its_script_shows_everything(browser, report):
    with browser.new_context(java_script_enabled=False) as context:
        page = context.new_page()
        page.goto(report.as_uri())
        assert page.locator("th button").count() == 0
        assert all(box.is_visible() for box in page.locator("section, summary, img").all())
        image = page.locator(".confusions img").first
        assert image.get_attribute("title") == image.get_attribute("alt")


def test_print_opens_what_is_folded(shown):
    shown.emulate_media(media="print")
    inside = shown.locator("details table, details dl")
    assert inside.count() > 3
    assert all(box.is_visible() for box in inside.all())
    assert not shown.locator("nav").is_visible()


@pytest.mark.parametrize("colours", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 400])
def test_page_fits_the_screen_and_has_no_accessibility_barrier(browser, report, width, colours):
    with browser.new_page(viewport={"width": width, "height": 800}, color_scheme=colours) as page:
        page.goto(report.as_uri())
        check_no_barrier(page)
        assert page.evaluate("document.documentElement.scrollWidth") == width
