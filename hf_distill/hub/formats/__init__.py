"""Formats: how the sets of each task are published. The artifact and the card know no task."""

from hf_distill.errors import ArtifactError
from hf_distill.hub.formats.base import Format
from hf_distill.hub.formats.classification import ClassificationFormat
from hf_distill.hub.formats.rows import RowsFormat
from hf_distill.hub.formats.series import SeriesFormat

FORMATS: dict[str, Format] = {
    task: format_ for format_ in (ClassificationFormat(), RowsFormat(), SeriesFormat()) for task in format_.tasks
}
"""The format of every task."""


def format_of(task: str) -> Format:
    """Return the format of a task.

    Raises:
        ArtifactError: There is none: a newer version of the library wrote the set.
    """
    if task not in FORMATS:
        raise ArtifactError(
            f"no format for the task {task!r}, only for {', '.join(FORMATS)}: pip install -U hf-distill"
        )
    return FORMATS[task]


__all__ = ["FORMATS", "ClassificationFormat", "Format", "RowsFormat", "SeriesFormat", "format_of"]
