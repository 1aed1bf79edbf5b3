"""faceage: how old each face of two photos looks, and whether both show the same person.

`Pipeline` compares in this process; the service in `deployments` runs the same code on Ray Serve.
The names below are imported when they are first used, so that importing this package is cheap.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from faceage_core.errors import FaceageError
    from faceage_core.models.options import ModelOptions
    from faceage_core.pipeline.pipeline import FacePipeline, Pipeline
    from faceage_core.pipeline.schema import CompareAnswer, FacesAnswer

__version__ = "0.1.0"

__all__ = [
    "CompareAnswer",
    "FacePipeline",
    "FaceageError",
    "FacesAnswer",
    "ModelOptions",
    "Pipeline",
    "__version__",
]

_MODULES = {
    "CompareAnswer": "faceage_core.pipeline.schema",
    "FacePipeline": "faceage_core.pipeline.pipeline",
    "FaceageError": "faceage_core.errors",
    "FacesAnswer": "faceage_core.pipeline.schema",
    "ModelOptions": "faceage_core.models.options",
    "Pipeline": "faceage_core.pipeline.pipeline",
}


if not TYPE_CHECKING:  # otherwise type checkers would accept any name

    def __getattr__(name: str) -> Any:
        """Import a public name on its first use (PEP 562)."""
        if name not in _MODULES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        value = globals()[name] = getattr(import_module(_MODULES[name]), name)
        return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
