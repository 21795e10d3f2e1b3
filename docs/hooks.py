"""What mkdocs is told beyond mkdocs.yml: which files of the repository are the site, and the pages of the API.

Every file keeps its place in the repository, so that a link means the same on GitHub and on the site.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mkdocs.config.defaults import MkDocsConfig
    from mkdocs.structure.files import Files

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from hf_distill.lazy import homes  # noqa: E402 - from the clone, which need not be installed

SHOWN = ("*.md", "LICENSE", "benchmarks/README.md", "benchmarks/results/*.png", "configs/**/*.yaml", "docs/**/*.md")
SHOWN += ("examples/**/*.md", "examples/**/*.py", "model_cards/*/preview.png")
_ROLE = re.compile(r":(?:class|func|meth|mod):<code>~?([\w.]+)</code>")


def packages() -> dict[str, list[str]]:
    """Return the public names of every package."""
    names: dict[str, list[str]] = {}
    for name, home in sorted(homes().items()):
        names.setdefault(home.split(".")[1], []).append(name)
    return dict(sorted(names.items()))


def api_pages() -> dict[str, str]:
    """Return the Markdown of the API: a page for every package, and an index of all names."""
    pages = {}
    lines = ["# API", "", "All public names; `from hf_distill import NAME` takes any of them.", ""]
    for package, names in packages().items():
        items = [f"::: hf_distill.{package}\n    options: {{members: false, heading_level: 1}}"]
        items += [f"::: {homes()[name]}.{name}" for name in names]
        pages[f"api/{package}.md"] = "\n\n".join(items) + "\n"
        links = ", ".join(f"[{name}][{homes()[name]}.{name}]" for name in names)
        lines.append(f"- [{package}]({package}.md): {links}")
    return {"api/README.md": "\n".join(lines) + "\n", **pages}


def on_config(config: MkDocsConfig) -> None:
    """Add the API to the navigation, and whatever page has no place in it yet."""
    pages = [path.relative_to(ROOT).as_posix() for path in sorted((ROOT / "docs").rglob("*.md"))]
    said = (ROOT / "mkdocs.yml").read_text(encoding="utf-8")
    if further := [page for page in pages if page not in said]:
        config.nav.append({"Further pages": further})
    config.nav.append({"API": list(api_pages())})


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Return the files of the site: those of the theme, those of the repository, and the API."""
    from mkdocs.structure.files import File, Files

    paths = sorted({path for pattern in SHOWN for path in ROOT.glob(pattern)})
    shown = [File.generated(config, str(path.relative_to(ROOT)), abs_src_path=str(path)) for path in paths]
    made = [File.generated(config, name, content=text) for name, text in api_pages().items()]
    theme = [file for file in files if not Path(file.abs_src_path or "").is_relative_to(ROOT / "docs")]
    return Files([*theme, *shown, *made])


def on_page_content(html: str, **about: object) -> str:
    """Turn the references of docstrings, ``:class:`Name```, into links."""
    return _ROLE.sub(_reference, html)


def _reference(found: re.Match[str]) -> str:
    name = found[1].rpartition(".")[2]
    if name not in homes():
        return f"<code>{name}</code>"
    return f'<autoref identifier="{homes()[name]}.{name}"><code>{name}</code></autoref>'
