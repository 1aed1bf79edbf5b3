"""What the tests of training share: a Ray of their own and a small data set of real faces."""

from collections.abc import Iterator
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from trainers.session import ray_session


@pytest.fixture(scope="module")
def ray_here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """One Ray for all trainings of a module, whose data sets are copied to a cache of its own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        with ray_session(None):
            yield


@pytest.fixture(scope="session")
def faces(data_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A few hundred of UTKFace's pictures, prepared as the command does it, by a plain loop."""
    from faceage_core.data.options import PrepareOptions
    from faceage_core.data.plan import list_source, write_plan
    from faceage_core.data.preparation import ChunkMaker, pending
    from faceage_core.data.publishing import publish
    from faceage_core.data.storage import Folder

    root = tmp_path_factory.mktemp("faces")
    (root / "UTKFace").mkdir()
    table = pq.read_table(data_dir / "utkface_trainval.parquet", columns=["file", "image"])
    for row in table.take(list(range(0, len(table), 60))).to_pylist():
        (root / "UTKFace" / row["file"]).write_bytes(row["image"])
    source, out = Folder.at(str(root / "UTKFace")), Folder.at(str(root / "prepared"))
    options = PrepareOptions(dataset="utkface", size_px=128)
    job = write_plan(options, (source,), list_source(options, (source,)), out, 128)
    maker = ChunkMaker(job)
    for index in pending(job):
        maker.make(index)
    publish(job, out)
    return root / "prepared"
