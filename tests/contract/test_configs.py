"""Every configuration resolves, describes itself and runs: distilled, published, read and measured at tiny size."""

from __future__ import annotations

import functools
import json
from pathlib import Path

import pytest
import torch
import yaml
from datasets import ClassLabel, Dataset, DatasetDict, Features, Image, List, Value
from PIL import Image as PILImage

from hf_distill.cli.distill import build_parser
from hf_distill.cli.messages import build, parse
from hf_distill.cli.placing import described
from hf_distill.experts import ExpertStore
from hf_distill.hub import DistilledDataset
from hf_distill.hub.private import without_private_paths
from hf_distill.methods import Run
from hf_distill.methods.start import read_start
from hf_distill.pools import StoredExperts
from tests.data.sounds import tone_rows
from tests.diffusion.pipelines import tiny_dit, tiny_unet

CONFIGS = sorted((Path(__file__).parents[2] / "configs").glob("*.yaml"))
# At most so much of what takes time. What decides whether parts fit each other (kinds, shapes, precisions) stays.
TINY = {
    **dict.fromkeys(("seeds", "random_draws", "teachers", "restarts", "lifetime", "views", "every"), 1),
    **dict.fromkeys(("epochs", "real_steps", "synthetic_steps", "expert_steps", "count", "size", "candidates"), 1),
    **dict.fromkeys(("max_start_epoch", "first_max_start_epoch"), 1),
    "min_start_epoch": 0,
    **dict.fromkeys(("steps", "full_steps", "reuse", "tangent_dim"), 2),
    **dict.fromkeys(("neighbours", "max_channels", "width", "depth", "hidden", "heads", "horizon"), 4),
    **dict.fromkeys(("real_per_class", "batch", "real_batch", "batch_size", "windows", "image_size"), 8),
    "per_class": 10,
    "lookback": 16,  # xPatch's patch
    "length": 48,
    "k": 20,
    "harmonics": 8,
    "test_stride": 10**6,
    "preview_every": 0,
    "bits_per_class": 1600,
    "total_bytes": 700,
}


def pictures(shape, names, per_class=12):
    """Images of noise, as many of each class in both splits."""
    generator = torch.Generator().manual_seed(0)
    labels = [label for label in range(len(names)) for _ in range(per_class)]
    drawn = [
        PILImage.fromarray(torch.randint(256, shape, generator=generator, dtype=torch.uint8).numpy()) for _ in labels
    ]
    features = Features({"image": Image(), "label": ClassLabel(names=list(names))})
    split = Dataset.from_dict({"image": drawn, "label": labels}, features=features)
    return DatasetDict(train=split, test=split)


def beams(column):
    """Powers of 64 beams; the best of them is the label, and most never are."""
    power = torch.rand(300, 64, generator=torch.Generator().manual_seed(0)) ** 4
    power[:, ::8] += 0.5
    features = Features({column: List(Value("float32")), "beam": ClassLabel(num_classes=64)})
    split = Dataset.from_dict({column: power.tolist(), "beam": power.argmax(1).tolist()}, features=features)
    return DatasetDict(train=split, test=split)


def videos():
    """Videos of noise, as many of each of eight classes in both splits."""
    frames = torch.randint(256, (96, 12, 32, 32), generator=torch.Generator().manual_seed(0), dtype=torch.uint8)
    features = Features({"video": List(Image()), "label": ClassLabel(names=list("abcdefgh"))})
    drawn = [[PILImage.fromarray(frame.numpy()) for frame in video] for video in frames]
    split = Dataset.from_dict({"video": drawn, "label": [row % 8 for row in range(96)]}, features=features)
    return DatasetDict(train=split, test=split)


def spoken():
    """Tones of ten heights, as many of each in both splits."""
    split = tone_rows(length=5120, names=tuple("0123456789"))
    return DatasetDict(train=split, test=split)


def emojis():
    """Pictures of noise with a caption and a tag, or two."""
    split = pictures((8, 8, 3), "abcdefghijk", 10)["train"]
    captions = [f"{name} face {row}" for row, name in enumerate("abcdefghijk" * 10)]
    split = split.rename_column("label", "group").add_column("caption", captions)
    return DatasetDict(train=split, test=split)


def captions():
    """Captions of many words that tell one of nine tags, and a row with two."""
    words = [f"{head}{vowel}{end}o" for head in "bcdfghjkl" for vowel in "aeiou" for end in "rst"]
    rows = [(f"the {word} there", [place // 15]) for place, word in enumerate(words)] * 2 + [("baro caro", [0, 1])]
    features = Features({"caption": Value("string"), "tags": List(ClassLabel(names=list("abcdefghi")))})
    split = Dataset.from_dict({"caption": [row[0] for row in rows], "tags": [row[1] for row in rows]}, features)
    return DatasetDict(train=split, test=split)


def reviews(column, names):
    """Texts of a thing and one of the words of its class."""
    heads, ends = "bcdfghjklmnp", "rstw"
    words = [[f"{head}{'aeiou'[label]}{end}o" for head in heads for end in ends] for label in range(len(names))]
    rows = [(f"the {word} was there , {word} !", label) for label, own in enumerate(words) for word in own] * 2
    features = Features({column: Value("string"), "label": ClassLabel(names=list(names))})
    texts, labels = zip(*rows, strict=True)
    split = Dataset.from_dict({column: list(texts), "label": list(labels)}, features=features)
    return DatasetDict(train=split, test=split, validation=split)


def series(channels):
    """Random walks, hour by hour."""
    walks = torch.randn(400, channels, generator=torch.Generator().manual_seed(0)).cumsum(0)
    dates = [f"2024-01-{1 + hour // 24:02d} {hour % 24:02d}:00:00" for hour in range(400)]
    return DatasetDict(
        train=Dataset.from_dict({"date": dates} | {f"c{i}": walks[:, i].tolist() for i in range(channels)})
    )


def patients():
    """Ten numbers each, and one that follows from two of them."""
    x = torch.randn(60, 10, generator=torch.Generator().manual_seed(0))
    features = Features({"measurements": List(Value("float32")), "progression": Value("float32")})
    columns = {"measurements": x.tolist(), "progression": (150 + 40 * x[:, 0] - 20 * x[:, 1]).tolist()}
    split = Dataset.from_dict(columns, features=features)
    return DatasetDict(train=split, test=split)


def people():
    """Numbers and categories; the class follows from one of each."""
    rows = range(80)
    features = {"age": Value("int64"), "work": ClassLabel(names=list("abc")), "city": Value("string")}
    columns = {"age": [20 + row % 50 for row in rows], "work": [row % 3 for row in rows]}
    columns |= {"city": ["Bern" if row % 4 else "Basel" for row in rows], "label": [int(row % 3 > 0) for row in rows]}
    split = Dataset.from_dict(columns, Features({**features, "label": ClassLabel(names=["low", "high"])}))
    return DatasetDict(train=split, test=split)


def gestures():
    """Random walks of one channel, of two classes."""
    walks = torch.randn(48, 1, 40, generator=torch.Generator().manual_seed(0)).cumsum(2)
    features = Features({"series": List(List(Value("float32"))), "label": ClassLabel(names=["gun", "point"])})
    split = Dataset.from_dict({"series": walks.tolist(), "label": [row % 2 for row in range(48)]}, features=features)
    return DatasetDict(train=split, test=split)


SOURCES = {
    "gunpoint": gestures,
    "scikit-learn/adult-census-income": people,
    "pneumoniamnist": functools.partial(pictures, (28, 28), "ab"),
    "diabetes": patients,
    "digits": functools.partial(pictures, (8, 8), "0123456789"),
    "zalando-datasets/fashion_mnist": functools.partial(pictures, (28, 28), "0123456789"),
    "imagenette64": functools.partial(pictures, (64, 64, 3), "0123456789", 40),
    "uoft-cs/cifar10": functools.partial(pictures, (32, 32, 3), "0123456789"),
    "frgfm/imagenette": functools.partial(pictures, (20, 30, 3), "ab"),
    "spoken_digits": spoken,
    "moving_items": videos,
    "stanfordnlp/sst2": functools.partial(reviews, "sentence", "ab"),
    "openmoji64": emojis,
    "openmoji_tags": captions,
    "fancyzhx/ag_news": functools.partial(reviews, "text", "abcd"),
    "uma_beam": functools.partial(beams, "rsrp_db"),
    "deepsense_beam": functools.partial(beams, "power"),
    "ETTh1.csv": functools.partial(series, 7),
    "ETTm1.parquet": functools.partial(series, 7),
    "electricity.csv": functools.partial(series, 1),
    "weather.parquet": functools.partial(series, 21),
}
PIPELINES = {
    "outputs/generator_digits": functools.partial(tiny_unet, names="0123456789"),
    "facebook/DiT-XL-2-256": tiny_dit,
}


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Write made-up data of the kind of a source, or a pipeline, once each, and return the folder."""
    folder = tmp_path_factory.mktemp("made")

    @functools.cache
    def make(name):
        place = folder / name.replace("/", "_")
        if name in PIPELINES:
            PIPELINES[name]().save_pretrained(place)
        else:
            for split, rows in SOURCES[name]().items():
                rows.to_parquet(place / f"{split}-00000-of-00001.parquet")
        return str(place)

    return make


def shrunk(value, name=""):
    """A description of a run with no option above its tiny value."""
    if isinstance(value, dict):
        small = {key: shrunk(item, key) for key, item in value.items()}
        if (
            value.get("class_path") == "Recipe"
        ):  # whose number of epochs is a matter of the augmentation where it is null
            small["init_args"].update(steps=2, epochs=None)
        return small
    if isinstance(value, list):
        return [shrunk(item) for item in value]
    whole = isinstance(value, int) and not isinstance(value, bool)
    return min(value, TINY[name]) if whole and name in TINY else value


def trained(method, data, folder):
    """Train the experts that a method asks for, and none where it asks for none."""
    objective = getattr(method, "objective", None)
    for pool in objective.modules() if objective else ():
        if isinstance(pool, StoredExperts):
            store = ExpertStore.begin(folder, pool.experts.describe(data.setup()), resume=True, overwrite=False)
            pool.experts.train(data, store, progress=False)


def with_folder(value, folder):
    """A description of a run whose experts are in some folder."""
    if isinstance(value, dict):
        found = {key: with_folder(item, folder) for key, item in value.items()}
        return {**found, "folder": folder} if "folder" in value and "experts" in value else found
    return [with_folder(item, folder) for item in value] if isinstance(value, list) else value


MEASURED = set()


# What differs from another one by its data alone, or by a value.
ALIKE = (
    "hdt_ettm1",
    "hdt_weather",
    "condtsf_etth1",
    "quadd_fashion_mnist_coded",
    "hdt_decomposition_etth1",
    "hdt_dc_etth1",
    "rded_cifar10",
    "rded_imagenette64",
    "sre2l_cifar10",
    "datm_digits_ipc10",
    "datm_fashion_mnist_ipc1",
    "mtt_quadd_digits",
    "tesla_digits_ipc1",
)


@pytest.mark.parametrize(
    "path",
    [pytest.param(path, marks=pytest.mark.slow if path.stem in ALIKE else ()) for path in CONFIGS],
    ids=lambda path: path.stem,
)
def test_a_configuration_runs(path, made, tmp_path):
    parser = build_parser()
    small = shrunk(described(build(parser, parse(parser, [f"--config={path}"]))))
    data, method = (small[name]["init_args"] for name in ("data", "method"))
    data.update(path=made(data["path"]), name=None)
    if small["data"]["class_path"] == "SeriesData":
        data["splits"] = [300, 350, 400]
    if "pipeline" in method:
        method["pipeline"] = made(method["pipeline"])
    small = with_folder(small, str(tmp_path / "experts"))
    # What the run folder keeps is plain YAML, and gives the same run.
    objects = parser.instantiate(parser.parse_object(yaml.safe_load(yaml.safe_dump(small))))
    assert described(objects) == small

    trained(objects.method, objects.data, tmp_path / "experts")
    artifact = objects.method.distill(objects.data, Run(folder=tmp_path / "run", progress=False))
    folder = artifact.save_pretrained(tmp_path / "set")
    assert DistilledDataset.from_pretrained(folder).config["method"] == without_private_paths(small["method"])
    # Many are measured alike, and once is enough.
    protocol = json.dumps([small["evaluator"], small["data"]["class_path"], data.get("streaming")])
    if protocol not in MEASURED:
        MEASURED.add(protocol)
        start = read_start(tmp_path / "run", artifact.config)
        rows = objects.evaluator.evaluate(folder, objects.data, progress=False, start=start).rows
        assert rows and all(row["mean"] is not None for row in rows)
