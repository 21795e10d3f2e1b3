"""The package as a whole."""

import ast
import importlib
import subprocess
import sys
from pathlib import Path

import pytest

import hf_distill
from hf_distill.errors import UserError
from hf_distill.lazy import homes
from hf_distill.parts import Part, concrete
from tests.docstrings import example


def test_import_is_light():
    heavy = ("torch", "datasets", "diffusers", "sklearn", "transformers", "evaluate", "accelerate")
    code = f"import sys, hf_distill; print([name for name in {heavy} if name in sys.modules])"
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "[]"


def test_training_imports_neither_diffusers_nor_sklearn():
    heavy = ("diffusers", "sklearn", "evaluate")
    code = f"import sys, hf_distill.cli.distill; print([name for name in {heavy} if name in sys.modules])"
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "[]"


@pytest.mark.parametrize("name", hf_distill.__all__)
def test_public_names_resolve(name):
    value = getattr(hf_distill, name)
    assert value.__module__ == homes()[name]
    packages = homes()[name].split(".")[1:-1]
    for depth in range(1, len(packages) + 1):
        package = importlib.import_module(".".join(["hf_distill", *packages[:depth]]))
        assert getattr(package, name) is value and name in package.__all__ and name in dir(package)


def test_every_public_name_has_an_example_of_its_own():
    said = {name: example(name) for name in homes()}
    without = [name for name, text in said.items() if not text.startswith((">>> ", "In YAML:\n"))]
    assert not without, f"no 'Examples:' at the end of the docstring of {without}"
    assert len({*said.values()}) == len(said)


def test_the_table_is_all_names():
    """Every line of it is one that the library reads, and so every name that a type checker knows."""
    tree = ast.parse(Path(hf_distill.__file__).with_suffix(".pyi").read_text())
    typed = [alias.name for node in tree.body if isinstance(node, ast.ImportFrom) for alias in node.names]
    assert sorted(typed) == hf_distill.__all__ == sorted(homes()) == dir(hf_distill)


def test_every_part_is_public_and_what_it_is_a_kind_of():
    parts = {*concrete(Part)}
    kinds = {[base for base in cls.__mro__ if issubclass(base, Part) and base is not Part][-1] for cls in parts}
    assert {cls.__name__ for cls in parts | kinds} - {*hf_distill.__all__} == set()


def test_a_missing_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "diffusers", None)
    monkeypatch.delitem(sys.modules, "hf_distill.diffusion.ddim", raising=False)
    with pytest.raises(UserError, match=r"needs diffusers: pip install 'hf-distill\[diffusion\]'"):
        hf_distill.ManifoldGuidedDDIMScheduler  # noqa: B018


def test_unknown_name():
    with pytest.raises(AttributeError, match="no attribute 'Nothing'"):
        hf_distill.Nothing  # noqa: B018
