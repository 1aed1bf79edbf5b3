"""The annotated comparison: two photos side by side, their faces and ages, and the verdict."""

from faceage_core.render.picture import encode_jpeg, render_comparison
from faceage_core.render.scene import Label, Panel, Verdict

__all__ = ["Label", "Panel", "Verdict", "encode_jpeg", "render_comparison"]
