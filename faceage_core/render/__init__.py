"""The annotated picture: two photos side by side, their faces with ages, and the verdict.

| module | draws or holds |
|---|---|
| `answer` | draws a `CompareAnswer`: the entry point of the CLI and the service |
| `comparison` | draws the whole picture: both photos, their captions, faces and verdict |
| `faces` | draws frames and labels of one photo's faces |
| `verdict_bar` | draws the bar below the photos |
| `text` | the font, and text limited to what the font and the available width allow |
| `shapes` | colours and filled shapes |
| `layout` | positions and sizes, no pixels |
| `elements` | the values to draw: `FaceLabel`, `Panel`, `Verdict` |
| `jpeg` | encodes a picture |
"""

from faceage_core.render.comparison import render_comparison
from faceage_core.render.elements import FaceLabel, Panel, Verdict
from faceage_core.render.jpeg import encode_jpeg

__all__ = ["FaceLabel", "Panel", "Verdict", "encode_jpeg", "render_comparison"]
