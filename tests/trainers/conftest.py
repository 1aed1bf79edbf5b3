"""Fixtures of the training tests."""

from collections.abc import Iterator

import pytest

from trainers.ray_session import ray_session


@pytest.fixture(scope="module")
def ray_here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """One Ray for all tests of a module, with a temporary cache of data sets."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        with ray_session(None):
            yield
