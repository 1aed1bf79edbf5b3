"""Engines: OpenVINO, ONNX Runtime and PyTorch behind one interface.

An engine runs the network of an ONNX file. It maps one float32 batch to the network's outputs. The
code above this package works with NumPy arrays only and does not depend on the engine. Each engine
is a module of this package that is imported only if the engine is chosen.
"""

from collections.abc import Callable
from importlib.util import find_spec
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from faceage_core.errors import FaceageError, InvalidArgument, InvalidCheckpoint
from faceage_core.extras import how_to_install
from faceage_core.inference.runtime import Runtime

_MAX_REASON = 200  # characters of an engine's own message


class Engine(Protocol):
    """A loaded network; safe to call from several threads."""

    def __call__(self, batch: NDArray[np.float32]) -> tuple[NDArray[np.float32], ...]:
        """Run one batch.

        Args:
            batch: [N, C, H, W] float32, N >= 1, normalised as the model's card says.

        Returns:
            The network's outputs in their declared order, float32, first axis N.
        """
        ...


class LoadedEngine(Engine, Protocol):
    """An engine that states its input: the type as NumPy names it, None for each free axis."""

    @property
    def input_type(self) -> str: ...
    @property
    def input_shape(self) -> tuple[int | None, ...]: ...


def load_engine(
    model: bytes,
    *,
    name: str,
    size_px: int | None,
    runtime: Runtime = Runtime(),
) -> Engine:
    """Load a network.

    Args:
        model: the content of an ONNX file; one input, [N, 3, size_px, size_px] float32. N may be
            fixed at 1.
        name: the model's name, for messages.
        size_px: width and height of the input; None: any width and height.
        runtime: the engine and its options.

    Raises:
        InvalidArgument: the device, the precision or the engine is unavailable.
        InvalidCheckpoint: the file is not an ONNX model that the engine can run, or its input has
            another shape or type.
    """
    chosen = choose_engine(runtime)
    try:
        engine = _ENGINES[chosen](model, runtime)
    except FaceageError:
        raise
    except ModuleNotFoundError as error:
        raise InvalidArgument(
            f"engine {chosen} needs the package {error.name}: {how_to_install(str(error.name))}",
            field="engine",
        ) from None
    except Exception as error:  # each engine has many error classes, without a common base
        reason = " ".join(str(error).split())[:_MAX_REASON]
        raise InvalidCheckpoint(f"{name}: {chosen} cannot load the file: {reason}") from error
    if not _accepts(engine, size_px):
        size = "H, W" if size_px is None else f"{size_px}, {size_px}"
        raise InvalidCheckpoint(
            f"{name}: the ONNX file's input is {engine.input_type} {list(engine.input_shape)}, "
            f"expected float32 [N, 3, {size}]"
        )
    return _RowByRow(engine) if engine.input_shape[0] == 1 else engine


def choose_engine(runtime: Runtime) -> str:
    """The engine that runs the networks.

    "auto" is PyTorch on a GPU; on the CPU OpenVINO if it is installed, otherwise ONNX Runtime.

    Raises:
        InvalidArgument: the engine does not run on the device.
    """
    if runtime.engine == "auto":
        if runtime.device != "cpu":
            return "torch"
        return "onnxruntime" if find_spec("openvino") is None else "openvino"
    if runtime.engine != "torch" and runtime.device != "cpu":
        raise InvalidArgument(
            f"engine {runtime.engine} runs on the CPU only, not on device {runtime.device!r}; "
            "use torch or auto",
            field="engine",
        )
    return runtime.engine


class _RowByRow:
    """A network with a fixed batch axis of 1, as many published files have."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def __call__(self, batch: NDArray[np.float32]) -> tuple[NDArray[np.float32], ...]:
        rows = [self._engine(row[None]) for row in batch]
        return tuple(np.concatenate(outputs) for outputs in zip(*rows, strict=True))


def _accepts(engine: LoadedEngine, size_px: int | None) -> bool:
    """Whether the network takes [N, 3, size, size] float32."""
    shape = engine.input_shape
    if engine.input_type != "float32" or len(shape) != 4 or shape[1] not in (3, None):
        return False
    return all(axis is None or axis == size_px for axis in shape[2:])


def _load_openvino(model: bytes, runtime: Runtime) -> LoadedEngine:
    from faceage_core.inference.openvino import OpenVinoEngine

    return OpenVinoEngine(model, threads=runtime.threads, precision=runtime.precision)


def _load_onnxruntime(model: bytes, runtime: Runtime) -> LoadedEngine:
    from faceage_core.inference.onnxruntime import OnnxRuntimeEngine

    return OnnxRuntimeEngine(model, threads=runtime.threads, precision=runtime.precision)


def _load_torch(model: bytes, runtime: Runtime) -> LoadedEngine:
    from faceage_core.inference.torch import TorchEngine

    return TorchEngine(model, device=runtime.device, precision=runtime.precision)


_ENGINES: dict[str, Callable[[bytes, Runtime], LoadedEngine]] = {
    "openvino": _load_openvino,
    "onnxruntime": _load_onnxruntime,
    "torch": _load_torch,
}
