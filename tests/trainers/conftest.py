"""What the tests of training share: a Ray of their own and a small data set of real faces."""

from collections.abc import Iterator

import pytest

from trainers.session import ray_session


@pytest.fixture(scope="module")
def ray_here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """One Ray for all trainings of a module, whose data sets are copied to a cache of its own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        with ray_session(None):
            yield
