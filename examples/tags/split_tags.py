"""Make lists of labels of a column of text like ``animal, cat, pet``: those that enough training rows have.

``python examples/tags/split_tags.py openmoji64 openmoji_tags --column=tags --least=40`` reads a dataset, splits the
column at commas, leaves out rare tags and rows without any other, and writes parquet files in the Hub's layout, which
``hf-distill distill openmoji_tags --data.label_column=tags`` takes as several labels a row.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from datasets import ClassLabel, DatasetDict, List, load_dataset
from jsonargparse import auto_cli


def tags_of(text: str | None, separator: str = ",") -> list[str]:
    """Return the tags of a text, each once, in its order."""
    return list(dict.fromkeys(tag.strip() for tag in (text or "").split(separator) if tag.strip()))


def split(dataset: DatasetDict, column: str, least: int, separator: str = ",") -> DatasetDict:
    """Turn a column of text into lists of the tags that at least so many training rows have."""
    counts = Counter(tag for text in dataset["train"][column][:] for tag in tags_of(text, separator))
    known = ClassLabel(names=sorted(tag for tag, count in counts.items() if count >= least))
    if not known.names:
        raise ValueError(f"no tag in column {column!r} is in {least} training rows")
    names = set(known.names)
    made = DatasetDict()
    for name, part in dataset.items():
        lists = [[tag for tag in tags_of(text, separator) if tag in names] for text in part[column][:]]
        rows = [row for row, tags in enumerate(lists) if tags]
        kept = part.select(rows).remove_columns(column)
        numbers = [known.str2int(lists[row]) for row in rows]
        made[name] = kept.add_column(column, numbers, feature=List(known))
    return made


def main(source: str, target: str, column: str = "tags", least: int = 40, separator: str = ",") -> None:
    """Write a dataset with lists of labels.

    Args:
        source: A local folder or a Hub id.
        target: The folder to write.
        column: The column with the tags.
        least: Training rows that a tag must be in.
        separator: What stands between two tags.
    """
    made = split(load_dataset(source), column, least, separator)
    for name, part in made.items():
        path = Path(target, "data", f"{name}-00000-of-00001.parquet")
        path.parent.mkdir(parents=True, exist_ok=True)
        part.to_parquet(path)
    print(f"{target}: {', '.join(f'{len(part)} {name} rows' for name, part in made.items())}")
    print(f"labels: {', '.join(made['train'].features[column].feature.names)}")


if __name__ == "__main__":
    auto_cli(main)
