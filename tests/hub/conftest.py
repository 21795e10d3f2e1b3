"""Small distilled datasets by hand, and a Python that lacks hf_distill."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from datasets import Audio, ClassLabel, Features, Image, List, Value
from PIL import Image as PILImage

from hf_distill.data.kinds.tokenizer import trained
from hf_distill.data.spec import DataSpec
from hf_distill.hub import DistilledDataset
from hf_distill.synthetic import PixelSet, VectorSet

EVALUATION = {
    "protocol": {"steps": 100, "augment": False},
    "rows": [
        {
            "network": "ConvNet",
            "metric": "accuracy",
            "labels": "hard",
            "seeds": 5,
            "mean": 0.912,
            "std": 0.004,
            "random_mean": 0.647,
            "random_std": 0.021,
            "full_mean": None,
            "bits": 1300,
            "baselines": {"herding": {"mean": 0.801, "std": 0.01}, "class_mean": {"mean": 0.875, "std": 0.002}},
        }
    ],
}
_WITHOUT_LIBRARY = """
import sys
class Blocker:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] == "hf_distill":
            raise ModuleNotFoundError(name)
sys.meta_path.insert(0, Blocker())
"""
_END = """
import os, sys
sys.stdout.flush()
os._exit(0)
"""


def png(*colour: int) -> bytes:
    """A picture of 2 x 2 pixels of a colour."""
    buffer = io.BytesIO()
    PILImage.new("RGB", (2, 2), colour or (9, 9, 9)).save(buffer, format="PNG")
    return buffer.getvalue()


def image_spec(
    channels: int = 1, side: int = 6, classes: tuple[str, ...] = ("cat", "dog|wolf", "Äpfel: 1")
) -> DataSpec:
    features = Features({"img": Image(), "kind": ClassLabel(names=list(classes))})
    return DataSpec(
        task="image-classification",
        input_column="img",
        label_column="kind",
        shape=(channels, side, side),
        classes=classes,
        mean=(0.3, 0.4, 0.5, 0.6)[:channels],
        std=(0.2, 0.25, 0.3, 0.3)[:channels],
        features=features.to_dict(),
        source={"path": "owner/pets", "revision": "f" * 40, "split": "train", "license": "cc-by-4.0"},
        num_rows=600,
        class_counts=(200,) * len(classes),
    )


def audio_spec(length: int = 800, rate: int = 8000, classes: tuple[str, ...] = ("no", "yes|ja")) -> DataSpec:
    features = Features({"clip": Audio(sampling_rate=rate), "word": ClassLabel(names=list(classes))})
    return DataSpec(
        task="audio-classification",
        input_column="clip",
        label_column="word",
        shape=(length,),
        classes=classes,
        mean=(0.0,),
        std=(0.1,),
        features=features.to_dict(),
        source={"path": "owner/words", "revision": "f" * 40, "split": "train", "license": "cc-by-4.0"},
        num_rows=600,
        class_counts=(300,) * len(classes),
        about={"sampling_rate": rate},
    )


def frames_spec(
    frames: int = 3, channels: int = 1, side: int = 6, classes: tuple[str, ...] = ("up", "down")
) -> DataSpec:
    features = Features({"clip": List(Image()), "motion": ClassLabel(names=list(classes))})
    return DataSpec(
        task="video-classification",
        input_column="clip",
        label_column="motion",
        shape=(frames, channels, side, side),
        classes=classes,
        mean=(0.3, 0.4, 0.5)[:channels],
        std=(0.2, 0.25, 0.3)[:channels],
        features=features.to_dict(),
        source={"path": "owner/clips", "revision": "f" * 40, "split": "train", "license": "cc-by-4.0"},
        num_rows=600,
        class_counts=(300,) * len(classes),
    )


def vector_spec(dtype: str = "float32", size: int = 5) -> DataSpec:
    features = Features({"label": Value("string"), "features": List(Value(dtype))})
    return DataSpec(
        task="tabular-classification",
        input_column="features",
        label_column="label",
        shape=(size,),
        classes=("no", "yes"),
        mean=tuple(float(i) for i in range(size)),
        std=(1.5,) * size,
        features=features.to_dict(),
        label_values=("no", "yes"),
        source={"path": "table.parquet", "revision": None, "split": "train"},
        num_rows=100,
        class_counts=(60, 40),
    )


def signal_spec(channels: int = 2, steps: int = 24, axis: str = "first") -> DataSpec:
    """The specification of series of several channels, or of one as a plain list."""
    number, classes = Value("float32"), ("rest", "run|jog")
    inner = List(List(number)) if channels > 1 else List(number)
    return DataSpec(
        task="tabular-classification",
        kind="signal",
        input_column="watch",
        label_column="motion",
        shape=(channels, steps),
        classes=classes,
        mean=(0.5, -1.0)[:channels],
        std=(2.0, 0.5)[:channels],
        features=Features({"watch": inner, "motion": ClassLabel(names=list(classes))}).to_dict(),
        source={"path": "owner/watches", "revision": "f" * 40, "split": "train", "license": "cc-by-4.0"},
        num_rows=100,
        class_counts=(60, 40),
        about={"time_axis": axis if channels > 1 else "last", "nested": channels > 1},
    )


def with_values(spec: DataSpec) -> DataSpec:
    """The specification of the same inputs with a real number to learn."""
    inputs = {spec.input_column: spec.features[spec.input_column]}
    return replace(
        spec,
        task=spec.task.replace("classification", "regression"),
        label_column="weight",
        target="values",
        target_about={"columns": ["weight"], "mean": [70.0], "std": [12.5]},
        classes=(),
        label_values=None,
        class_counts=(spec.num_rows,),
        features={**inputs, "weight": {"dtype": "float64", "_type": "Value"}},
    )


def with_labels(spec: DataSpec) -> DataSpec:
    """The specification of the same inputs with several labels a row."""
    names = ["sea|side", "sky", "sun"]
    inner = {"names": names, "_type": "ClassLabel"}
    return replace(
        spec,
        label_column="tags",
        target="labels",
        classes=tuple(names),
        label_values=None,
        class_counts=(spec.num_rows,),
        features={spec.input_column: spec.features[spec.input_column], "tags": {"feature": inner, "_type": "List"}},
    )


def columns_spec(classes: tuple[str, ...] = ("no", "yes")) -> DataSpec:
    features = Features(
        {
            "age": Value("int8"),
            "label": ClassLabel(names=list(classes)),
            "city": Value("string"),
            "grade": ClassLabel(names=["a", "b"]),
        }
    )
    columns = [
        {"name": "age", "dtype": "int8"},
        {"name": "city", "dtype": "string", "values": [None, "Bern", "Köln"]},
        {"name": "grade", "dtype": "class", "values": [0, 1]},
    ]
    return DataSpec(
        task="tabular-classification",
        kind="columns",
        input_column="age",
        label_column="label",
        shape=(6,),
        classes=classes,
        mean=(40.0, 0.1, 0.5, 0.4, 0.3, 0.7),
        std=(12.0, 0.3, 0.5, 0.5, 0.45, 0.45),
        features=features.to_dict(),
        source={"path": "owner/people", "revision": "f" * 40, "split": "train", "license": "cc-by-4.0"},
        num_rows=600,
        class_counts=(300,) * len(classes),
        columns=("age", "city", "grade"),
        about={"columns": columns},
    )


def mixed_spec(classes: tuple[str, ...] = ("no", "yes")) -> DataSpec:
    """The specification of a picture, a number with a category, and a note."""
    image, cells = image_spec(channels=3), columns_spec(classes)
    features = {"img": Image(), "note": Value("string"), "age": Value("int8"), "city": Value("string")}
    parts = [
        {"kind": "image", "input_column": "img", "shape": list(image.shape)},
        {
            "kind": "columns",
            "input_column": "age",
            "shape": [4],
            "columns": ["age", "city"],
            "about": {"columns": cells.about["columns"][:2]},
        },
        {
            "kind": "text",
            "input_column": "note",
            "shape": [4],
            "about": {"tokenizer": trained(["a b", "c d e"], 10), "tokens": 10, "mean_bytes": 4.0},
        },
    ]
    return replace(
        cells,
        task="multimodal-classification",
        kind="mixed",
        input_column="img",
        shape=(image.shape[0] * image.shape[1] * image.shape[2] + 8,),
        mean=(*image.mean, *cells.mean[:4], 0.0),
        std=(*image.std, *cells.std[:4], 1.0),
        features=Features({**features, "label": ClassLabel(names=list(classes))}).to_dict(),
        columns=("img", "age", "city", "note"),
        about={"parts": parts},
    )


def make(spec: DataSpec, per_class: int = 2, seed: int = 0, **about: Any) -> DistilledDataset:
    """Distil nothing: a random set, reaching beyond what an 8-bit image can hold."""
    vectors = spec.kind in ("vector", "columns", "signal")
    synthetic = VectorSet(per_class=per_class) if vectors else PixelSet(per_class=per_class, clip=False)
    y = torch.arange(spec.num_groups).repeat_interleave(per_class)
    if spec.target != "classes":
        y = torch.rand(len(y), spec.num_outputs, generator=torch.Generator().manual_seed(seed + 1)).round(decimals=3)
    x = torch.randn(len(y), *spec.shape, generator=torch.Generator().manual_seed(seed)) * 2
    synthetic.initialize(x, y, spec)
    about = {"config": {"class_path": "PixelSet"}, "recipe": {"steps": 3}, "seed": seed, **about}
    return DistilledDataset.from_synthetic(synthetic, **about)


@pytest.fixture
def images() -> DistilledDataset:
    return make(image_spec())


Elsewhere = Callable[..., Any]


@pytest.fixture
def elsewhere(tmp_path: Path) -> Elsewhere:
    """Run code in a fresh Python with empty caches that cannot import hf_distill; it prints JSON.

    It ends without a shutdown, in which the threads of pyarrow may abort the process (apache/arrow 45214).
    """

    def run(code: str, *, cwd: Path | None = None, **env: str) -> Any:
        home = tmp_path / "elsewhere"
        environment = {**os.environ, "HF_HOME": str(home), "OMP_NUM_THREADS": "1", **env}
        done = subprocess.run(
            [sys.executable, "-I", "-c", _WITHOUT_LIBRARY + code + _END],
            env=environment,
            cwd=cwd or tmp_path,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, done.stderr[-3000:]
        return json.loads(done.stdout.splitlines()[-1])

    return run
