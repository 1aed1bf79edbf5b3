"""PyTorch networks as ONNX files in memory, the form in which the engines run them."""

import io
import warnings

import torch


def export_onnx(
    module: torch.nn.Module,
    example: torch.Tensor,
    *,
    dynamic_size: bool = False,
    opset: int | None = None,
) -> bytes:
    """Export a PyTorch network to ONNX, in memory, with a dynamic batch axis.

    This uses the TorchScript exporter because a checkpoint without an ONNX file is exported each
    time it is loaded: it takes under two seconds for an InceptionResnetV1, the newer exporter more
    than ten.

    Args:
        module: the network; it is put into evaluation mode.
        example: [N, C, H, W] float32.
        dynamic_size: make H and W dynamic too.
        opset: the version of the operators; None: the exporter's default.
    """
    dynamic = {0: "batch", 2: "height", 3: "width"} if dynamic_size else {0: "batch"}
    buffer = io.BytesIO()
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")  # the exporter's deprecation and tracing warnings
        torch.onnx.export(
            module.eval(),
            (example,),
            buffer,  # type: ignore[arg-type]  # the exporter accepts a file object too
            dynamo=False,
            opset_version=opset,
            input_names=["images"],
            dynamic_axes={"images": dynamic},
        )
    return buffer.getvalue()
