"""What is chosen is right by its own words: sizes that fit, methods by the table, series told from samples."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch
from datasets import ClassLabel, Dataset, Features, Image, Value

from hf_distill.choosing.choose import choose
from hf_distill.choosing.series import _training_steps, _usual_length
from hf_distill.choosing.size import Size
from hf_distill.choosing.sounds import spectrograms
from hf_distill.data import RealData, SeriesData
from hf_distill.data.guessing import as_series, is_series, lacks_test
from hf_distill.errors import UserError

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def digits():
    return RealData(path="digits").setup()


def option(choice, name):
    return next(word.partition("=")[2] for word in choice.options if word.startswith(f"--{name}="))


@pytest.mark.parametrize("per_class, method", [(1, "dm"), (5, "dm"), (6, "coreset"), (50, "coreset")])
def test_few_images_are_learned_and_many_chosen(digits, per_class, method):
    choice = choose(digits, Size(per_class=per_class), CPU)
    assert choice.name == f"digits_{method}_{per_class}" and choice.size == 10 * per_class
    assert "width" in option(choice, "evaluator.networks")  # narrow on a CPU
    assert "flip" not in option(choice, "evaluator.recipe.augment")
    assert any(line.startswith("method: ") for line in choice.reasons)


@pytest.mark.parametrize("per_class, config", [
    (5, "dm_fashion_mnist_ipc1_fast"), (10, "dm_fashion_mnist_ipc10_snapshots"), (11, "coreset")
])  # fmt: skip
def test_a_gpu_learns_more_of_them(digits, per_class, config):
    choice = choose(digits, Size(per_class=per_class), torch.device("cuda"))
    assert choice.config == config and "width" not in option(choice, "evaluator.networks")
    if per_class == 10:
        assert option(choice, "method.initial.features.network") == option(choice, "method.objective.pool.network")


@pytest.mark.parametrize("count, config", [(10, "values_diabetes"), (11, "coreset")])
def test_few_rows_with_values_are_learned(count, config):
    choice = choose(RealData(path="diabetes", target="values").setup(), Size(per_class=count), CPU)
    assert choice.config == config and choice.size == count
    assert choice.reasons[0] == "data: 354 training rows, numbers of shape (10,)"
    assert choice.reasons[1] == f"size: {count} in all: as asked for"


@pytest.mark.parametrize("kilobytes", [1, 3, 11.7])
def test_bytes_are_filled_and_not_exceeded(digits, kilobytes):
    choice = choose(digits, Size(bytes=1000 * kilobytes), CPU)
    sample = 64 * 8 + 4
    assert choice.bits == choice.size * sample <= 8000 * kilobytes < choice.bits + 10 * sample


def test_a_share_is_that_of_the_rows(digits):
    assert choose(digits, Size(share=0.07), CPU).size == 10 * round(0.07 * 1437 / 10)
    assert choose(digits, Size(), CPU).size == 10  # a hundredth is 1.4 a class


@pytest.mark.parametrize(
    "size, words",
    [
        (Size(bytes=100), "takes 645"),
        (Size(bytes=1e6), "there are 1,437 rows"),
        (Size(per_class=144), "1,440 samples, and there are 1,437 rows"),
    ],
)
def test_what_cannot_be_is_refused(digits, size, words):
    with pytest.raises(UserError, match=words):
        choose(digits, size, CPU)


def test_colour_images_may_be_mirrored_and_rare_classes_are_kept():
    generator = np.random.default_rng(0)
    images = list(generator.integers(0, 256, (40, 16, 16, 3), np.uint8))
    features = Features({"image": Image(), "label": ClassLabel(num_classes=2)})
    real = RealData.from_dataset(Dataset.from_dict({"image": images, "label": [0] * 36 + [1] * 4}, features)).setup()
    choice = choose(real, Size(per_class=6), CPU)
    assert option(choice, "evaluator.recipe.augment") == "SiameseAugment"
    assert option(choice, "data.class_balance") == "natural"  # the second class has four


def test_texts_become_their_words_in_the_bytes_of_average_ones():
    texts = [f"{word} " * 12 + f"number{row}" for row, word in enumerate(["good", "bad"] * 30)]
    features = Features({"text": Value("string"), "label": ClassLabel(num_classes=2)})
    real = RealData.from_dataset(Dataset.from_dict({"text": texts, "label": [0, 1] * 30}, features)).setup()
    choice = choose(real, Size(per_class=4), CPU)
    average = round(8 * (sum(map(len, texts)) / 60 + 1)) + 1
    assert choice.config == "text_ag_news" and abs(choice.size - 2 * (4 * average // 241)) <= 2
    assert option(choice, "method.synthetic.per_class") == str(choice.size // 2)


def table(path, rows=400, **columns):
    hours = pd.date_range("2024-03-01", periods=rows, freq="h", tz="Europe/Berlin")
    frame = pd.DataFrame({"time": [hour.isoformat() for hour in hours], "load": np.arange(rows) % 24 * 1.0, **columns})
    frame.to_csv(path, index=False)
    return RealData(path=str(path))


def test_a_series_is_told_from_samples(tmp_path, digits):
    series = table(tmp_path / "series.csv")
    assert is_series(series) and not is_series(digits)
    assert not is_series(table(tmp_path / "labelled.csv", label=["a", "b"] * 200))
    target = tmp_path / "target.csv"
    pd.read_csv(series.path).rename(columns={"load": "y"}).to_csv(target, index=False)
    assert is_series(RealData(path=str(target)))  # nothing but a time and a column, whatever its name
    plain = tmp_path / "wine.csv"
    pd.DataFrame({"alcohol": np.arange(9) * 0.1, "kind": list("abcabcabc")}).to_csv(plain, index=False)
    assert not is_series(RealData(path=str(plain)))
    assert not lacks_test(digits) and lacks_test(RealData(path=str(plain)).setup())
    made = as_series(series)
    assert not is_series(made)
    assert isinstance(made, SeriesData) and made.path == series.path


def test_a_set_of_a_series_holds_a_window(tmp_path):
    series = as_series(table(tmp_path / "series.csv", rows=1200)).setup()
    choice = choose(series, Size(), CPU)
    assert (choice.config, choice.size) == ("harmonics_electricity", 280)  # a third of 840 training steps
    # All 840, of which a bin takes 32 bits and 9 for its number: 32 * 280 // 41.
    words = {"--method.synthetic.length=840", "--method.synthetic.harmonics=218", "--evaluator.recipe.steps=1600"}
    assert words < set(choice.options)
    assert choose(series, Size(bytes=4 * 200), CPU).size == 200
    for size, words in (
        (Size(share=0.1), "a window takes 192"),
        (Size(bytes=1e6), "840 are"),
        (Size(per_class=1), "%"),
    ):
        with pytest.raises(UserError, match=words):
            choose(series, size, CPU)


def test_a_series_of_several_channels_is_learned(tmp_path):
    series = as_series(table(tmp_path / "series.csv", rows=2000, wind=np.arange(2000) * 0.1)).setup()
    choice = choose(series, Size(), CPU)
    assert (choice.config, choice.size) == ("hdt_etth1", 466)  # a third of 1,400 training steps
    assert {"--method.synthetic.length=466", "--method.objective.pool.lifetime=1400"} < set(choice.options)


@pytest.mark.parametrize(
    ("channels", "rows", "length"),
    [(7, 10_000, 384), (21, 10_000, 384), (1, 10_000, 2688), (3, 10_000, 896), (7, 400, 192)],
)
def test_a_narrow_series_gets_more_steps_and_a_short_one_fewer(channels, rows, length):
    assert _usual_length(192, channels, rows)[0] == length


@pytest.mark.parametrize(("channels", "steps"), [(1, 1600), (2, 1400), (4, 700), (7, 400), (207, 400)])
def test_networks_are_trained_for_longer_on_a_narrow_series(channels, steps):
    assert _training_steps(channels) == steps


def test_sounds_become_spectrograms_where_no_recordings_fit():
    # 10 classes: 144 numbers of 2 bits and a label of 4 for each sound, and 64 bits of levels
    count, words = spectrograms(5000, 10, 4)
    assert count == (40_000 - 64) // 10 // 292 == 13
    assert "--method.synthetic.budget.bits_per_class=4000" in words and "--data.audio_seconds=null" in words
    with pytest.raises(UserError, match="of each of 10 classes takes 373"):
        spectrograms(372, 10, 4)
