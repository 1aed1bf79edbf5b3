"""The errors of this project: one base class, and a stable code for each class.

A message names the value that is wrong and what is allowed. It never contains a path of the
machine, a stack trace or the content of a photo.
"""

from typing import ClassVar


class FaceageError(Exception):
    """Base class of all errors of this project.

    Attributes:
        code: a stable identifier, the same in the library, the CLI and over HTTP.
        message: one sentence for the user.
        field: the input that caused the error ("image_1", "threshold"), None if it is not a single
            one.
    """

    code: ClassVar[str] = "internal_error"

    def __init__(self, message: str, *, field: str | None = None) -> None:
        super().__init__(message)
        self.field = field

    @property
    def message(self) -> str:
        return str(self.args[0])

    def with_field(self, field: str) -> "FaceageError":
        """A copy of this error for the given input; its message starts with the input's name."""
        return type(self)(f"{field}: {self.message}", field=field)


def first_line(error: BaseException) -> str:
    """The first line of an error's message; libraries append stack traces and hints."""
    return str(error).strip().partition("\n")[0]


class InvalidArgument(FaceageError):
    """A value is missing or not allowed."""

    code = "invalid_argument"


class UnreadableImage(FaceageError):
    """The bytes are not an image, or the image is damaged or truncated."""

    code = "unreadable_image"


class UnsupportedFormat(FaceageError):
    """The format of an image or of a request body is not supported."""

    code = "unsupported_format"


class ImageTooLarge(FaceageError):
    """A photo has more bytes or pixels than allowed."""

    code = "image_too_large"


class RequestTooLarge(FaceageError):
    """A request has more bytes than allowed."""

    code = "request_too_large"


class NoFace(FaceageError):
    """The detector found no face in a photo."""

    code = "no_face"


class WeightsUnavailable(FaceageError):
    """Weights are not on this machine and could not be downloaded."""

    code = "weights_unavailable"


class WeightsMismatch(FaceageError):
    """A weights file differs from the one in its card, or does not fit its network."""

    code = "weights_mismatch"


class InvalidCheckpoint(FaceageError):
    """A checkpoint lacks a file or a value, or its parts are inconsistent."""

    code = "invalid_checkpoint"


class InvalidDataset(FaceageError):
    """A source or prepared data set lacks a file or a value, or its parts are inconsistent."""

    code = "invalid_dataset"


class TrainingFailed(FaceageError):
    """A training run cannot continue, for example because its loss is NaN."""

    code = "training_failed"


class StorageError(FaceageError):
    """A folder or an object store cannot be read or written: no space, no permission."""

    code = "storage_error"


class Overloaded(FaceageError):
    """The service has too many requests at the moment."""

    code = "overloaded"

    def __init__(
        self, message: str = "the service is busy; try again soon", *, field: str | None = None
    ) -> None:
        super().__init__(message, field=field)


class Unavailable(FaceageError):
    """A stage of the service is not running, or it stopped during the request."""

    code = "unavailable"

    def __init__(
        self,
        message: str = "a part of the service is not available; try again soon",
        *,
        field: str | None = None,
    ) -> None:
        super().__init__(message, field=field)
