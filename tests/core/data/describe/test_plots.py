from io import BytesIO

from PIL import Image

from faceage_core.data.describe import plots
from faceage_core.data.describe.description import Description


def test_plots_are_deterministic_png(description: Description) -> None:
    drawn = [plots.age_histogram(description.bands) for _ in range(2)]
    assert drawn[0] == drawn[1]
    with Image.open(BytesIO(drawn[0])) as image:
        assert image.size == (1200, 480)
        assert len(image.convert("RGB").getcolors(1 << 20) or ()) > 2
