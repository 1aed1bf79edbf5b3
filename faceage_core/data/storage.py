"""Local folders and folders in an object store, both through pyarrow's file systems."""

import os
from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from urllib.parse import unquote

import pyarrow as pa
from pyarrow import fs

from faceage_core.data.local_listing import local_files
from faceage_core.errors import InvalidArgument, StorageError, first_line
from faceage_core.files.names import printable_name
from faceage_core.files.replace import replace_file


class Folder:
    """One folder; the paths of its files are relative to it and use forward slashes.

    Attributes:
        filesystem: the file system that holds it.
        path: its path in that file system.
        file: the name of the file if the location names a file in this folder, else None.
    """

    def __init__(self, filesystem: fs.FileSystem, path: str, file: str | None = None) -> None:
        self.filesystem = filesystem
        self.path = path.rstrip("/")
        self.file = file

    @classmethod
    def at(cls, location: str) -> "Folder":
        """Open the folder (or the file and its folder) at a path or a URI such as s3://bucket/faces.

        Raises:
            InvalidArgument: the file system is unknown, or the path is invalid.
            StorageError: the file system cannot be reached.
        """
        filesystem, path = _resolve_location(location)
        try:
            is_file = filesystem.get_file_info(path).type == fs.FileType.File
        except OSError as error:
            raise StorageError(f"{location} cannot be reached: {describe_error(error)}") from None
        if is_file:
            folder, _, file = path.rpartition("/")
            return cls(filesystem, folder, file)
        return cls(filesystem, path)

    def __reduce__(self) -> tuple[object, ...]:
        """Pickle the location only, without the cached listing."""
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
        """Whether it is on a local disk, where renaming is possible and atomic."""
        return isinstance(self.filesystem, fs.LocalFileSystem)

    def resolved(self) -> "Folder":
        """Resolve symbolic links, on a local disk; the folder need not exist."""
        return Folder(self.filesystem, os.path.realpath(self.path)) if self.is_local else self

    def child(self, name: str) -> "Folder":
        """A folder inside this one; it need not exist."""
        return Folder(self.filesystem, f"{self.path}/{name}")

    def sibling(self, suffix: str) -> "Folder":
        """A folder beside this one: the same name with a suffix; it need not exist."""
        return Folder(self.filesystem, self.path + suffix)

    @cached_property
    def files(self) -> dict[str, int]:
        """All files below by path, sorted, with sizes in bytes; hidden files are left out.

        Local paths may contain bytes that are not UTF-8, as surrogate escapes; the other methods
        do not accept such a path.
        """
        return dict(sorted(self._list().items()))

    def exists(self, name: str = "") -> bool:
        """Whether the folder, or the named file or folder in it, exists."""
        found = self.filesystem.get_file_info(self._full(name)).type
        return bool(found != fs.FileType.NotFound)

    def read(self, name: str, check_size: Callable[[int], None] | None = None) -> bytes:
        """Read a whole file.

        Args:
            name: the file.
            check_size: called with the size in bytes before reading; raises if it is too large.

        Raises:
            StorageError: the file is missing or cannot be read.
        """
        try:
            with self.filesystem.open_input_file(self._full(name)) as file:
                if check_size is not None:
                    check_size(file.size())
                return bytes(file.read())
        except OSError as error:
            raise StorageError(f"{name} cannot be read: {describe_error(error)}") from None

    def write(self, name: str, data: bytes | pa.Buffer) -> None:
        """Write a whole file atomically: the name never refers to an incomplete file.

        Object stores guarantee this; on a local disk the file is renamed when it is complete.

        Raises:
            StorageError: the disk is full, writing is not permitted, ...
        """
        path = self._full(name)
        try:
            if self.is_local:
                with replace_file(Path(path)) as partial:
                    partial.write_bytes(data)
                return
            self.filesystem.create_dir(path.rpartition("/")[0], recursive=True)
            with self.filesystem.open_output_stream(path) as stream:
                stream.write(data)
        except OSError as error:
            raise StorageError(
                f"{self.name}/{name} cannot be written: {describe_error(error)}"
            ) from None

    def delete(self, name: str = "") -> None:
        """Remove a file or the whole folder, if it exists."""
        info = self.filesystem.get_file_info(self._full(name))
        try:
            if info.type == fs.FileType.Directory:
                self.filesystem.delete_dir(info.path)
            elif info.type == fs.FileType.File:
                self.filesystem.delete_file(info.path)
        except OSError as error:
            raise StorageError(
                f"{name or self.name} cannot be removed: {describe_error(error)}"
            ) from None

    def _key(self) -> tuple[str, str, str | None]:
        return self.filesystem.type_name, self.path, self.file

    def _full(self, name: str) -> str:
        return f"{self.path}/{name}" if name else self.path

    def _list(self) -> dict[str, int]:
        if self.is_local:
            return local_files(self.path)
        selector = fs.FileSelector(self.path, recursive=True, allow_not_found=True)
        try:
            found = self.filesystem.get_file_info(selector)
        except OSError as error:
            raise StorageError(f"{self.name} cannot be listed: {describe_error(error)}") from None
        cut = len(self.path) + 1
        return {
            info.path[cut:]: info.size
            for info in found
            if info.type == fs.FileType.File and not info.base_name.startswith(".")
        }


def _resolve_location(location: str) -> tuple[fs.FileSystem, str]:
    """The file system of a path or a URI, and the path in it; local paths become absolute."""
    try:
        location.encode()
        if "://" in location:
            filesystem, path = fs.FileSystem.from_uri(location)
        else:
            filesystem, path = fs.LocalFileSystem(), str(Path(location).expanduser().absolute())
        path.encode()  # the working directory may not be UTF-8 either
    except UnicodeEncodeError:
        raise InvalidArgument(
            f"{printable_name(location)} cannot be opened: its path must be UTF-8 text"
        ) from None
    except (pa.ArrowException, ImportError, OSError, RuntimeError, ValueError) as error:
        raise InvalidArgument(f"{location} cannot be opened: {describe_error(error)}") from None
    local = isinstance(filesystem, fs.LocalFileSystem)
    return filesystem, os.path.normpath(path) if local else path


def describe_error(error: Exception) -> str:
    """The message of an error of a file system or of Arrow, as one line."""
    if isinstance(error, OSError) and error.errno:
        return os.strerror(error.errno)
    return first_line(error)
