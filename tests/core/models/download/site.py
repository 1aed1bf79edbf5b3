"""A file on a server that may misbehave, and what a download leaves of it."""

import hashlib
import time
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from pathlib import Path

from faceage_core.cards.schema import DownloadFile

SMALL = bytes(range(256)) * 1024  # 256 KiB
CUT = 100_000


@dataclass
class Site:
    """One file on a server, how the server misbehaves, and what it was asked for."""

    url: str = ""
    body: bytes = SMALL
    status: int = 200
    content_type: str = "application/octet-stream"
    sends_length: bool = True
    honours_range: bool = True
    wrong_content_range: str | None = None
    cut_after: int | None = None
    cuts: int = 0
    pause_s: float = 0
    ranges: list[str | None] = field(default_factory=list)

    def file(self, **changes: object) -> DownloadFile:
        fields = {"url": self.url, "sha256": sha256(self.body), **changes}
        return DownloadFile.model_validate(fields)


def answer(handler: BaseHTTPRequestHandler, site: Site) -> None:
    if handler.path.startswith("/moved/"):
        handler.send_response(302)
        handler.send_header("Location", site.url)
        handler.send_header("Content-Length", "0")
        handler.end_headers()
        return
    asked = handler.headers.get("Range")
    site.ranges.append(asked)
    time.sleep(site.pause_s)
    start = int(asked.removeprefix("bytes=").rstrip("-")) if asked and site.honours_range else 0
    body = site.body[start:]
    if start >= len(site.body) > 0:
        handler.send_response(416)
        handler.send_header("Content-Range", f"bytes */{len(site.body)}")
        body = b""
    elif start:
        handler.send_response(206)
        place = f"bytes {start}-{len(site.body) - 1}/{len(site.body)}"
        handler.send_header("Content-Range", site.wrong_content_range or place)
    else:
        handler.send_response(site.status)
    handler.send_header("Content-Type", site.content_type)
    if site.sends_length:
        handler.send_header("Content-Length", str(len(body)))
    handler.end_headers()
    if site.cut_after is not None and site.cuts > 0:
        site.cuts -= 1
        body = body[: site.cut_after]
    handler.wfile.write(body)


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def kept(cache: Path) -> set[str]:
    """The names in the cache but for the lock's, which stays."""
    return {path.name for path in cache.iterdir() if path.suffix != ".lock"}


def part_of(file: DownloadFile, cache: Path, content: bytes) -> Path:
    """Leave a partial download, as an interrupted call does."""
    cache.mkdir(exist_ok=True)
    part = cache / f"{file.sha256[:8]}-face.pt.part"
    part.write_bytes(content)
    return part
