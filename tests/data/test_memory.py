"""What is decoded and held: setup a bounded number of rows, a random choice the rows that it chooses."""

from __future__ import annotations

import io

import numpy as np
import PIL.Image
import pytest
import torch
from datasets import ClassLabel, Dataset, Features, Image

from hf_distill.cli import placing
from hf_distill.data.kinds.decoder import chunk_rows
from hf_distill.data.real import RealData
from hf_distill.evaluation.baselines import random_samples
from hf_distill.initialization import RealSamples
from hf_distill.methods import Coreset
from hf_distill.methods.method import Run
from hf_distill.seeding import Streams
from hf_distill.selection import RandomSelector
from hf_distill.selection.base import select_per_class

ROWS, CLASSES = 10_400, 4
STATISTICS_ROWS = 10_000


def png(value: int, side: int = 1) -> dict:
    buffer = io.BytesIO()
    PIL.Image.fromarray(np.full((side, side), value, np.uint8)).save(buffer, "PNG")
    return {"bytes": buffer.getvalue(), "path": None}


def table(rows: int, side: int = 1) -> Dataset:
    features = Features({"image": Image(), "label": ClassLabel(num_classes=CLASSES)})
    encoded = [png(value, side) for value in range(50)]
    columns = {"image": [encoded[row % 50] for row in range(rows)], "label": [row % CLASSES for row in range(rows)]}
    return Dataset.from_dict(columns, features=features)


@pytest.fixture
def opened(monkeypatch):
    """Count the images that Pillow opens."""
    count = [0]
    original = PIL.Image.open

    def counting(*args, **kwargs):
        count[0] += 1
        return original(*args, **kwargs)

    monkeypatch.setattr(PIL.Image, "open", counting)
    return count


def test_setup_decodes_a_bounded_number_and_a_random_choice_what_it_chooses(opened):
    real = RealData.from_dataset(table(ROWS), storage="arrow").setup()
    assert opened[0] == 1 + ROWS + STATISTICS_ROWS  # the first row, the headers of all, and those that are decoded
    opened[0] = 0
    select_per_class(RandomSelector(), real, 7, Streams(3))
    assert opened[0] == 0
    for draw in (
        lambda: RealSamples().draw(real, 7, Streams(3)).x,
        lambda: random_samples(real, real.spec, 7 * CLASSES, Streams(3)).batch.x,
    ):
        opened[0] = 0
        assert len(draw()) == opened[0] == 7 * CLASSES
    opened[0] = 0
    Coreset(per_class=7).fit(real, Run(seed=3))
    assert opened[0] == 7 * CLASSES + 2  # those of the rehearsed set


def test_a_random_choice_is_that_of_its_generator():
    real = RealData.from_dataset(table(40)).setup()
    index, weight = select_per_class(RandomSelector(), real, 3, Streams(5))
    expected = [
        real.train.class_index(label)[torch.randperm(10, generator=Streams(5).generator("select", label))[:3]]
        for label in range(CLASSES)
    ]
    assert torch.equal(index, torch.cat(expected)) and torch.equal(weight, torch.full((12,), 10 / 3))


def test_batches_are_normalised_piece_by_piece_without_a_trace():
    side = 1500  # larger than a piece by itself
    real = RealData.from_dataset(table(6, side)).setup()
    assert chunk_rows(real.spec.shape) == 1
    index = torch.tensor([5, 0, 5, 2])
    assert torch.equal(real.train.batch(index).x, real.spec.normalize(real.train.raw(index)))


def test_waiting_rows_of_a_stream_hold_no_others():
    real = RealData.from_dataset(table(100).to_iterable_dataset(), buffer=4).setup()
    real.sample([0], 1, torch.Generator())
    waiting = [value for rows in real._stream.state_dict()["waiting"] if rows is not None for value in rows[0]]
    held = [value for rows in real._stream._waiting for value, _ in rows]
    assert len(held) == len(waiting) > 0
    assert all(value.untyped_storage().nbytes() == value.numel() for value in held)


@pytest.mark.parametrize("group", [3, 1000])
def test_a_parquet_stream_is_the_table(tmp_path, group):
    whole = table(20)
    whole.to_parquet(tmp_path / "train.parquet", batch_size=group)
    real = RealData(path=str(tmp_path), streaming=True).setup()
    reference = RealData.from_dataset(whole.to_iterable_dataset()).setup()
    assert real.spec.mean == reference.spec.mean and real.spec.features == reference.spec.features
    for count in (3, 4):  # the second draw passes the end
        drawn = [one.sample([0, 2], count, torch.Generator()) for one in (real, reference)]
        assert torch.equal(drawn[0].x, drawn[1].x) and torch.equal(drawn[0].y, drawn[1].y)


def test_data_is_opened_before_freed_memory_is_kept(monkeypatch):
    seen = []
    real = RealData.from_dataset(table(8))
    monkeypatch.setattr(placing, "keep_freed_memory", lambda: seen.append(real.spec.num_rows))
    placing.place(real, torch.device("cuda"))
    assert not seen
    placing.place(real, "cpu")
    assert seen == [8]
