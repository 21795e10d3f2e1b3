"""Tables of anybody's text: Markdown for a card, columns for a terminal."""

from __future__ import annotations

import html
from collections.abc import Sequence
from dataclasses import dataclass

from hf_distill.markdown import cell
from hf_distill.text import printable, shorten

_SHOWN = 60  # characters of a cell on the terminal


@dataclass(frozen=True)
class Table:
    """Lines of cells under a head.

    Attributes:
        head: The columns' names.
        lines: The cells of each line, as many as there are columns.
        right: Columns whose cells stand on the right, by their names.
    """

    head: Sequence[str]
    lines: Sequence[Sequence[str]]
    right: Sequence[str] = ()

    def used(self, keep: Sequence[str] = ()) -> Table:
        """Return the table without the columns that are empty, but for those of some names."""
        places = [i for i, name in enumerate(self.head) if name in keep or any(line[i] for line in self.lines)]
        lines = [[line[i] for i in places] for line in self.lines]
        return Table([self.head[i] for i in places], lines, self.right)

    def markdown(self) -> str:
        """Return it as Markdown; a cell is shown as it is and never read as markup, unless it is ``Markdown``."""
        rule = ["---:" if name in self.right else "---" for name in self.head]
        lines = [[cell(text) for text in line] for line in (self.head, *self.lines)]
        return "\n".join(f"| {' | '.join(line)} |" for line in (lines[0], rule, *lines[1:]))

    def html(self) -> str:
        """Return it as an HTML table; cells are shown as they are."""
        head, *lines = [[html.escape(printable(str(text))) for text in line] for line in (self.head, *self.lines)]
        sides = ["right" if name in self.right else "left" for name in self.head]
        rows = [
            "".join(f'<td style="text-align: {side}">{text}</td>' for side, text in zip(sides, line, strict=True))
            for line in lines
        ]
        names = "".join(f"<th>{text}</th>" for text in head)
        return f"<table><tr>{names}</tr>{''.join(f'<tr>{row}</tr>' for row in rows)}</table>"

    _repr_html_ = html

    def __str__(self) -> str:
        lines = [[shorten(printable(text), _SHOWN) for text in line] for line in (self.head, *self.lines)]
        widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
        lines.insert(1, ["-" * width for width in widths])
        on_right = [name in self.right for name in self.head]
        return "\n".join(columns(line, widths, on_right) for line in lines)


def columns(cells: Sequence[str], widths: Sequence[int], right: Sequence[bool]) -> str:
    """Return a line of a terminal: cells at least so wide, two blanks between them, and which stand on the right."""
    padded = [
        text.rjust(width) if at else text.ljust(width) for text, width, at in zip(cells, widths, right, strict=True)
    ]
    return "  ".join(padded).rstrip()
