"""The error when a stage of the service on this machine does not start."""

from typing import Any

import pytest
from ray import serve
from ray.serve.schema import LoggingConfig

import faceage_core.pipeline as pipeline
from deployments import local
from deployments.app import AppArgs
from faceage_core.errors import InvalidArgument, Unavailable


@pytest.fixture
def failing(monkeypatch: pytest.MonkeyPatch) -> None:
    def run(*_: Any, **__: Any) -> None:
        raise RuntimeError("Deploying application faceage failed: Detector\nTraceback: /srv/secret")

    monkeypatch.setattr(serve, "run", run)


def start(**args: Any) -> None:
    local._run(None, AppArgs(**args), LoggingConfig())  # type: ignore[arg-type]


@pytest.mark.usefixtures("failing")
def test_a_model_that_cannot_be_loaded_is_reported() -> None:
    with pytest.raises(InvalidArgument, match="device 'gpu7' is unavailable"):
        start(device="gpu7")


@pytest.mark.usefixtures("failing")
def test_any_other_cause_is_reported_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pipeline, "Pipeline", lambda _: None)
    with pytest.raises(Unavailable, match=r"did not start: Deploying .* Detector$"):
        start()
