"""The package as a whole."""

import importlib
import subprocess
import sys

import pytest

import hf_distill


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
    assert getattr(hf_distill, name) is not None
    if name in hf_distill._HOMES:
        assert name in importlib.import_module(hf_distill._HOMES[name]).__all__


def test_unknown_name():
    with pytest.raises(AttributeError, match="no attribute 'Nothing'"):
        hf_distill.Nothing  # noqa: B018
