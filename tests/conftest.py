"""Fixtures of all tests: the sample photos, the development data, the loaded models."""

import os
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, settings

if TYPE_CHECKING:
    from faceage_core.data.prepare.options import PrepareOptions
    from faceage_core.pipeline import Pipeline

# PyTorch's threads use CPU time while they wait for each other. The tests' networks are small, so
# on a busy machine most of the time would be spent waiting. Commands that tests start inherit this.
os.environ.setdefault("OMP_NUM_THREADS", "1")
# The tests' trainings take seconds: Ray Train checks them more often than every two seconds, and
# does not start a process for each one that watches for a cloud's preemption notice.
os.environ.setdefault("RAY_TRAIN_HEALTH_CHECK_INTERVAL_S", "0.2")
os.environ.setdefault("RAY_TRAIN_ENABLE_PREEMPTION_WATCHER", "0")
# Ray's workers yield to all other processes by default, and would starve on a busy machine.
os.environ.setdefault("RAY_worker_niceness", "0")

# On a busy machine an example and its generation may take any time.
settings.register_profile("faceage", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("faceage")

REPOSITORY = Path(__file__).parents[1]


@pytest.fixture(scope="session")
def repository() -> Path:
    return REPOSITORY


@pytest.fixture(scope="session")
def samples() -> dict[str, bytes]:
    """The sample photos by file name, in the order of their names."""
    files = sorted((REPOSITORY / "samples").glob("*.[jp][pn]g"))
    return {file.name: file.read_bytes() for file in files}


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """The development data, which is not part of the repository."""
    path = Path(os.environ.get("FACEAGE_TEST_DATA", REPOSITORY.parent / "shared" / "data"))
    if not path.is_dir():
        pytest.skip("needs the development data; FACEAGE_TEST_DATA names its directory")
    return path


def prepare_here(
    options: "PrepareOptions", source: Path, out: Path, *, chunk: int | None = None
) -> None:
    """Prepare a data set as the command does, by a loop in this process instead of Ray.

    Args:
        options: how to prepare it.
        source: the raw data set.
        out: the folder of the result.
        chunk: images per unit of work; None uses the default of the command.
    """
    from faceage_core.data.prepare.listing import list_source
    from faceage_core.data.prepare.output import publish
    from faceage_core.data.prepare.plan import write_plan
    from faceage_core.data.storage import Folder
    from tests.core.data.prepare.factories import run

    sources, target = (Folder.at(str(source)),), Folder.at(str(out))
    job = write_plan(options, sources, list_source(options, sources), target, chunk)
    run(job)
    publish(job, target)


@pytest.fixture(scope="session")
def faces(data_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A few hundred images of UTKFace, prepared."""
    import pyarrow.parquet as pq

    from faceage_core.data.prepare.options import PrepareOptions

    root = tmp_path_factory.mktemp("faces")
    (root / "UTKFace").mkdir()
    table = pq.read_table(data_dir / "utkface_trainval.parquet", columns=["file", "image"])
    for row in table.take(list(range(0, len(table), 60))).to_pylist():
        (root / "UTKFace" / row["file"]).write_bytes(row["image"])
    options = PrepareOptions(dataset="utkface", size_px=128)
    prepare_here(options, root / "UTKFace", root / "prepared")
    return root / "prepared"


@pytest.fixture(scope="session")
def pipeline() -> "Pipeline":
    """The default bundle, loaded once; results of the detector, the slowest stage, are cached.

    The result depends on the photo alone, as the tests of the detector show.
    """
    from faceage_core.pipeline import Pipeline
    from faceage_core.pipeline.local import LocalStages

    loaded = Pipeline()
    stages = loaded._graph._stages
    assert isinstance(stages, LocalStages)
    detect = stages._loaded["Detector"]

    found: dict[Any, Any] = {}

    def detect_one(photo: Any) -> Any:
        key = photo if isinstance(photo, bytes) else (photo.shape, photo.tobytes())
        if key not in found:
            found[key] = detect([photo])[0]
        return found[key]

    stages._loaded["Detector"] = lambda photos: [detect_one(photo) for photo in photos]
    return loaded


@pytest.fixture
def serve_file() -> Iterator[Callable[[bytes], str]]:
    """A function that serves bytes over HTTP on this machine and returns their URL."""
    served: dict[str, bytes] = {}

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = served[self.path]
            self.send_response(200)
            self.send_header("Content-Type", "application/octet-stream")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()

    def serve(body: bytes) -> str:
        path = f"/files/{len(served)}/weights.pt"
        served[path] = body
        return f"http://127.0.0.1:{server.server_port}{path}"

    yield serve
    server.shutdown()
    server.server_close()
    thread.join()
