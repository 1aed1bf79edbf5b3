"""Locate or download a model's weights files and verify their sha256.

A download is written to `<name>.part` in the cache and renamed once it is complete and verified.
"""

import errno
import hashlib
import importlib.util
import re
import time
from collections.abc import Callable
from pathlib import Path, PurePosixPath
from urllib.parse import urlsplit

import httpx
from filelock import FileLock
from platformdirs import user_cache_dir

from faceage_core.cards.weights import DownloadFile, PackageFile
from faceage_core.errors import WeightsMismatch, WeightsUnavailable
from faceage_core.extras import how_to_install

Progress = Callable[[int, int | None], None]  # bytes so far, never decreasing; total bytes if known

ATTEMPTS = 3
RETRY_PAUSE_S = 0.5
_DISK_FULL = (errno.ENOSPC, errno.EDQUOT)
_CONTENT_RANGE = re.compile(r"bytes (\d+)-\d+/(\d+)")


def cache_dir() -> Path:
    """The default directory for downloaded files."""
    return Path(user_cache_dir("faceage", appauthor=False))


def locate(file: PackageFile) -> Path:
    """Find a file inside an installed package, without importing the package.

    Raises:
        WeightsUnavailable: the package is not installed, or does not contain the file.
    """
    # find_spec imports the parents of a dotted name, so only the first part is looked up.
    top, *inner = file.package.split(".")
    spec = importlib.util.find_spec(top)
    if spec is None:
        raise WeightsUnavailable(
            f"package {top}, which contains {file.path}, is not installed: {how_to_install(top)}"
        )
    for root in spec.submodule_search_locations or ():
        path = Path(root, *inner, file.path)
        if path.is_file():
            return path
    raise WeightsUnavailable(f"the installed package {file.package} does not contain {file.path}")


def cached(file: DownloadFile, cache: Path) -> Path | None:
    """The path of a downloaded file, None if it was not downloaded; its content is not checked."""
    path = _cache_path(file, cache)
    return path if path.is_file() else None


def fetch(
    file: DownloadFile, cache: Path, *, progress: Progress | None = None, timeout_s: float = 30
) -> Path:
    """Return the cached file; download it first if it is missing or damaged.

    An interrupted download is kept, and the next call resumes it. If several processes want the
    same file, one downloads it and the others wait.

    Args:
        file: the URL, and the sha256 that the file must have.
        cache: the directory to keep it in; created if missing.
        progress: called during a download; not called if nothing is downloaded.
        timeout_s: the longest wait for a connection, and for the next bytes.

    Raises:
        WeightsUnavailable: it could not be downloaded or written; the message names the URL.
        WeightsMismatch: the sha256 of the downloaded file is wrong; the file is deleted.
    """
    path = _cache_path(file, cache)
    try:
        if not _matches(path, file.sha256):
            cache.mkdir(parents=True, exist_ok=True)
            with FileLock(f"{path}.lock"):
                if not _matches(path, file.sha256):  # another process may have downloaded it
                    _download_verified(file, path, _monotonic(progress), timeout_s)
    except OSError as error:
        reason = "the disk is full" if error.errno in _DISK_FULL else error.strerror
        raise _unavailable(file, f"{reason} (in the cache directory)") from error
    return path


def verify(path: Path, sha256: str) -> None:
    """Check a file's sha256 against its card's.

    Raises:
        WeightsMismatch: the sha256 differs.
        WeightsUnavailable: the file is missing or cannot be read.
    """
    try:
        found = sha256_of(path)
    except OSError as error:
        raise WeightsUnavailable(f"{path.name} cannot be read: {error.strerror}") from error
    if found != sha256:
        raise WeightsMismatch(f"{path.name} has sha256 {found}, but its card states {sha256}")


def sha256_of(path: Path) -> str:
    """The sha256 of a file as lower-case hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _name(file: DownloadFile) -> str:
    return PurePosixPath(urlsplit(file.url).path).name or "weights"


def _cache_path(file: DownloadFile, cache: Path) -> Path:
    # The digest in the name separates two models whose files have the same name.
    return cache / f"{file.sha256[:8]}-{_name(file)}"


def _matches(path: Path, sha256: str) -> bool:
    return path.is_file() and sha256_of(path) == sha256


def _unavailable(file: DownloadFile, reason: str) -> WeightsUnavailable:
    advice = f"download {file.url} by other means and give the file as identity_weights"
    return WeightsUnavailable(
        f"{_name(file)} could not be downloaded: {reason}; {advice}", field="identity_weights"
    )


def _monotonic(progress: Progress | None) -> Progress:
    """Report progress that never decreases, even if a download restarts."""
    highest = 0

    def report(done: int, total: int | None) -> None:
        nonlocal highest
        highest = max(highest, done)
        if progress is not None:
            progress(highest, total)

    return report


def _download_verified(file: DownloadFile, path: Path, report: Progress, timeout_s: float) -> None:
    """Download to the .part file, verify it, then rename it."""
    part = path.with_name(f"{path.name}.part")
    resumed = part.exists()
    _download(file, part, report, timeout_s)
    if resumed and not _matches(part, file.sha256):  # the old part may belong to another file
        part.unlink()
        _download(file, part, report, timeout_s)
    try:
        verify(part, file.sha256)
    except WeightsMismatch:
        part.unlink()
        raise
    part.replace(path)


def _download(file: DownloadFile, part: Path, report: Progress, timeout_s: float) -> None:
    """Complete the .part file in a few attempts; each resumes where the last one ended."""
    reason = ""
    with httpx.Client(follow_redirects=True, timeout=timeout_s) as client:
        for attempt in range(ATTEMPTS):
            time.sleep(attempt * RETRY_PAUSE_S)
            try:
                return _receive(client, file, part, report)
            except (httpx.HTTPError, httpx.InvalidURL) as error:
                reason = str(error) or type(error).__name__
            except OSError as error:
                if error.errno in _DISK_FULL:
                    part.unlink(missing_ok=True)  # free the space for the rest of the machine
                raise
    raise _unavailable(file, reason)


def _receive(client: httpx.Client, file: DownloadFile, part: Path, report: Progress) -> None:
    """Append one response to the .part file, or restart the file."""
    have = part.stat().st_size if part.exists() else 0
    # Uncompressed, because ranges and digest count plain bytes. No If-Range: the digest shows more
    # reliably than an ETag whether both parts belong together.
    headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={have}-"} if have else {})
    with client.stream("GET", file.url, headers=headers) as response:
        done, total = _extent(response, file)
        if done not in (0, have):
            part.unlink(missing_ok=True)
            raise httpx.RemoteProtocolError("the server sent a different range than requested")
        with part.open("ab" if done else "wb") as out:
            report(done, total)
            for chunk in response.iter_raw():
                out.write(chunk)
                done += len(chunk)
                report(done, total)
    if total is not None and done < total:
        raise httpx.RemoteProtocolError(f"the connection ended after {done} of {total} bytes")


def _extent(response: httpx.Response, file: DownloadFile) -> tuple[int, int | None]:
    """The offset at which a response starts (-1: unusable), and the total size of the file."""
    status = response.status_code
    if status in (206, 416):
        extent = _CONTENT_RANGE.fullmatch(response.headers.get("Content-Range", ""))
        return (int(extent[1]), int(extent[2])) if extent else (-1, None)
    if status == 429 or status >= 500:
        raise httpx.RemoteProtocolError(f"the server answered {status}")
    if status != 200:
        raise _unavailable(file, f"the server answered {status}")
    if response.headers.get("Content-Type", "").startswith("text/html"):
        raise _unavailable(file, "the server sent a web page instead of the file")
    length = response.headers.get("Content-Length")
    return 0, int(length) if length else file.size_bytes
