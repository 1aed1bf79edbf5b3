"""faceage: how old each face of two photos looks, and whether both show the same person.

`faceage_core.pipeline.Pipeline` compares in this process; the service in `deployments` runs the
same code on Ray Serve.
"""

__version__ = "0.1.0"
