"""Write series of the UCR and UEA archives, as ``aeon`` reads them, as an ordinary dataset.

``python examples/ucr/write_ucr.py GunPoint gunpoint`` writes parquet files in the Hub's layout with two columns:
``series``, a list of the channels of a row, each a list of numbers, and ``label``. GunPoint, ArrowHead,
ItalyPowerDemand and BasicMotions come with ``aeon``; it downloads others.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from aeon.datasets import load_classification
from datasets import ClassLabel, Dataset, DatasetDict, Features, List, Value
from jsonargparse import auto_cli


def as_dataset(parts: dict[str, tuple[np.ndarray, np.ndarray]]) -> DatasetDict:
    """Return splits of series ``(rows, channels, steps)`` and their classes."""
    classes = ClassLabel(names=sorted({str(name) for _, y in parts.values() for name in y}))
    features = Features({"series": List(List(Value("float32"))), "label": classes})
    made = DatasetDict()
    for split, (x, y) in parts.items():
        columns = {"series": x.astype(np.float32).tolist(), "label": [str(name) for name in y]}
        made[split] = Dataset.from_dict(columns, features=features)
    return made


def main(name: str, target: str) -> None:
    """Write a dataset of the archive.

    Args:
        name: Its name there.
        target: The folder to write.
    """
    made = as_dataset({split: load_classification(name, split=split) for split in ("train", "test")})
    for split, rows in made.items():
        path = Path(target, "data", f"{split}-00000-of-00001.parquet")
        path.parent.mkdir(parents=True, exist_ok=True)
        rows.to_parquet(path)
    print(f"{target}: {', '.join(f'{len(rows)} {split} rows' for split, rows in made.items())}")


if __name__ == "__main__":
    auto_cli(main)
