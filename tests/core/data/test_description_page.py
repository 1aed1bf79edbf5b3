"""The page that `faceage describe` writes: what it says, and that it needs nothing but itself."""

import re
from html.parser import HTMLParser
from io import BytesIO

from PIL import Image

from faceage_core.data.describe import plots
from faceage_core.data.describe.description import Description
from faceage_core.data.describe.page import PRIVATE, report
from faceage_core.data.describe.samples import Sample
from tests.core.data.described import even


class Page(HTMLParser):
    """Checks that tags are balanced, and collects what must be known of a page."""

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


def test_the_page_needs_nothing_but_itself(described: Description) -> None:
    text = report(described, SAMPLES)
    page = Page(text)
    assert page.addresses
    assert all(address.startswith("data:image/") for address in page.addresses)
    assert not {"script", "link", "iframe"} & set(page.tags)
    assert "url(" not in text
    assert "default-src 'none'" in text


def test_every_picture_has_words_and_every_plot_its_numbers(described: Description) -> None:
    page = Page(report(described, SAMPLES))
    assert all(len(image["alt"] or "") > 10 for image in page.images)
    plots_shown = [i for i in page.images if (i["src"] or "").startswith("data:image/png")]
    assert len(plots_shown) == 7
    assert page.tags.count("caption") == page.tags.count("table") >= 8


def test_what_a_data_set_says_is_text(described: Description) -> None:
    text = report(described, [])
    assert "for &lt;b&gt;research&lt;/b&gt; only" in text
    assert "<b>" not in text


def test_the_page_says_that_it_is_private_only_if_it_shows_people(described: Description) -> None:
    with_people, without = report(described, SAMPLES), report(described, [])
    assert PRIVATE in with_people
    assert "0 to 9 years" in with_people
    assert "unreadable" in with_people
    assert PRIVATE not in without
    assert "data:image/jpeg" not in without


def test_the_page_holds_the_figures(described: Description) -> None:
    text = re.sub(r"<[^>]+>", " ", report(described, []))
    assert re.search(r"unreadable image\s+2", text)
    assert re.search(r"train\s+4\s+66\.7%\s+21\.1", text)
    assert re.search(r"same file\s+1\s+2\s+1", text)
    assert re.search(r"160 x 160\s+5", text)


def test_a_page_of_one_size_and_no_rejections() -> None:
    described = even(80)
    page = Page(report(described, []))
    assert len(page.images) == 6  # no scatter of sizes
    assert "None." in report(described, [])


def test_plots_are_pictures_and_always_the_same(described: Description) -> None:
    drawn = [plots.age_histogram(described.bands) for _ in range(2)]
    assert drawn[0] == drawn[1]
    with Image.open(BytesIO(drawn[0])) as image:
        assert image.size == (1200, 480)
        assert len(image.convert("RGB").getcolors(1 << 20) or ()) > 2
