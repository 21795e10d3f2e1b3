"""What docstrings say, without importing what they are of."""

from __future__ import annotations

import ast
import textwrap
from pathlib import Path

import hf_distill
from hf_distill.lazy import homes


def example(name: str) -> str:
    """Return what stands below ``Examples:`` in the docstring of a public name, flush left."""
    path = Path(hf_distill.__file__).parents[1].joinpath(*homes()[name].split(".")).with_suffix(".py")
    found = [node for node in ast.parse(path.read_text()).body if getattr(node, "name", "") == name]
    return textwrap.dedent(ast.get_docstring(found[0]).partition("\n\nExamples:\n")[2])
