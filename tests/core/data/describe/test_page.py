"""The HTML page of `faceage describe`: its content, and that it is self-contained."""

import re
from html.parser import HTMLParser

from faceage_core.data.describe.description import Description
from faceage_core.data.describe.page import PRIVATE, render_page
from faceage_core.data.describe.samples import Sample
from tests.core.data.describe.factories import balanced


class Page(HTMLParser):
    """Checks that tags are balanced, and collects the images, addresses and tags of a page."""

    VOID = ("meta", "img", "br")

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.images: list[dict[str, str | None]] = []
        self.addresses: list[str] = []
        self.tags: list[str] = []
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        values = dict(attrs)
        self.addresses += [values[key] or "" for key in ("src", "href") if key in values]
        if tag == "img":
            self.images.append(values)
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


SAMPLES = [Sample(3.0, "female", "train", b"jpeg"), Sample(41.0, None, "val", None)]


def test_the_page_is_self_contained(description: Description) -> None:
    text = render_page(description, SAMPLES)
    page = Page(text)
    assert page.addresses
    assert all(address.startswith("data:image/") for address in page.addresses)
    assert not {"script", "link", "iframe"} & set(page.tags)
    assert "url(" not in text
    assert "default-src 'none'" in text


def test_images_have_alt_texts_and_plots_have_tables(description: Description) -> None:
    page = Page(render_page(description, SAMPLES))
    assert all(len(image["alt"] or "") > 10 for image in page.images)
    plots_shown = [i for i in page.images if (i["src"] or "").startswith("data:image/png")]
    assert len(plots_shown) == 7
    assert page.tags.count("caption") == page.tags.count("table") >= 8


def test_texts_of_a_data_set_are_escaped(description: Description) -> None:
    text = render_page(description, [])
    assert "for &lt;b&gt;research&lt;/b&gt; only" in text
    assert "<b>" not in text


def test_the_page_is_marked_private_only_with_samples(description: Description) -> None:
    with_people, without = render_page(description, SAMPLES), render_page(description, [])
    assert PRIVATE in with_people
    assert "0 to 9 years" in with_people
    assert "unreadable" in with_people
    assert PRIVATE not in without
    assert "data:image/jpeg" not in without


def test_the_page_contains_the_figures(description: Description) -> None:
    text = re.sub(r"<[^>]+>", " ", render_page(description, []))
    assert re.search(r"unreadable image\s+2", text)
    assert re.search(r"train\s+4\s+66\.7%\s+21\.1", text)
    assert re.search(r"same file\s+1\s+2\s+1", text)
    assert re.search(r"160 x 160\s+5", text)


def test_a_page_of_one_size_and_no_rejections() -> None:
    description = balanced(80)
    page = Page(render_page(description, []))
    assert len(page.images) == 6  # no scatter of sizes
    assert "None." in render_page(description, [])
