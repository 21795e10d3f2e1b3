"""The public names of the library: one table, ``hf_distill/__init__.pyi``, that type checkers read and this reads too.

A line of it, ``from hf_distill.objectives.condtsf import CondTSF as CondTSF``, is the only place that says a name is
public. The library and each of its packages offer the names of their modules in it, and import one when it is first
used (PEP 562): ``import hf_distill`` imports neither torch nor datasets.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

from hf_distill.errors import UserError

_LINE = re.compile(r"^from (hf_distill\.\S+) import (\w+) as \2$", re.MULTILINE)
# What comes with an extra of the package, by its first name.
_EXTRAS = {"diffusers": "diffusion"}
# What takes seconds to import and holds no part, and what is above the parts.
_SLOW = {"hf_distill.diffusion.ddim", "hf_distill.diffusion.ddpm", "hf_distill.diffusion.pipeline"}
_SLOW |= {"hf_distill.api.functions", "hf_distill.api.inputs", "hf_distill.api.networks"}


@cache
def homes() -> dict[str, str]:
    """Return the module of every public name."""
    table = Path(__file__).with_name("__init__.pyi").read_text(encoding="utf-8")
    return {name: module for module, name in _LINE.findall(table)}


def attach(package: str) -> tuple[Callable[[str], Any], Callable[[], list[str]], list[str]]:
    """Return ``__getattr__``, ``__dir__`` and ``__all__`` of a package: the public names of the modules in it.

    Args:
        package: Its import path.
    """
    own = {name: module for name, module in homes().items() if module.startswith(f"{package}.")}
    names = sorted(own)

    def __getattr__(name: str) -> Any:
        if name not in own:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        try:
            return getattr(import_module(own[name]), name)
        except ImportError as error:
            missing = (error.name or "").partition(".")[0]
            if missing not in _EXTRAS:
                raise
            raise UserError(f"{name} needs {missing}: pip install 'hf-distill[{_EXTRAS[missing]}]'") from error

    return __getattr__, lambda: names, names


@cache
def import_parts() -> None:
    """Import every module that holds a public part: a parser and a message then know it by its short name."""
    for module in sorted({*homes().values()} - _SLOW):
        import_module(module)
