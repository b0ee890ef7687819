"""Read a rendered page."""

import base64
import hashlib
from html.parser import HTMLParser
from itertools import pairwise

EMBEDDED = ("data:image/webp;base64,", "data:image/png;base64,", "#", "./")
VOID = {"meta", "img", "br", "wbr", "source"}


class Page(HTMLParser):
    """The tags, the text and the table rows of a page whose tags must be balanced."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str]]] = []
        self.rows: list[list[str]] = []
        self.text = ""
        self.script = ""
        self.feed(html)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, {name: value or "" for name, value in attrs}))
        if tag not in VOID:
            self.open.append(tag)
        if tag == "tr":
            self.rows.append([])
        elif tag in {"th", "td"}:
            self.rows[-1].append("")

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open[-1:] == ["script"]:
            self.script += data
            return
        self.text += data
        if {"th", "td"} & set(self.open):
            self.rows[-1][-1] += data

    def attributes(self, tag: str) -> list[dict[str, str]]:
        return [attributes for name, attributes in self.tags if name == tag]

    def ids(self, tag: str = "section") -> list[str]:
        return [attributes["id"] for attributes in self.attributes(tag)]


def check_self_contained(page: Page) -> None:
    """Check that a page loads nothing, runs one script of ours and is accessible by keyboard."""
    tags = {tag for tag, _ in page.tags}
    assert not tags & {"link", "iframe", "object"}
    assert page.attributes("script") == [{"type": "module"}]
    for _, attributes in page.tags:
        assert not [name for name in attributes if name.startswith("on")]
        for name in {"src", "href", "action", "srcset"} & set(attributes):
            assert attributes[name].startswith(EMBEDDED)
    (policy,) = (tag["content"] for tag in page.attributes("meta") if "http-equiv" in tag)
    digest = base64.b64encode(hashlib.sha256(page.script.encode()).digest()).decode()
    assert f"default-src 'none'; script-src 'sha256-{digest}'; style-src" in policy
    assert all(tag["alt"] for tag in page.attributes("img"))
    assert {tag.get("scope") for tag in page.attributes("th")} == {"row", "col"}
    links = [tag["href"] for tag in page.attributes("a") if tag["href"].startswith("#")]
    sections = [f"#{name}" for name in page.ids()]
    assert links[-len(sections) :] == sections
    assert {*links} == {*sections}
    assert [tag["aria-label"] for tag in page.attributes("nav")] == ["Contents"]
    scrollable = [tag for tag in page.attributes("div") if tag.get("class") == "scroll"]
    assert {(tag["role"], tag["tabindex"], bool(tag["aria-label"])) for tag in scrollable} == {
        ("group", "0", True)
    }
    levels = [int(tag[1]) for tag, _ in page.tags if tag in {"h1", "h2", "h3", "h4"}]
    assert (levels[0], levels.count(1)) == (1, 1)
    assert all(after <= before + 1 for before, after in pairwise(levels))
