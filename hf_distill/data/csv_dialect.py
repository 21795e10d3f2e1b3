"""How a file of separated values is written: what ``pandas.read_csv`` must be told to read it as its owner means it."""

from __future__ import annotations

import csv
import io
import itertools
import logging
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hf_distill.errors import UserError
from hf_distill.text import printable, shorten

# What is looked at, in bytes and lines.
_HEAD, _LINES = 2**18, 400
_SEPARATORS = (",", ";", "\t", "|")
_MISSING = ("", "NA", "N/A", "NaN", "nan", "null", "NULL", "None", "n/a", "<NA>")
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
# 1,5 and 1.234,5; 1,234 and 1,234.5.
_COMMA = re.compile(r"[+-]?(\d+|\d{1,3}(\.\d{3})+)(,\d+)?([eE][+-]?\d+)?")
_GROUPS = re.compile(r"[+-]?\d{1,3}(,\d{3})+(\.\d+)?")
# A comma that no thousands have behind them.
_DECIMAL = re.compile(r".*,(\d{1,2}|\d{4,})([eE].*)?|[+-]?0+,\d+|.*\..*,\d+|[+-]?\d{4,},\d+")
_DATE = re.compile(r"\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}([ T].*)?")

logger = logging.getLogger(__name__)


def csv_options(file: Path, separator: str | None = None, decimal: str | None = None) -> dict[str, Any]:
    """Return the options of ``pandas.read_csv`` that read a file, found from its first lines where they are not given.

    Args:
        file: The file, compressed or not.
        separator: What stands between two cells; ``\\s+`` for any white space.
        decimal: The decimal sign.

    Raises:
        UserError: It has no header, its lines do not fit it, it is no text, or a number can be read in two ways.
    """
    lines, encoding = _head(file)
    skipped = next((place for place, line in enumerate(lines) if not line.startswith(("#", "%"))), len(lines))
    if skipped:
        logger.warning("%s: %d lines of comment are left out", file.name, skipped)
    lines = lines[skipped:]
    if not lines:
        return {}
    if separator is None:
        separator = _separator(lines)
    rows = _cells(lines, separator)
    options: dict[str, Any] = {"sep": separator}
    if encoding is not None:
        options["encoding"] = encoding
    if skipped:
        options["skiprows"] = skipped
    if _ends_in_separators(rows, file.name):
        options["index_col"] = False
    _check_header(rows, file.name)
    return options | _signs(rows, decimal, file.name)


def _head(file: Path) -> tuple[list[str], str | None]:
    import fsspec

    with fsspec.open(str(file), "rb", compression="infer") as opened:
        data = opened.read(_HEAD)
    whole = len(data) < _HEAD
    encoding = "utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else None
    try:
        text = data.decode("utf-16" if encoding else "utf-8-sig")
    except UnicodeDecodeError as error:
        if whole or error.start < len(data) - 4:  # else it is a character that the end of what is read cuts
            raise UserError(
                f"{printable(file.name)} is no UTF-8 text (byte 0x{data[error.start]:02x} at {error.start}): save it "
                "as UTF-8"
            ) from error
        text = data[: error.start].decode("utf-8-sig")
    lines = [line for line in text.splitlines() if line.strip()]
    return (lines if whole or len(lines) < 2 else lines[:-1])[:_LINES], encoding


def _cells(lines: list[str], separator: str) -> list[list[str]]:
    if separator == r"\s+":
        return [line.split() for line in lines]
    if len(separator) > 1:
        return [line.split(separator) for line in lines]
    return [row for row in csv.reader(io.StringIO("\n".join(lines)), delimiter=separator) if row]


def _separator(lines: list[str]) -> str:
    """Return the separator that gives the lines as many cells as the header has, and most numbers and dates."""
    best, most = ",", (0.0, 1)
    for separator in (*_SEPARATORS, r"\s+"):
        try:
            rows = _cells(lines, separator)
        except csv.Error:
            continue
        width, body = len(rows[0]), rows[1:] or rows
        fitting = sum(len(row) == width or (len(row) == width + 1 and not row[-1].strip()) for row in body) / len(body)
        if width == 1 or fitting < (1 if separator == r"\s+" else 0.9):
            continue
        typed = sum(_is_number(cell) or _is_date(cell) or bool(_COMMA.fullmatch(cell)) for row in body for cell in row)
        score = (round(typed / len(body), 1), width)
        if score > most:
            best, most = separator, score
    return best


def _ends_in_separators(rows: list[list[str]], name: str) -> bool:
    """Whether every line but the header ends in a separator that has nothing behind it.

    Raises:
        UserError: The lines are longer than the header for another reason than that, or than the numbers of the rows.
    """
    width = len(rows[0])
    longer = [row for row in rows[1:] if len(row) > width]
    if not longer:
        return False
    if all(len(row) == width + 1 and not row[-1].strip() for row in longer) and len(longer) == len(rows) - 1:
        return True
    first = [row[0] for row in rows[1:]]
    counts = all(len(row) == width + 1 for row in rows[1:]) and all(
        cell.strip().isdigit() and int(cell) - int(first[0]) == place for place, cell in enumerate(first)
    )
    if not counts or width < 2:
        row = next(place for place, row in enumerate(rows[1:]) if len(row) > width)
        raise UserError(
            f"row {row} of {printable(name)} has {len(rows[row + 1])} cells and the header {width}: name what stands "
            "between cells with --data.separator and the decimal sign with --data.decimal, or mend the file"
        )
    return False  # pandas takes the first column for the names of the rows


def _check_header(rows: list[list[str]], name: str) -> None:
    """Refuse a first line that is like the lines below it.

    Raises:
        UserError: It is.
    """
    header, body = [cell.strip() for cell in rows[0]], rows[1:]
    columns = [[row[place].strip() for row in body if len(row) > place] for place in range(len(header))]
    alike = bool(body) and any(map(_is_number, header))
    near = 0
    for cell, column in zip(header, columns, strict=True):
        known = [value for value in column if value not in _MISSING]
        kind = next((is_kind for is_kind in (_is_number, _is_date) if is_kind(cell)), None)
        alike &= bool(known) and (all(map(kind, known)) if kind else cell in known)
        if alike and kind is _is_number:
            values = [float(value) for value in known]
            span = max(max(values) - min(values), *map(abs, values))
            near += min(values) - span <= float(cell) <= max(values) + span
    numbers = [float(cell) for cell in header if _is_number(cell)]
    # Names may be numbers: of columns, wave lengths or sensors, in their order or far from what is measured.
    grows = all(low < high for low, high in itertools.pairwise(numbers))
    counts = grows and (len(numbers) > 2 or numbers == [float(i) for i in range(len(numbers))])
    if alike and not counts and near >= 0.8 * len(numbers):
        said = shorten(", ".join(map(printable, header)), 60)
        raise UserError(
            f"the first line of {printable(name)} ({said}) is like those below it: give the file a header with the "
            "columns' names"
        )


def _signs(rows: list[list[str]], decimal: str | None, name: str) -> dict[str, Any]:
    """Return the decimal sign and that of thousands, where they are not those of pandas.

    Raises:
        UserError: A number can be read in two ways.
    """
    decimals = groups = dotted = False
    unclear: tuple[str, str] | None = None
    for place, title in enumerate(rows[0]):
        cells = [row[place].strip() for row in rows[1:] if len(row) > place]
        commas = [cell for cell in cells if "," in cell]
        if not commas or not _mostly([cell for cell in cells if cell not in _MISSING], (_COMMA, _GROUPS, _NUMBER)):
            continue
        if any(_DECIMAL.fullmatch(cell) for cell in commas):
            decimals, dotted = True, dotted or any("." in cell for cell in commas)
        elif any(cell.count(",") > 1 or "." in cell for cell in commas):
            groups = True
        else:
            unclear = unclear or (commas[0], title)
    if decimal is None and ((decimals and groups) or (unclear and not decimals and not groups)):
        cell, title = unclear or ("1,234", rows[0][0])
        raise UserError(
            f"{cell!r} in column {printable(title)!r} of {printable(name)} can be a thousand or a fraction: say which "
            "sign is the decimal one with --data.decimal"
        )
    if decimal == "," or (decimal is None and decimals):
        return {"decimal": ",", **({"thousands": "."} if dotted else {})}
    return {"thousands": ","} if groups or unclear else {}


def _mostly(cells: Sequence[str], forms: Sequence[re.Pattern[str]]) -> bool:
    fitting = sum(any(form.fullmatch(cell) for form in forms) for cell in cells)
    return fitting > 0.9 * len(cells)


def _is_number(cell: str) -> bool:
    return bool(_NUMBER.fullmatch(cell.strip()))


def _is_date(cell: str) -> bool:
    return bool(_DATE.fullmatch(cell.strip()))
