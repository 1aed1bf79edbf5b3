"""The Python examples of docs/library.md, and the README's, run and print what the page shows."""

import re
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
import torch

from faceage_core.cards.input import InputSpec
from faceage_core.cards.model_card import AgeCard, HeadSpec
from faceage_core.models.age_network import AGE_BINS, AgeNetwork
from faceage_core.models.checkpoint import save_checkpoint
from tests.conftest import REPOSITORY

BLOCK = re.compile(r"^```(\w+)\n(.*?)^```", re.MULTILINE | re.DOTALL)
NAMED_JSON = re.compile(r"`([\w.]+\.json)`:\n\n```json\n(.*?)^```", re.MULTILINE | re.DOTALL)


def run_examples(text: str, page: str) -> int:
    """Run the Python blocks of a page in one namespace, and return their number.

    A text block after a Python block must be its output. A JSON block after "`NAME.json`:" is
    written to this file.
    """
    for name, content in NAMED_JSON.findall(text):
        Path(name).write_text(content, encoding="utf-8")
    namespace: dict[str, Any] = {"__name__": "example"}
    examples, output = 0, ""
    for found in BLOCK.finditer(text):
        language, body = found.groups()
        if language == "python":
            line_breaks = "\n" * text.count("\n", 0, found.start(2))  # errors name the page's line
            with redirect_stdout(StringIO()) as stdout:
                exec(compile(line_breaks + body, page, "exec"), namespace)
            examples, output = examples + 1, stdout.getvalue()
        elif language == "text":
            assert output == body, f"{page}: the output of example {examples} has changed"
    return examples


def section(page: str, heading: str) -> str:
    """The text of a section of a page, without its heading."""
    text = (REPOSITORY / page).read_text(encoding="utf-8")
    return re.split(r"^## ", text.partition(f"\n## {heading}\n")[2], flags=re.MULTILINE)[0]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory with the samples and a trained age model, as the examples expect."""
    (tmp_path / "samples").symlink_to(REPOSITORY / "samples")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def checkpoint(folder: Path) -> None:
    torch.manual_seed(0)
    head = HeadSpec(task="age", kind="linear", outputs=AGE_BINS, dropout=0)
    card = AgeCard(
        name="first",
        version="1",
        task="age",
        summary="for the examples",
        architecture="resnet18",
        heads=(head,),
        weights=(),
        origin="random weights",
        license="Apache-2.0",
        input=InputSpec(
            crop={"kind": "box", "size_px": 64, "margin_px": 0},  # type: ignore[arg-type]
            mean=(127.5, 127.5, 127.5),
            scale=(0.0078125, 0.0078125, 0.0078125),
        ),
        age_bins_years=tuple(float(age) for age in range(AGE_BINS)),
    )
    save_checkpoint(
        folder / "runs" / "first" / "best", AgeNetwork("resnet18", (head,)).state_dict(), card
    )


@pytest.mark.usefixtures("checkpoint")
def test_the_examples_of_the_library_page_run() -> None:
    text = (REPOSITORY / "docs" / "library.md").read_text(encoding="utf-8")
    assert run_examples(text, "docs/library.md") == len(re.findall("^```python", text, re.M)) > 0
    assert Path("answer.jpg").read_bytes().startswith(b"\xff\xd8")


@pytest.mark.usefixtures("folder")
def test_the_example_of_the_readme_runs() -> None:
    assert run_examples(section("README.md", "Python library"), "README.md") == 1


# --- the check finds mistakes ---

PAGE = """
```python
value = 3
print(value)
```

```text
3
```

`settings.json`:

```json
{"a": 1}
```

```python
from pathlib import Path

print(value + 1, Path("settings.json").read_text().strip())
```

```text
4 {"a": 1}
```
"""


@pytest.mark.usefixtures("folder")
def test_a_page_with_mistakes_is_found() -> None:
    assert run_examples(PAGE, "page") == 2
    with pytest.raises(AssertionError, match="the output of example 2 has changed"):
        run_examples(PAGE.replace("value + 1", "value"), "page")
    with pytest.raises(NameError, match="valu") as caught:
        run_examples(PAGE.replace("print(value)", "print(valu)"), "page")
    assert (caught.traceback[-1].path, caught.traceback[-1].lineno) == ("page", 3)
    assert section("README.md", "No such section") == ""
