"""The images of a source, listed and not read."""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from faceage_core.data.prepare.options import PrepareOptions
from faceage_core.data.readers import load_reader
from faceage_core.data.schema import SPLITS, Entry, Rejection
from faceage_core.data.storage import Folder
from faceage_core.errors import InvalidDataset


@dataclass(frozen=True)
class Listing:
    """The images of one or two sources.

    Attributes:
        entries: (index of the source, entry), in the order in which they are processed.
        rejections: images that the reader rejected.
        digest: hash of the labels, names and file sizes.
        given_splits: the splits that the source assigns itself; empty if it assigns none.
    """

    entries: list[tuple[int, Entry]]
    rejections: list[Rejection]
    digest: str
    given_splits: tuple[str, ...]


def list_source(options: PrepareOptions, sources: Sequence[Folder]) -> Listing:
    """List one source, or two: then the first is for training and the second for validation.

    Entries are ordered by a hash of their names: many data sets name their files by age, and a
    result in that order would be biased if it is read in parts.

    Raises:
        InvalidDataset: a source is not what its reader expects, or no image in it can be used.
    """
    reader = load_reader(options.dataset)
    entries: list[tuple[int, Entry]] = []
    rejections: list[Rejection] = []
    for index, source in enumerate(sources):
        for listed in reader.entries(source):
            item = replace(listed, split=SPLITS[index]) if len(sources) > 1 else listed
            if isinstance(item, Rejection):
                rejections.append(item)
            else:
                entries.append((index, item))
    given_splits = _given_splits(entries, rejections)
    if given_splits and options.shares(source_has_splits=True) is None:
        rejections += [
            Rejection(entry.name, "split_missing", "the source gives other pictures a split")
            for _, entry in entries
            if not entry.split
        ]
        entries = [item for item in entries if item[1].split]
    if not entries and not rejections:
        raise InvalidDataset(f"{' and '.join(s.name for s in sources)} lists no image")
    if not entries:
        reasons = sorted({rejection.reason for rejection in rejections})
        raise InvalidDataset(
            f"none of the {len(rejections)} images can be used: {', '.join(reasons)}; the first: "
            f"{rejections[0].name}: {rejections[0].detail}"
        )
    entries.sort(key=lambda item: (hashlib.sha256(item[1].name.encode()).digest(), item[0]))
    digest = _digest(entries, rejections, sources)
    return Listing(entries, rejections, digest, given_splits)


def _given_splits(entries: list[tuple[int, Entry]], rejections: list[Rejection]) -> tuple[str, ...]:
    """The source's own splits, including those without a usable image."""
    if not any(entry.split for _, entry in entries):
        return ()
    stated = {entry.split for _, entry in entries} | {item.split for item in rejections}
    return tuple(split for split in SPLITS if split in stated)


def _digest(
    entries: list[tuple[int, Entry]], rejections: list[Rejection], sources: Sequence[Folder]
) -> str:
    digest = hashlib.sha256()
    for line in _digest_lines(entries, rejections, sources):
        digest.update(line.encode())
    return digest.hexdigest()


def _digest_lines(
    entries: list[tuple[int, Entry]], rejections: list[Rejection], sources: Sequence[Folder]
) -> Iterator[str]:
    """One line for each image.

    The digest is compared with that of finished data sets. So a change of the names of `Entry`,
    `Rejection` or their fields, or of a reader's `detail`, makes sources look changed.
    """
    for index, entry in entries:
        yield f"{index} {entry!r} {sources[index].files.get(entry.path)}\n"
    for rejection in rejections:
        yield f"{rejection!r}\n"
