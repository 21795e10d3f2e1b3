"""What the documentation names exists, and every public name has its place in the API pages."""

import importlib
import importlib.util
import inspect
import itertools
import re
from pathlib import Path

import pytest

import hf_distill
from hf_distill.lazy import homes

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "architecture.md").read_text()
SPANS = sorted(set(re.findall(r"`([^`\n]+)`", PAGE)))


def sources():
    return "\n".join(path.read_text() for path in (ROOT / "hf_distill").rglob("*.py"))


PATHS = [span for span in SPANS if re.fullmatch(r"[\w./-]+(/[\w./-]*|\.(py|pyi|md))", span)]


@pytest.mark.parametrize("span", PATHS)
def test_a_path_exists(span):
    path = span.replace("NAME", "base")
    assert (ROOT / path).exists() or (ROOT / "hf_distill" / path).exists(), span


@pytest.mark.parametrize("span", [span for span in SPANS if re.fullmatch(r"[A-Z]\w+(\[\w+\])?", span)])
def test_a_class_exists(span):
    for name in re.findall(r"\w+", span):
        assert name in hf_distill.__all__ or re.search(rf"^(class {name}\b|{name}(: .+)? = )", sources(), re.M), name


@pytest.mark.parametrize("span", [span for span in SPANS if re.fullmatch(r"[a-z_]+\([\w, ]*\)", span)])
def test_a_method_exists_with_its_arguments(span):
    name, arguments = re.fullmatch(r"(\w+)\((.*)\)", span).groups()
    found = re.findall(rf"def {name}\(([^)]*)\)", sources())
    wanted = [word.strip() for word in arguments.split(",") if word.strip()]
    assert any(all(re.search(rf"\b{word}\b", given) for word in wanted) for given in found), span


def test_every_floor_is_drawn():
    from tests.test_floors import FLOORS

    drawn = re.search(r"    api .*?\n\n", PAGE, re.S)[0]
    rows = [re.split(r"\s{3,}", line.strip())[0].split() for line in drawn.strip().splitlines()]
    packages = {path.parent.name for path in (ROOT / "hf_distill").glob("*/__init__.py")}
    assert packages <= {name for row in rows for name in row}
    # From above to below: none stands below one that it is not to import.
    floors = [[FLOORS[name] for name in row if name in packages] for row in rows]
    assert all(min(upper) >= max(lower) for upper, lower in itertools.pairwise(floors) if upper and lower)


HOOKS = importlib.util.module_from_spec(importlib.util.spec_from_file_location("hooks", ROOT / "docs" / "hooks.py"))
HOOKS.__loader__.exec_module(HOOKS)


def test_the_api_pages_hold_every_public_name():
    pages = HOOKS.api_pages()
    for name, home in homes().items():
        assert f"::: {home}.{name}\n" in pages[f"api/{home.split('.')[1]}.md"]
        assert f"[{name}][{home}.{name}]" in pages["api/README.md"]


def test_a_reference_of_a_docstring_becomes_a_link():
    link = f'<autoref identifier="{homes()["PixelSet"]}.PixelSet"><code>PixelSet</code></autoref>'
    assert HOOKS.on_page_content("See :class:<code>PixelSet</code>.") == f"See {link}."
    assert HOOKS.on_page_content(":meth:<code>~a.b.setup</code>") == "<code>setup</code>"


def test_the_part_of_the_guide_for_contributors_works():
    import torch

    text = re.search(r"```python\n(.*?)```", (ROOT / "CONTRIBUTING.md").read_text(), re.S)[1]
    namespace = {"__name__": "guide"}
    exec(inspect.cleandoc(text), namespace)
    features = torch.tensor([[0.0], [0.1], [5.0], [-6.0]])
    rows, weights = namespace["FarSelector"]().fit(features).select(2, torch.Generator())
    assert rows.tolist() == [3, 2] and weights.sum() == 4


TEXTS = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]


@pytest.mark.parametrize("path", TEXTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_link_leads_somewhere(path):
    for target in re.findall(r"\]\(([^)#\s]+)[^)]*\)", path.read_text()):
        assert "://" in target or (path.parent / target).exists(), target


def test_readme_is_short():
    assert len((ROOT / "README.md").read_text().splitlines()) <= 120
