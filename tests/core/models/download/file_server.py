"""A file server that can misbehave, and helpers to inspect the cache."""

import hashlib
import time
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from pathlib import Path

from faceage_core.cards.weights import DownloadFile

SMALL = bytes(range(256)) * 1024  # 256 KiB
CUT = 100_000


@dataclass
class FileServer:
    """One file, the faults of the server, and the ranges that were requested."""

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


def respond(handler: BaseHTTPRequestHandler, server: FileServer) -> None:
    if handler.path.startswith("/moved/"):
        handler.send_response(302)
        handler.send_header("Location", server.url)
        handler.send_header("Content-Length", "0")
        handler.end_headers()
        return
    requested = handler.headers.get("Range")
    server.ranges.append(requested)
    time.sleep(server.pause_s)
    start = 0
    if requested and server.honours_range:
        start = int(requested.removeprefix("bytes=").rstrip("-"))
    body = server.body[start:]
    if start >= len(server.body) > 0:
        handler.send_response(416)
        handler.send_header("Content-Range", f"bytes */{len(server.body)}")
        body = b""
    elif start:
        handler.send_response(206)
        place = f"bytes {start}-{len(server.body) - 1}/{len(server.body)}"
        handler.send_header("Content-Range", server.wrong_content_range or place)
    else:
        handler.send_response(server.status)
    handler.send_header("Content-Type", server.content_type)
    if server.sends_length:
        handler.send_header("Content-Length", str(len(body)))
    handler.end_headers()
    if server.cut_after is not None and server.cuts > 0:
        server.cuts -= 1
        body = body[: server.cut_after]
    handler.wfile.write(body)


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def names_in(cache: Path) -> set[str]:
    """The file names in the cache without the lock file, which is never deleted."""
    return {path.name for path in cache.iterdir() if path.suffix != ".lock"}


def write_part(file: DownloadFile, cache: Path, content: bytes) -> Path:
    """Write a partial download, as left by an interrupted call."""
    cache.mkdir(exist_ok=True)
    part = cache / f"{file.sha256[:8]}-face.pt.part"
    part.write_bytes(content)
    return part
