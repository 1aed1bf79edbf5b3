"""Folders on this machine or in an object store, through one interface: pyarrow's file systems."""

import os
from collections.abc import Callable
from contextlib import suppress
from functools import cached_property
from pathlib import Path
from urllib.parse import unquote

import pyarrow as pa
from pyarrow import fs

from faceage_core.data.local_listing import local_files
from faceage_core.errors import InvalidArgument, StorageError
from faceage_core.files.names import printable_name


class Folder:
    """One folder; paths in it are relative, with forward slashes.

    Attributes:
        filesystem: where it lies.
        path: of the folder in that file system.
        file: the one file that was named, where a location names a file and not a folder.
    """

    def __init__(self, filesystem: fs.FileSystem, path: str, file: str | None = None) -> None:
        self.filesystem = filesystem
        self.path = path.rstrip("/")
        self.file = file

    @classmethod
    def at(cls, location: str) -> "Folder":
        """The folder (or the file, with its folder) at a path or a URI such as s3://bucket/faces.

        Raises:
            InvalidArgument: the URI names no file system that is read here, or the path no place.
            StorageError: it cannot be reached.
        """
        filesystem, path = _found(location)
        try:
            is_file = filesystem.get_file_info(path).type == fs.FileType.File
        except OSError as error:
            raise StorageError(f"{location} cannot be reached: {cause(error)}") from None
        if is_file:
            folder, _, file = path.rpartition("/")
            return cls(filesystem, folder, file)
        return cls(filesystem, path)

    def __reduce__(self) -> tuple[object, ...]:
        """What travels to other processes: where it is, not what was listed."""
        return Folder, (self.filesystem, self.path, self.file)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Folder) and self._key() == other._key()

    def __hash__(self) -> int:
        return hash(self._key())

    @property
    def name(self) -> str:
        """The folder's own name, for messages."""
        return unquote(self.path.rpartition("/")[2])

    @property
    def is_local(self) -> bool:
        """Whether renaming is possible, and atomic."""
        return isinstance(self.filesystem, fs.LocalFileSystem)

    def resolved(self) -> "Folder":
        """The folder that a link leads to, on this machine; it need not exist."""
        return Folder(self.filesystem, os.path.realpath(self.path)) if self.is_local else self

    def child(self, name: str) -> "Folder":
        """A folder inside this one; it need not exist."""
        return Folder(self.filesystem, f"{self.path}/{name}")

    def beside(self, suffix: str) -> "Folder":
        """A folder beside this one whose name is this one's with something appended."""
        return Folder(self.filesystem, self.path + suffix)

    @cached_property
    def files(self) -> dict[str, int]:
        """Every file below, with its size in bytes, sorted by path; hidden files left out.

        On this machine there may be names with bytes that are not UTF-8; nothing else here takes
        such a name.
        """
        return dict(sorted(self._listed().items()))

    def exists(self, name: str = "") -> bool:
        """Whether there is such a file or folder."""
        found = self.filesystem.get_file_info(self._full(name)).type
        return bool(found != fs.FileType.NotFound)

    def read(self, name: str, check_size: Callable[[int], None] | None = None) -> bytes:
        """A whole file.

        Args:
            name: of the file.
            check_size: called with its bytes before any is read; what it raises is raised.

        Raises:
            StorageError: it is not there or cannot be read.
        """
        try:
            with self.filesystem.open_input_file(self._full(name)) as file:
                if check_size is not None:
                    check_size(file.size())
                return bytes(file.read())
        except OSError as error:
            raise StorageError(f"{name} cannot be read: {cause(error)}") from None

    def write(self, name: str, data: bytes | pa.Buffer) -> None:
        """Write a whole file, so that under its name there is all of it or nothing.

        Object stores promise that by themselves; on a disk the file is renamed when complete.

        Raises:
            StorageError: the disk is full, writing is not permitted, ...
        """
        final = self._full(name)
        written = f"{final}.part" if self.is_local else final
        try:
            self.filesystem.create_dir(final.rpartition("/")[0], recursive=True)
            with self.filesystem.open_output_stream(written) as stream:
                stream.write(data)
            if self.is_local:
                self.filesystem.move(written, final)
        except OSError as error:
            if self.is_local:
                with suppress(OSError):
                    Path(written).unlink()
            raise StorageError(f"{self.name}/{name} cannot be written: {cause(error)}") from None

    def delete(self, name: str = "") -> None:
        """Remove a file or a whole folder, if it is there."""
        info = self.filesystem.get_file_info(self._full(name))
        try:
            if info.type == fs.FileType.Directory:
                self.filesystem.delete_dir(info.path)
            elif info.type == fs.FileType.File:
                self.filesystem.delete_file(info.path)
        except OSError as error:
            raise StorageError(f"{name or self.name} cannot be removed: {cause(error)}") from None

    def move_to(self, target: "Folder") -> None:
        """Rename this folder; only where `is_local`."""
        try:
            self.filesystem.move(self.path, target.path)
        except OSError as error:
            raise StorageError(f"{target.name} cannot be put in place: {cause(error)}") from None

    def _key(self) -> tuple[str, str, str | None]:
        return self.filesystem.type_name, self.path, self.file

    def _full(self, name: str) -> str:
        return f"{self.path}/{name}" if name else self.path

    def _listed(self) -> dict[str, int]:
        if self.is_local:
            return local_files(self.path)
        selector = fs.FileSelector(self.path, recursive=True, allow_not_found=True)
        try:
            found = self.filesystem.get_file_info(selector)
        except OSError as error:
            raise StorageError(f"{self.name} cannot be listed: {cause(error)}") from None
        cut = len(self.path) + 1
        return {
            info.path[cut:]: info.size
            for info in found
            if info.type == fs.FileType.File and not info.base_name.startswith(".")
        }


def _found(location: str) -> tuple[fs.FileSystem, str]:
    """The file system of a path or a URI, and the path in it; on this machine without any `..`."""
    try:
        location.encode()
        if "://" in location:
            filesystem, path = fs.FileSystem.from_uri(location)
        else:
            filesystem, path = fs.LocalFileSystem(), str(Path(location).expanduser().absolute())
        path.encode()  # a relative path takes on the names of the folders above it
    except UnicodeEncodeError:
        raise InvalidArgument(
            f"{printable_name(location)} cannot be opened: its path must be UTF-8 text"
        ) from None
    except (pa.ArrowException, ImportError, OSError, RuntimeError, ValueError) as error:
        raise InvalidArgument(f"{location} cannot be opened: {cause(error)}") from None
    local = isinstance(filesystem, fs.LocalFileSystem)
    return filesystem, os.path.normpath(path) if local else path


def cause(error: Exception) -> str:
    """What a file system or Arrow says of an error, in one line."""
    if isinstance(error, OSError) and error.errno:
        return os.strerror(error.errno)
    return str(error).strip().partition("\n")[0]
