"""Strangers' text in Markdown: shown as it is, never read as markup. Ordinary names come out as they went in."""

from __future__ import annotations

import json
import re
from typing import Any

from hf_distill.text import printable, shorten

# Characters of a name that are shown, and of a line of a block of code or a text of JSON.
_SHOWN, _SHOWN_IN_BLOCK = 200, 10_000
# What begins code, HTML, a link, emphasis, a mention or an entity; underscores mean something at the ends of words.
_MARKUP = re.compile(r"[\\`*<>\[\]|@~]|(?<![^\W_])_|_(?![^\W_])|&(?=#?\w+;)")
# Control characters but for tab and the end of a line, and what turns the direction of text.
_OBEYED = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]")


class Markdown(str):
    """Text that is Markdown already, of this library's own making."""


def cell(value: Any) -> str:
    """Make text safe for a line of Markdown, the cell of a table included."""
    if value is None or isinstance(value, Markdown):
        return value or ""
    shown = shorten(printable(str(value)[: 10 * _SHOWN]), _SHOWN)
    # Addresses are made links without any markup, so they are broken.
    escaped = _MARKUP.sub(lambda found: "&amp;" if found[0] == "&" else f"\\{found[0]}", shown)
    return re.sub(r"(?i)www\.", lambda found: f"{found[0][:3]}\\.", escaped.replace("://", ":\\//"))


def code(value: Any) -> str:
    """Write text as a span of code, in a table too."""
    shown = shorten(printable(str(value)[: 10 * _SHOWN]), _SHOWN)
    if "\\|" in shown or not shown:  # a table's cell has no way to write the first in code
        return cell(shown)
    runs = re.findall("`+", shown)
    fence = "`" * (max(map(len, runs), default=0) + 1)
    inner = f" {shown} " if runs else shown
    return f"{fence}{inner}{fence}".replace("|", "\\|")


def fenced(value: Any, language: str = "") -> str:
    """Write lines as a block of code that nothing in them ends."""
    lines = "\n".join(plain(shorten(line, _SHOWN_IN_BLOCK)) for line in str(value).strip().splitlines())
    fence = "`" * max(3, max(map(len, re.findall("`+", lines)), default=0) + 1)
    return f"{fence}{language}\n{lines}\n{fence}"


def as_json(value: Any) -> str:
    """Format JSON for a block of code: every line begins with a quote, a bracket or a blank, so that none ends it."""
    return plain(json.dumps(_shortened(value), indent=2, ensure_ascii=False))


def plain(text: str) -> str:
    """Write out what a terminal or an editor would obey, as JSON and Python do."""
    return _OBEYED.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def _shortened(value: Any) -> Any:
    if isinstance(value, str):
        return shorten(value, _SHOWN_IN_BLOCK)
    if isinstance(value, dict):
        return {_shortened(key): _shortened(item) for key, item in value.items()}
    return [_shortened(item) for item in value] if isinstance(value, (list, tuple)) else value
