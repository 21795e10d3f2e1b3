"""Several columns of any kinds: each is read, normalised, stored and published as it would be alone."""

from __future__ import annotations

import re

import numpy as np
import pytest
import torch
from datasets import Audio, ClassLabel, Dataset, Features, Image, List, Value, load_dataset
from PIL import Image as PILImage

from hf_distill import (
    MLP,
    ClassificationEvaluator,
    Coreset,
    DistributionMatching,
    MixedAugment,
    MixedNetwork,
    MixedSet,
    OptimizedDistillation,
    PixelSet,
    QuantizedSet,
    SiameseAugment,
    TextNet,
)
from hf_distill.augment.default import default_augment
from hf_distill.data import RealData
from hf_distill.errors import UserError
from hf_distill.hub import DistilledDataset
from hf_distill.training import Recipe
from tests.data.kinds.test_audio import wav

WORDS = ("red", "green", "cat", "dog", "sun")
INPUTS = ["picture", "caption", "age", "city", "steps"]


def table(rows=40, seed=0):
    generator = np.random.default_rng(seed)
    pixels = generator.integers(0, 255, (rows, 8, 8, 3), dtype=np.uint8)
    columns = {
        "picture": [PILImage.fromarray(one) for one in pixels],
        "caption": [f"{' '.join(generator.choice(WORDS, 3))} {row}" for row in range(rows)],
        "age": generator.normal(50, 9, rows),
        "city": generator.choice(["Bonn", "Ulm"], rows).tolist(),
        "steps": generator.normal(size=(rows, 3)).astype("f4").tolist(),
        "label": (np.arange(rows) % 2).tolist(),
    }
    features = {"picture": Image(), "caption": Value("string"), "age": Value("float64"), "city": Value("string")}
    features |= {"steps": List(Value("float32")), "label": ClassLabel(names=["a", "b"])}
    return Dataset.from_dict(columns, Features(features))


def data(source=None, inputs=INPUTS, **options):
    source = table() if source is None else source
    # Texts alone have no options of texts where there are none.
    options = {"vocabulary": 60, "text_length": 6, **options} if "caption" in inputs else options
    return RealData.from_dataset(source, source, input_column=inputs, **options).setup()


def test_every_column_is_what_it_is_alone():
    real, rows = data(), torch.arange(40)
    x, form = real.train.batch(rows).x, real.spec.form
    parts = form.split(real.spec, x)
    assert [part.kind for part, _ in parts] == ["image", "columns", "vector", "text"]
    tasks = ["image-classification", "tabular-classification", "text-classification"]
    assert real.spec.task == "multimodal-classification" and form.hub_tasks(real.spec) == tasks
    assert list(real.spec.features) == table().column_names
    for (part, own), names in zip(parts, ("picture", ["age", "city"], "steps", "caption"), strict=True):
        options = {"vocabulary": 60, "text_length": 6} if names == "caption" else {}
        alone = RealData.from_dataset(table(), input_column=names, **options).setup()
        assert alone.spec.kind == part.kind and alone.spec.shape == part.shape and alone.spec.about == part.about
        torch.testing.assert_close(own, alone.train.batch(rows).x, rtol=0, atol=1e-6)
    raw = form.denormalize(real.spec, x)
    torch.testing.assert_close(form.normalize(real.spec, raw), x, rtol=0, atol=1e-5)


def test_tables_and_streams_read_alike():
    memory, arrow = data(storage="memory"), data(storage="arrow")
    assert memory.spec == arrow.spec
    index = torch.tensor([7, 3, 11])
    assert torch.equal(memory.train.batch(index).x, arrow.train.batch(index).x)
    stream = data(table().to_iterable_dataset(), ["picture", "caption", "age"])
    assert stream.spec.about == data(inputs=["picture", "caption", "age"]).spec.about
    assert stream.sample([0, 1], 2, torch.Generator()).x.shape == (4, 192 + 1 + 6)


def rows_of(source):
    return [{**row, "picture": np.asarray(row["picture"]).tolist()} for row in source]


def test_chosen_rows_are_rows_of_the_source(tmp_path):
    real = data()
    made = Coreset(per_class=3).distill(real)
    made.save_pretrained(tmp_path / "set")
    published = load_dataset(str(tmp_path / "set"), split="train")
    assert published.features == table().features
    source = rows_of(table())
    assert len(published) == 6 and all(row in source for row in rows_of(published))
    again = DistilledDataset.from_pretrained(tmp_path / "set")
    assert (again.x - again.exact().x).abs().max() < 1e-5
    exact = sum(192 * 8 + 64 + 1 + 96 + 8 * (len(row["caption"]) + 1) for row in published)
    assert made.bits["default"].data == exact


def test_sounds_and_videos_beside_texts(tmp_path):
    generator = np.random.default_rng(0)
    frames = generator.integers(0, 256, (8, 3, 8, 8), dtype=np.uint8)
    columns = {
        "sound": [{"bytes": wav(generator.integers(-1000, 1000, 80)), "path": None} for _ in range(8)],
        "clip": [[PILImage.fromarray(frame) for frame in video] for video in frames],
        "note": [f"a note {row}" for row in range(8)],
        "title": [f"title {row} of it" for row in range(8)],
        "label": [row % 2 for row in range(8)],
    }
    plain = {"sound": {"bytes": Value("binary"), "path": Value("string")}, "clip": List(Image())}
    plain |= {"note": Value("string"), "title": Value("string"), "label": ClassLabel(names=["a", "b"])}
    kept = Features({**plain, "sound": Audio(decode=False)})
    source = Dataset.from_dict(columns, Features(plain)).cast(kept).cast_column("sound", Audio())
    inputs = ["sound", "clip", "note", "title"]
    real = RealData.from_dataset(source, input_column=inputs, text_length=5, vocabulary=40).setup()
    made = Coreset(per_class=2).distill(real)
    made.save_pretrained(tmp_path / "set")
    published = load_dataset(str(tmp_path / "set"), split="train")
    sounds = [sound["bytes"] for sound in published.cast_column("sound", Audio(decode=False))["sound"]]
    for row, sound in zip(published.select_columns(inputs[1:]), sounds, strict=True):
        place = columns["note"].index(row["note"])
        assert row["title"] == columns["title"][place] and sound == columns["sound"][place]["bytes"]
        assert np.array_equal(np.stack([np.asarray(frame) for frame in row["clip"]]), frames[place])
    again = DistilledDataset.from_pretrained(tmp_path / "set")
    assert (again.x - again.exact().x).abs().max() < 1e-5


@pytest.mark.parametrize("quantized", [False, True])
def test_quantities_are_learned_and_texts_are_not(quantized, tmp_path):
    real = data()
    network = MixedNetwork(branches={"picture": MLP(width=4), "age": MLP(width=4), "steps": MLP(width=4)}, width=4)
    inner = MixedSet(per_class=2)
    method = OptimizedDistillation(
        synthetic=QuantizedSet(synthetic=inner) if quantized else inner,
        objective=DistributionMatching(network=network, real_per_class=8),
        steps=2,
        lr=0.1,
    )
    made = method.distill(real)
    made.save_pretrained(tmp_path / "set")
    published = load_dataset(str(tmp_path / "set"), split="train")
    source = rows_of(table())
    assert {row["caption"] for row in published} <= {row["caption"] for row in source}
    assert not any(row in source for row in rows_of(published))
    again = DistilledDataset.from_pretrained(tmp_path / "set")
    assert torch.equal(again.exact().x[:, -6:], again.x[:, -6:])
    if quantized:
        parts = made.packed.meta["variables"]
        assert [about["shape"] for about in parts.values()] == [[4, 3, 8, 8], [4, 3], [4, 3]]
        assert made.packed.columns["part0_side"] != made.packed.columns["part1_side"], "each by its own values"
    evaluator = ClassificationEvaluator(networks=[network], seeds=1, recipe=Recipe(epochs=1), full_steps=1)
    row = evaluator.evaluate(again, real, progress=False).rows[0]
    assert 0 <= row["mean"] <= 1 and "class_mean" not in row["baselines"]


def test_the_cards_script_gives_the_same_inputs(tmp_path, monkeypatch):
    real = data(inputs=["picture", "age", "city", "steps"], image_size=4)
    made = Coreset(per_class=2).distill(real)
    made.save_pretrained(tmp_path / "set")
    card = (tmp_path / "set" / "README.md").read_text()
    script = re.findall(r"```python\n(.*?)```", card, re.DOTALL)[1]
    found = {}
    for rows in ("path/to/this/folder", "path/to/test/rows"):
        script = script.replace(rows, str(tmp_path / "set"))
    exec(script.replace("range(300)", "range(2)"), found)
    torch.testing.assert_close(found["x"], made.x, rtol=0, atol=1e-4)


def test_every_column_is_augmented_by_itself():
    real = data()
    augment = default_augment(real.spec)
    assert isinstance(augment, MixedAugment)
    assert {place: type(own) for place, own in augment.augments.items()} == {"0": SiameseAugment}
    x = real.train.batch(torch.arange(8)).x
    augment = MixedAugment(shapes=augment.shapes, augments={"0": SiameseAugment(strategy="flip", flip=1.0)})
    done = augment.apply(x, augment.sample(torch.Generator(), 8))
    assert torch.equal(done[:, 192:], x[:, 192:])
    assert torch.equal(done[:, :192].unflatten(1, (3, 8, 8)), x[:, :192].unflatten(1, (3, 8, 8)).flip(3))
    drawn = augment.sample(torch.Generator())
    with pytest.raises(UserError, match=r"MixedAugment has shapes \[\[3\]\], which are not those of"):
        MixedAugment(shapes=[[3]], augments={}).apply(x, drawn)
    with pytest.raises(UserError, match="augments has '4'; the places are 0, 1, 2, 3"):
        MixedAugment(shapes=augment.shapes, augments={"4": SiameseAugment()}).apply(x, drawn)


def test_refusals():
    with pytest.raises(UserError, match=r"data\.frames is for videos"):
        data(frames=3)
    real = data()
    batch = real.train.samples(torch.arange(2))
    for wrong, message in ((PixelSet(), "choose TokenSet for texts, MixedSet for"),):
        with pytest.raises(UserError, match=message):
            wrong.initialize(batch.x, batch.y, real.spec)
    with pytest.raises(UserError, match="MixedSet holds columns of several kinds, not images"):
        alone = data(inputs="picture").spec
        MixedSet().initialize(torch.zeros(2, 3, 8, 8), batch.y, alone)
    with pytest.raises(UserError, match=r"network\.branches has 'sound'; the columns are picture, age, steps, caption"):
        MixedNetwork(branches={"sound": MLP()}).build_for(real.spec, 0)
    with pytest.raises(UserError, match="TextNet reads texts"):
        TextNet().build_for(real.spec, 0)
    with pytest.raises(UserError, match="texts have no mean"):
        MixedSet(per_class=1).initialize(batch.x + 0.5, batch.y, real.spec)
