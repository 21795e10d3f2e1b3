"""Write the API pages: one a package, with every public name, its signature and what its docstring says.

``python docs/make_api.py [FOLDER]`` writes Markdown into ``docs/api``. The names are those of
``hf_distill/__init__.pyi``.
"""

from __future__ import annotations

import importlib
import inspect
import re
import sys
from pathlib import Path

import hf_distill
from hf_distill.lazy import homes


def described(name: str) -> str:
    """Return the Markdown of a public name: signature, docstring and, of a class, its public methods."""
    value = getattr(hf_distill, name)
    parts = [f"## {name}", f"`{homes()[name]}`", _signature(name, value), _docstring(value)]
    if inspect.isclass(value):
        for method, function in vars(value).items():
            if not method.startswith("_") and inspect.isroutine(function) and function.__doc__:
                parts += [f"### {name}.{method}", _signature(method, function), _docstring(function)]
    return "\n\n".join(part for part in parts if part)


def main(folder: Path) -> None:
    """Write a page for every package and an index."""
    folder.mkdir(parents=True, exist_ok=True)
    pages: dict[str, list[str]] = {}
    for name, home in sorted(homes().items()):
        pages.setdefault(home.split(".")[1], []).append(name)
    for package, names in pages.items():
        head = f"# {package}\n\n{inspect.getdoc(importlib.import_module(f'hf_distill.{package}'))}"
        (folder / f"{package}.md").write_text("\n\n".join([head, *map(described, names)]) + "\n", encoding="utf-8")
    lines = [f"- [{package}]({package}.md): {', '.join(names)}" for package, names in pages.items()]
    (folder / "README.md").write_text("# API\n\n" + "\n".join(lines) + "\n", encoding="utf-8")


def _signature(name: str, value: object) -> str:
    value = getattr(value, "__func__", value)  # of a class or static method
    if not callable(value):
        return ""
    # Annotations are text, and stand in quotes.
    said = re.sub(r"""(: |-> )(?:'([^']*)'|"([^"]*)")""", r"\1\2\3", str(inspect.signature(value)))
    return f"```python\n{name}{said}\n```"


def _docstring(value: object) -> str:
    return inspect.getdoc(getattr(value, "__func__", value)) or ""


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent / "api")
