"""One tree of errors, each with a stable code that callers can rely on.

A message says what is wrong, with which value, and what is allowed; it never holds a path of the
machine, a stack trace or anything of a photo.
"""

from typing import ClassVar


class FaceageError(Exception):
    """What every error of this project is.

    Attributes:
        code: a stable identifier, the same in the library, the CLI and over HTTP.
        message: one sentence for a person.
        field: the input it is about ("image_1", "threshold"), None where there is no single one.
    """

    code: ClassVar[str] = "internal_error"

    def __init__(self, message: str, *, field: str | None = None) -> None:
        super().__init__(message)
        self.field = field

    @property
    def message(self) -> str:
        return str(self.args[0])

    def about(self, field: str) -> "FaceageError":
        """The same error, naming the input it is about."""
        return type(self)(f"{field}: {self.message}", field=field)


class InvalidArgument(FaceageError):
    """A value outside what is allowed, or a missing one."""

    code = "invalid_argument"


class UnreadableImage(FaceageError):
    """Bytes that are not a picture, or a damaged or truncated one."""

    code = "unreadable_image"


class UnsupportedFormat(FaceageError):
    """A picture or a request body of a kind that is not read here."""

    code = "unsupported_format"


class ImageTooLarge(FaceageError):
    """More bytes or more pixels than a photo may have."""

    code = "image_too_large"


class RequestTooLarge(FaceageError):
    """More bytes than a request may have."""

    code = "request_too_large"


class NoFace(FaceageError):
    """A photo in which the detector found no face."""

    code = "no_face"


class WeightsUnavailable(FaceageError):
    """Weights that are not here and could not be fetched."""

    code = "weights_unavailable"


class WeightsMismatch(FaceageError):
    """A weights file that is not the one its card names, or does not fit its network."""

    code = "weights_mismatch"


class InvalidCheckpoint(FaceageError):
    """A checkpoint without its parts, or whose parts contradict each other."""

    code = "invalid_checkpoint"


class InvalidDataset(FaceageError):
    """A source or a prepared data set without its parts, or whose parts contradict each other."""

    code = "invalid_dataset"


class TrainingFailed(FaceageError):
    """A training that cannot go on, such as one whose loss is no number any more."""

    code = "training_failed"


class StorageError(FaceageError):
    """A folder or an object store that cannot be read or written: a full disk, no permission."""

    code = "storage_error"


class Overloaded(FaceageError):
    """More requests than the service can take at the moment."""

    code = "overloaded"

    def __init__(
        self, message: str = "the service is busy; try again soon", *, field: str | None = None
    ) -> None:
        super().__init__(message, field=field)


class Unavailable(FaceageError):
    """A stage of the service that does not run at the moment, or stopped in mid-request."""

    code = "unavailable"

    def __init__(
        self,
        message: str = "a part of the service is not available; try again soon",
        *,
        field: str | None = None,
    ) -> None:
        super().__init__(message, field=field)
