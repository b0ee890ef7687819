"""The Prefect UI and the report in a browser. Screenshots are kept."""

import pytest
from playwright.sync_api import expect

from browser import check_no_barrier
from command import ROOT
from sightline.config import loading

SCREENSHOTS = ROOT / "build" / "screenshots"


@pytest.fixture(scope="module")
def report(workers, manual):
    """The newest report."""
    reports = (workers.artifacts / "runs").glob("*/report.html")
    return max(reports, key=lambda path: path.stat().st_mtime)


def show(page, *texts):
    for text in texts:
        expect(page.get_by_text(text).first).to_be_visible(timeout=60_000)


def keep(page, name):
    page.wait_for_timeout(1000)  # pages fade in
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=SCREENSHOTS / f"{name}.png", full_page=True)


def test_run_page_shows_the_artifacts(browser, workers, manual):
    with browser.new_page(viewport={"width": 1280, "height": 1200}) as page:
        page.goto(f"{workers.ui}/runs/flow-run/{manual['id']}")
        show(page, manual["name"])
        page.get_by_role("tab", name="Artifacts").or_(page.get_by_text("Artifacts")).last.click()
        show(page, "training-report", "confusion-matrix", "stage-times", "test-accuracy")
        keep(page, "flow-run")


def test_images_and_report_of_a_run_are_shown(browser, workers, manual):
    artifacts = workers.artifacts_of(manual["id"])
    with browser.new_page(viewport={"width": 1280, "height": 1200}) as page:
        page.goto(f"{workers.ui}/artifacts/artifact/{artifacts['confusion-matrix']['id']}")
        image = page.locator("img[src^='data:image/png']").first
        expect(image).to_be_visible(timeout=60_000)
        assert image.evaluate("image => image.naturalWidth") > 100
        keep(page, "confusion-matrix")
        page.goto(f"{workers.ui}/artifacts/artifact/{artifacts['training-report']['id']}")
        show(page, "test accuracy")
        keep(page, "training-report")


def test_form_of_the_deployment_explains_its_parameters(browser, workers):
    deployment = workers.deployment("train/train-manual")
    schema = deployment["parameter_openapi_schema"]["properties"]
    shipped, file = schema["recipe"]["anyOf"]
    assert shipped["enum"] == ["auto", *loading.names()]
    assert file["type"] == "string"
    assert all(field.get("description") for field in schema.values()), schema
    with browser.new_page(viewport={"width": 1280, "height": 1800}) as page:
        page.goto(f"{workers.ui}/deployments/deployment/{deployment['id']}/run")
        show(
            page,
            "Name of a data set (mnist, fashion-mnist, mnist-5k), or the absolute path",
            "Named config to start from, or the absolute path of a TOML file",
            "Passes over the training split. Default: the recipe's.",
            "Run even if nothing changed since the last run.",
        )
        keep(page, "form")


@pytest.mark.parametrize(("name", "width"), [("desktop", 1280), ("phone", 375)])
def test_report_fits_the_screen_and_loads_nothing(browser, report, name, width):
    requests, messages = list[str](), list[str]()
    with browser.new_page(viewport={"width": width, "height": 800}) as page:
        page.on("request", lambda request: requests.append(request.url))
        page.on("console", lambda message: messages.append(message.text))
        page.on("pageerror", lambda error: messages.append(str(error)))
        page.goto(report.as_uri())
        page.wait_for_load_state("networkidle")
        keep(page, f"report-{name}")
        root = "document.documentElement"
        assert page.evaluate(f"{root}.scrollWidth") <= page.evaluate(f"{root}.clientWidth")
    assert messages == []
    assert [url for url in requests if not url.startswith(("file:", "data:"))] == []


@pytest.mark.parametrize("colours", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 375])
def test_report_has_no_accessibility_barrier(browser, report, width, colours):
    with browser.new_page(viewport={"width": width, "height": 800}, color_scheme=colours) as page:
        page.goto(report.as_uri())
        check_no_barrier(page)
        assert page.evaluate("matchMedia('(prefers-color-scheme: dark)').matches") == (
            colours == "dark"
        )
