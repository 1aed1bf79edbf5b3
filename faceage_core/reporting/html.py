"""Parts of a self-contained HTML page: text is escaped, pictures are embedded."""

from base64 import b64encode
from collections.abc import Iterable, Sequence
from html import escape

_STYLE = """
:root { color-scheme: light; }
body { font: 16px/1.55 system-ui, sans-serif; color: #222; background: #fff; max-width: 60rem;
  margin: 2.5rem auto; padding: 0 1.25rem; }
h1 { font-size: 1.75rem; margin: 0 0 .25rem; } h2 { font-size: 1.2rem; margin: 2.5rem 0 .5rem;
  border-top: 1px solid #ddd; padding-top: 1.25rem; }
h3 { font-size: 1rem; margin: 1.5rem 0 .25rem; }
p { max-width: 46rem; } .quiet { color: #595959; }
.note { border-left: 4px solid #0072b2; background: #f2f7fb; padding: .6rem 1rem; }
.warning { border-left-color: #b34700; background: #fdf4ec; }
figure { margin: 1rem 0; } figure > img { max-width: 100%; height: auto; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; font-size: .9rem; margin: .5rem 0; }
caption { text-align: left; color: #595959; padding-bottom: .25rem; }
th, td { text-align: right; padding: .2rem .75rem .2rem 0; border-bottom: 1px solid #e6e6e6;
  font-variant-numeric: tabular-nums; white-space: nowrap; }
th:first-child, td:first-child { text-align: left; } thead th { font-weight: 600; }
tbody th { font-weight: 400; } summary { cursor: pointer; color: #004f7c; }
.sheet { display: flex; flex-wrap: wrap; gap: .5rem; padding: 0; margin: .25rem 0 1rem;
  list-style: none; }
.sheet li { width: 96px; font-size: .75rem; text-align: center; color: #444; }
.sheet img, .sheet .none { display: block; width: 96px; height: 96px; object-fit: contain;
  background: #eee; }
@media print { body { margin: 0; } figure, .sheet li { break-inside: avoid; } }
"""
# Blocks all external content, whatever text a data set contains.
_POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"


def page(title: str, sections: Iterable[str]) -> str:
    """Return the whole document.

    Args:
        title: plain text.
        sections: HTML of the body.
    """
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="robots" content="noindex">\n'
        f"<title>{escape(title)}</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n<main>\n"
        + "\n".join(sections)
        + "\n</main>\n</body>\n</html>\n"
    )


def section(title: str, *pieces: str) -> str:
    """Return a section with a heading; the pieces are HTML."""
    return f"<section>\n<h2>{escape(title)}</h2>\n" + "\n".join(pieces) + "\n</section>"


def paragraph(text: str, kind: str = "") -> str:
    """Return a paragraph of plain text.

    Args:
        text: plain text.
        kind: CSS class: quiet, note, "note warning", or "" for none.
    """
    return f'<p class="{escape(kind)}">{escape(text)}</p>' if kind else f"<p>{escape(text)}</p>"


def plot(png: bytes, alt: str) -> str:
    """Return a figure with a PNG plot and its alternative text."""
    return f'<figure><img src="{data_uri(png, "image/png")}" alt="{escape(alt)}"></figure>'


def table(caption: str, header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table whose first column has the headings of the rows; all cells are plain text."""
    head = "".join(f'<th scope="col">{escape(cell)}</th>' for cell in header)
    body = "".join(
        f'<tr><th scope="row">{escape(name)}</th>'
        + "".join(f"<td>{escape(cell)}</td>" for cell in cells)
        + "</tr>\n"
        for name, *cells in rows
    )
    return (
        f'<div class="scroll" role="region" aria-label="{escape(caption)}" tabindex="0">'
        f"<table><caption>{escape(caption)}</caption>"
        f"<thead><tr>{head}</tr></thead>\n<tbody>\n{body}</tbody></table></div>"
    )


def details(summary: str, piece: str) -> str:
    """Return collapsed content, such as the numbers of a plot, that opens on a click."""
    return f"<details><summary>{escape(summary)}</summary>\n{piece}\n</details>"


def data_uri(data: bytes, kind: str) -> str:
    """Return the data URI of a file.

    Args:
        data: content of the file.
        kind: media type, such as "image/png".
    """
    return f"data:{kind};base64,{b64encode(data).decode()}"
