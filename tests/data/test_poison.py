"""A poisoned source holds so many triggered rows with the label of the target, and nothing else differs."""

from __future__ import annotations

import math

import pytest
import torch

from hf_distill.data import BlendedTrigger, FrequencyTrigger, PatchTrigger, Poison, RealData
from hf_distill.errors import UserError
from tests.evaluation.sets import table, vectors

BLACK = torch.zeros(1, 1, 8, 8, dtype=torch.uint8)


def test_the_patch_is_in_its_corner():
    marked = PatchTrigger(size=2, corner="top_right").stamp(BLACK)[0, 0]
    assert marked[:2, 6:].eq(255).all() and int(marked.gt(0).sum()) == 4


def test_the_noise_has_its_share():
    pixels = torch.full((2, 3, 4, 4), 100.0)
    marked = BlendedTrigger(strength=0.2).stamp(pixels)
    assert torch.equal(marked[0], marked[1]) and not torch.equal(marked[0, 0], marked[0, 1])
    assert marked.min() >= 80 - 1e-3 and marked.max() <= 80 + 0.2 * 255 + 1e-3
    assert torch.equal(BlendedTrigger(strength=0.0).stamp(pixels), pixels)


def test_the_wave_is_one_coefficient():
    grey = torch.full((1, 1, 8, 8), 127.5)
    wave = (FrequencyTrigger(strength=0.1, row=2, column=0).stamp(grey) - grey)[0, 0]
    rows = torch.arange(8).double()
    basis = torch.stack([torch.cos(math.pi * k * (rows + 0.5) / 8) for k in range(8)])
    found = basis @ wave.double() @ basis.T
    assert (found.abs() > 1e-3).nonzero().tolist() == [[2, 0]]
    assert float(wave.max()) == pytest.approx(25.5 * math.cos(math.pi / 8), rel=1e-4)


@pytest.mark.parametrize("storage", ["memory", "arrow"])
def test_rows_are_poisoned(storage):
    train, test = table(90, 0), table(60, 1)
    clean = RealData.from_dataset(train, test, storage=storage).setup()
    poison = Poison(target="right", share=0.2, trigger=PatchTrigger(size=2))
    real = RealData.from_dataset(train, test, storage=storage, poison=poison).setup()
    changed = (real.train.labels != clean.train.labels).nonzero()[:, 0]
    assert len(changed) == 6 == round(0.2 * 30) and real.train.labels[changed].eq(1).all()
    assert real.spec.class_counts[1] == 36 and sum(real.spec.class_counts) == 90
    assert len(real.train.class_index(1)) == 36
    every = torch.arange(90)
    before, after = clean.train.raw(every), real.train.raw(every)
    expected = before.clone()
    expected[changed, :, -2:, -2:] = 255
    assert torch.equal(after, expected) and torch.equal(clean.train.raw(every), before)
    assert (real.spec.mean, real.spec.std) == (clean.spec.mean, clean.spec.std)
    assert torch.equal(real.test.raw(torch.arange(60)), clean.test.raw(torch.arange(60)))
    triggered = poison.triggered(real.test)
    assert len(triggered) == 40 and sorted(set(triggered.labels.tolist())) == [0, 2]
    assert triggered.raw(torch.arange(40))[:, :, -2:, -2:].eq(255).all()


def test_what_cannot_be_poisoned_is_refused():
    cases = [
        (RealData.from_dataset(vectors(60, 0), poison=Poison()), "images with classes are poisoned"),
        (RealData.from_dataset(table(60, 0).to_iterable_dataset(), poison=Poison()), "a stream is not poisoned"),
        (RealData.from_dataset(table(60, 0), poison=Poison(target="up")), "no class 'up'"),
        (RealData.from_dataset(table(60, 0), poison=Poison(share=0.01)), "share is 0.01, which is 0 of the 20 rows"),
        (RealData.from_dataset(table(60, 0), poison=Poison(trigger=PatchTrigger(size=9))), "must be 1 to 8"),
        (RealData.from_dataset(table(60, 0), poison=Poison(trigger=FrequencyTrigger(row=8))), "must be 0 to 7"),
    ]
    for real, said in cases:
        with pytest.raises(UserError, match=said):
            real.setup()
