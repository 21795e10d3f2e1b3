from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from datasets import ClassLabel, List, load_dataset

from hf_distill.data import RealData
from hf_distill.errors import UserError
from hf_distill.hub import DistilledDataset
from hf_distill.initialization import KeywordSamples, MeanSamples, RealSamples
from hf_distill.labels import DenseLabels
from hf_distill.methods import Coreset, OptimizedDistillation, Run, Undistilled
from hf_distill.networks import TextNet
from hf_distill.objectives import DistributionMatching, GradientMatching, UnrolledMatching
from hf_distill.pools import FreshNetworks, TrainedOnSet
from hf_distill.quantization import Budget, UniformQuantizer
from hf_distill.seeding import Streams
from hf_distill.selection import KMeansSelector
from hf_distill.synthetic import PixelSet, QuantizedSet, TokenSet
from hf_distill.synthetic.planner import filled
from tests.texts import BAD, GOOD, rows, small_texts

SMALL = TextNet(width=8, hidden=8)
OBJECTIVES = {
    "distribution": DistributionMatching(pool=FreshNetworks(network=SMALL), real_per_class=8),
    "gradient": GradientMatching(pool=FreshNetworks(network=SMALL), real_batch=8),
    "unrolled": UnrolledMatching(pool=TrainedOnSet(networks=[SMALL], steps=3, size=1), real_batch=8),
}


def made(synthetic, real, initial=None):
    initial = RealSamples() if initial is None else initial
    return filled(synthetic, lambda size: initial.draw(real, size, Streams(0)), real.spec)


@pytest.mark.parametrize("length", [12, 3])
def test_chosen_texts_are_the_sources_byte_for_byte(length, tmp_path):
    real = small_texts(text_length=length)  # with 3 tokens networks do not see all of a text
    artifact = Coreset(per_class=3, selector=KMeansSelector()).distill(real, Run(progress=False))
    artifact.save_pretrained(tmp_path / "set")
    read = load_dataset(str(tmp_path / "set"), split="train")
    assert read.features == rows().features and len(read) == 6
    pairs = set(zip(rows()["review"][:], rows()["mood"][:], strict=True))
    assert set(zip(read["review"][:], read["mood"][:], strict=True)) <= pairs
    loaded = DistilledDataset.from_pretrained(tmp_path / "set")
    assert list(loaded.stored) == read["review"][:]
    assert torch.equal(loaded.x, artifact.x) and torch.equal(loaded.exact().x, loaded.x)
    again = DistilledDataset.from_pretrained(loaded.save_pretrained(tmp_path / "again"))
    assert list(again.stored) == list(loaded.stored)
    size = sum(8 * (len(text.encode()) + 1) for text in read["review"][:])
    assert loaded.bits["default"].data == size and loaded.bits["default"].labels == 6


def test_codes_take_whole_bytes_a_text_and_the_tokenizer():
    real = small_texts()
    synthetic = made(TokenSet(per_class=2), real)
    bits = math.ceil(math.log2(real.spec.about["tokens"]))
    counts = (synthetic.numbers() > 0).sum(1).tolist()
    size = synthetic.bits()
    assert size.data == sum(8 * (math.ceil(count * bits / 8) + 1) for count in counts)
    assert size.side == 8 * len(real.spec.about["tokenizer"].encode()) and size.labels == 4
    assert [len(row) for row in synthetic.pack().columns["tokens"]] == [math.ceil(c * bits / 8) for c in counts]


@pytest.mark.parametrize("quantized", [False, True])
@pytest.mark.parametrize("learned", [False, True])
def test_a_set_is_published_and_decoded(learned, quantized, tmp_path):
    real = small_texts()
    inner = TokenSet(per_class=3, learned=learned, length=5, labels=DenseLabels())
    synthetic = made(QuantizedSet(synthetic=inner, quantizer=UniformQuantizer(bits=4)) if quantized else inner, real)
    with torch.no_grad():
        decoded = synthetic()
    about = {"config": {"method": {"class_path": "Coreset"}}}
    loaded = DistilledDataset.from_pretrained(
        DistilledDataset.from_synthetic(synthetic, **about).save_pretrained(tmp_path / "set")
    )
    exact = loaded.exact()
    assert decoded.x.shape == (6, 12) and torch.equal(exact.x, decoded.x)
    assert torch.allclose(exact.y, decoded.y, atol=1e-6) and loaded.bits["codes"] == synthetic.bits()
    if learned:
        assert ((decoded.x > 0).sum(1) == 5).all()
    else:
        assert set(loaded.stored) <= set(rows()["review"][:])


def test_learned_tokens_are_one_hot_with_a_gradient():
    real = small_texts()
    synthetic = made(TokenSet(per_class=2, learned=True, length=4), real)
    x = synthetic().x
    assert x.shape == (4, 4, real.spec.about["tokens"])
    assert torch.allclose(x.sum(-1), torch.ones(4, 4), atol=1e-5) and torch.equal(x.argmax(-1), synthetic.numbers())
    # d/ds of <v, softmax(s)> is p (v - <v, p>).
    v = torch.randn(x.shape, generator=torch.Generator().manual_seed(0))
    (x * v).sum().backward()
    p = synthetic.scores.detach().softmax(-1)
    torch.testing.assert_close(synthetic.scores.grad, p * (v - (v * p).sum(-1, keepdim=True)))


def test_what_follows_a_gap_moves_up():
    real = small_texts()
    synthetic = made(TokenSet(per_class=1, learned=True, length=3), real)
    with torch.no_grad():
        synthetic.scores[0, 1] = 0
        synthetic.scores[0, 1, 0] = 9.0  # padding
        first, _, last = synthetic.scores[0].argmax(-1).tolist()
        assert synthetic().x[0, :4].tolist() == [first, last, 0, 0]


@pytest.mark.parametrize("name", OBJECTIVES)
def test_tokens_and_labels_are_learned(name, tmp_path):
    real = small_texts()
    soft = name != "gradient"
    synthetic = TokenSet(per_class=2, learned=True, length=3, labels=DenseLabels() if soft else None)
    method = OptimizedDistillation(
        synthetic=synthetic, objective=OBJECTIVES[name], optimizer="adam", lr=1.0, steps=8, checkpoint_every=4
    )
    artifact = method.distill(real, Run(folder=tmp_path, progress=False))
    start = DistilledDataset.from_pretrained(tmp_path / "start")
    assert artifact.x.shape == (4, 12) and not torch.equal(artifact.x, start.x)
    assert all(isinstance(text, str) for text in artifact.stored)
    published = artifact.published()
    assert list(published.stored) == list(artifact.stored)


def test_keywords_are_those_that_tell_the_class():
    real = small_texts()
    method = Undistilled(synthetic=TokenSet(per_class=2), initial=KeywordSamples(words=1))
    artifact = method.distill(real, Run(progress=False))
    assert set(artifact.stored[:2]) == set(BAD) and set(artifact.stored[2:]) == set(GOOD)
    two = Undistilled(synthetic=TokenSet(per_class=1), initial=KeywordSamples(words=2))
    found = two.distill(real, Run(progress=False)).stored
    assert set(found[0].split()) == set(BAD) and set(found[1].split()) == set(GOOD)
    assert not np.any([text in rows()["review"][:] for text in found])


def test_keywords_of_several_labels_stand_for_one_each():
    moods = [[mood] if row % 5 else [mood, 2] for row, mood in enumerate(rows()["mood"][:])]
    source = (
        rows()
        .remove_columns("mood")
        .add_column("moods", moods, feature=List(ClassLabel(names=["bad", "good", "fifth"])))
    )
    real = RealData.from_dataset(source, label_column="moods", text_length=12, vocabulary=120).setup()
    made = Undistilled(synthetic=TokenSet(per_class=5), initial=KeywordSamples(words=1)).fit(
        real, Run(progress=False)
    )()
    assert made.y.tolist() == [[1, 0, 0]] * 2 + [[0, 1, 0]] * 2 + [[0, 0, 1]]
    found = real.spec.form.store(real.spec, made.x)
    assert set(found[:2]) == set(BAD) and set(found[2:4]) == set(GOOD)


@pytest.mark.parametrize(
    "synthetic, initial, message",
    [
        (PixelSet(per_class=2), RealSamples(), "PixelSet holds quantities, not texts: choose TokenSet"),
        (TokenSet(per_class=30), KeywordSamples(words=1), "words of its own, fewer than 30"),
        (TokenSet(per_class=2), KeywordSamples(words=13), "networks see 12 tokens"),
        (TokenSet(per_class=2), MeanSamples(), "tokens have no mean"),
        (QuantizedSet(synthetic=TokenSet(), budget=Budget(total_bytes=100)), RealSamples(), "holds texts: leave it"),
    ],
)
def test_refusals(synthetic, initial, message):
    with pytest.raises(UserError, match=message):
        made(synthetic, small_texts(), initial)


def test_the_cards_script_trains(tmp_path):
    real = small_texts()
    artifact = Undistilled(synthetic=TokenSet(per_class=2), initial=KeywordSamples(words=1)).distill(
        real, Run(progress=False)
    )
    folder = artifact.save_pretrained(tmp_path / "set")
    card = (folder / "README.md").read_text()
    assert "task_categories:\n- text-classification" in card and (folder / "preview.png").is_file()
    start = card.index("import json")
    script = card[start : card.index("```", start)].replace("path/to/this/folder", str(folder))
    script = script.replace("path/to/test/rows", str(folder))
    scope: dict = {}
    exec(script, scope)
    assert torch.equal(scope["x"].float(), artifact.x)
    assert torch.equal(scope["network"](scope["x"]).argmax(1), scope["y"])
