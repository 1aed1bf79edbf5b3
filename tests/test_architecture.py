"""The direction of imports, checked on every import statement; the library without the service."""

import ast
import subprocess
import sys
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[1]
SERVICE = {"ray", "fastapi", "starlette", "uvicorn"}

# What each package must not import; beside these rules it may import anything.
FORBIDDEN = {
    "faceage_core": SERVICE | {"deployments", "trainers", "tune", "benchmarks", "tests"},
    "deployments": {"trainers", "tune", "benchmarks", "tests"},
    "trainers": {"deployments", "tune", "benchmarks", "tests"},
    "tune": {"deployments", "benchmarks", "tests"},
}


def sources(package: str) -> list[Path]:
    return sorted((REPOSITORY / package).rglob("*.py"))


def imported(tree: ast.AST) -> set[str]:
    """The top-level packages that a module imports, at any place in it."""
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            names.add(node.module.split(".")[0])
        elif isinstance(node, ast.Call) and _calls_import(node.func):
            names |= {
                argument.value.split(".")[0]
                for argument in node.args
                if isinstance(argument, ast.Constant) and isinstance(argument.value, str)
            }
    return names


def _calls_import(function: ast.expr) -> bool:
    named = isinstance(function, ast.Name) and function.id in ("__import__", "import_module")
    return named or (isinstance(function, ast.Attribute) and function.attr == "import_module")


def relative(tree: ast.AST) -> bool:
    return any(isinstance(node, ast.ImportFrom) and node.level > 0 for node in ast.walk(tree))


@pytest.mark.parametrize("package", FORBIDDEN)
def test_imports_go_one_way(package: str) -> None:
    files = sources(package)
    assert files
    for file in files:
        tree = ast.parse(file.read_text(encoding="utf-8"))
        wrong = imported(tree) & FORBIDDEN[package]
        assert not wrong, f"{file.relative_to(REPOSITORY)} imports {', '.join(sorted(wrong))}"
        assert not relative(tree), f"{file.relative_to(REPOSITORY)}: imports are absolute here"


def test_every_kind_of_import_is_found() -> None:
    text = """
import ray.serve as one
def later():
    from fastapi.routing import APIRouter
    import_module("tune.sweep_runner")
    importlib.import_module("trainers")
    __import__("starlette")
"""
    assert imported(ast.parse(text)) == {"ray", "fastapi", "tune", "trainers", "starlette"}
    assert relative(ast.parse("from . import x"))


# The layers of faceage_core, the lowest first: a package imports from lower layers only.
LAYERS = [
    {"errors", "extras", "files", "ports", "reporting", "types"},
    {"cards", "images"},
    {"inference"},
    {"age", "identity", "models"},
    {"detection"},
    {"data", "pipeline"},
    {"evaluation", "render"},
    {"cli"},
]


def modules() -> dict[str, ast.Module]:
    """Every module of the repository by its dotted name; a package by its own name."""
    return {
        ".".join(path.relative_to(REPOSITORY).with_suffix("").parts).removesuffix(".__init__"): (
            ast.parse(path.read_text(encoding="utf-8"))
        )
        for package in (*FORBIDDEN, "benchmarks")
        for path in sources(package)
    }


def import_graph() -> dict[str, set[str]]:
    """The modules of the repository that each module imports, at any place in it."""
    trees = modules()
    graph: dict[str, set[str]] = {}
    for name, tree in trees.items():
        found = set()
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom):
                inner = {f"{node.module}.{alias.name}" for alias in node.names}
                found |= inner & trees.keys() or {str(node.module)}
            elif isinstance(node, ast.Import):
                found |= {alias.name for alias in node.names}
        graph[name] = (found & trees.keys()) - {name}
    return graph


def test_no_import_is_circular() -> None:
    tuple(TopologicalSorter(import_graph()).static_order())  # raises CycleError


def test_packages_import_from_lower_layers_only() -> None:
    layer_of = {package: layer for layer, packages in enumerate(LAYERS) for package in packages}
    core = REPOSITORY / "faceage_core"
    packages = {path.relative_to(core).parts[0].removesuffix(".py") for path in core.rglob("*.py")}
    assert layer_of.keys() == packages - {"__init__"}
    for module, imports in import_graph().items():
        for imported_module in imports:
            packages_of = [name.split(".")[1:2] for name in (module, imported_module)]
            if not (module.startswith("faceage_core.") and all(packages_of)):
                continue
            (upper,), (lower,) = packages_of
            allowed = upper == lower or layer_of[upper] > layer_of[lower]
            assert allowed, f"{module}: {imported_module}"


COMPARE = """
import sys
for name in {blocked!r}:
    sys.modules[name] = None  # importing it raises ModuleNotFoundError
from pathlib import Path
from faceage_core.pipeline import Pipeline
one, other = (Path(name).read_bytes() for name in sys.argv[1:])
answer = Pipeline().compare(one, other)
print(answer.verification.is_match, answer.face_1.bbox[0] > 0)
"""


@pytest.mark.parametrize(
    "blocked",
    [SERVICE | {"deployments", "trainers", "tune"}, {"torch", "torchvision", "facenet_pytorch"}],
    ids=["service", "torch"],
)
def test_the_library_compares_without(blocked: set[str]) -> None:
    photos = [REPOSITORY / "samples" / name for name in ("hopper_1984.jpg", "collins.png")]
    done = subprocess.run(
        [sys.executable, "-c", COMPARE.format(blocked=sorted(blocked)), *map(str, photos)],
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "False True\n", "")


COMMAND = """
import sys
from faceage_core.cli.main import main
sys.argv = ["faceage", "compare", *sys.argv[1:]]
try:
    main()
except SystemExit as end:
    assert not end.code
own = {"faceage_core", "deployments", "trainers", "tune"}
print(*sorted(name for name in sys.modules if name.split(".")[0] in own), file=sys.stderr)
"""
MAX_MODULES = 95  # of this repository, in one comparison


def test_a_comparison_imports_nothing_that_only_training_needs(tmp_path: Path) -> None:
    photos = [REPOSITORY / "samples" / name for name in ("hopper_1984.jpg", "collins.png")]
    done = subprocess.run(
        [sys.executable, "-c", COMMAND, *map(str, photos), str(tmp_path)],
        capture_output=True,
        text=True,
        timeout=240,
        check=True,
    )
    loaded = done.stderr.splitlines()[-1].split()
    assert "faceage_core.pipeline.graph" in loaded
    packages = {name.split(".")[1] for name in loaded if name.startswith("faceage_core.")}
    assert not packages & {"data", "evaluation"}
    assert len(loaded) <= MAX_MODULES, f"{len(loaded)} modules"


def test_help_loads_neither_torch_nor_ray() -> None:
    script = (
        "import sys\n"
        "from faceage_core.cli.main import main\n"
        "sys.argv = ['faceage', *sys.argv[1:]]\n"
        "try:\n    main()\n"
        "except SystemExit as end:\n    assert not end.code, end.code\n"
        "heavy = {'torch', 'ray', 'onnxruntime', 'openvino', 'fastapi'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    for arguments in (["--help"], ["compare", "--help"], ["serve", "--help"], ["weights", "list"]):
        done = subprocess.run(
            [sys.executable, "-c", script, *arguments],
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert (done.returncode, done.stderr) == (0, "")


def test_importing_a_package_does_nothing() -> None:
    script = "import sys, faceage_core; print(len({'torch', 'numpy', 'PIL'} & set(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.stdout, done.stderr) == ("0\n", "")
