"""Debian's Chromium, for tests of pages."""

import shutil
from collections.abc import Iterator

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, sync_playwright

CHROMIUM = shutil.which("chromium")
ARGUMENTS = [
    "--no-sandbox",  # root has none
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    if CHROMIUM is None:
        pytest.skip("Chromium is not installed (Debian's package chromium)")
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield running
        running.close()


def check_no_barrier(page: Page) -> None:
    """Open what is folded, and look for barriers to accessibility."""
    page.eval_on_selector_all("details", "all => all.forEach(one => one.open = true)")
    found = Axe().run(page)
    assert len(found.response["passes"]) > 20  # the check ran
    assert found.response["violations"] == [], found.generate_report()
