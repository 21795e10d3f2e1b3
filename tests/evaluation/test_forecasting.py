from __future__ import annotations

import copy
import json
import math

import numpy as np
import pytest
import torch
from datasets import Dataset, Features, Value
from PIL import Image
from torch import nn

from hf_distill.data import SeriesData
from hf_distill.data.series_split import SeriesSplit
from hf_distill.errors import DivergenceError, UserError
from hf_distill.evaluation import ClassificationEvaluator, ForecastingEvaluator
from hf_distill.evaluation.forecast_errors import forecast_errors
from hf_distill.evaluation.forecast_pictures import forecast_pictures
from hf_distill.evaluation.series_contenders import compared_config, equal_rows
from hf_distill.evaluation.tuning import RecipeSearch
from hf_distill.hub import DistilledDataset
from hf_distill.hub.plot import SCALE
from hf_distill.initialization import SubSeries
from hf_distill.networks.forecasters import DLinear, ITransformer, QuantileForecaster, RevLinear
from hf_distill.seeding import Streams
from hf_distill.synthetic.base import Bits, Packed
from hf_distill.training import Adam, ForecastRecipe, Windows, WindowSource, train_networks

CPU = torch.device("cpu")
QUICK = ForecastRecipe(steps=30, epochs=1, batch_size=16, optimizer=Adam(lr=1e-2))


def series(dtype: str = "float32", channels: int = 2, rows: int = 400, scale: float = 5.0, **options) -> SeriesData:
    """Sines with noise."""
    noise = np.random.default_rng(0).normal(size=(rows, channels))
    values = scale * (np.sin(np.arange(rows)[:, None] / (2 + np.arange(channels))) + 0.3 * noise)
    features = Features({f"c{i}": Value(dtype) for i in range(channels)})
    table = Dataset.from_dict({f"c{i}": values[:, i].astype(dtype) for i in range(channels)}, features=features)
    return SeriesData.from_dataset(table, **{"lookback": 12, "horizon": 4, **options}).setup()


def published(real: SeriesData, x: torch.Tensor, bits: int = 1000) -> DistilledDataset:
    packed = Packed({"codes": [x.numpy().tobytes()]}, {"dtype": "<f4", "shape": list(x.shape)})
    return DistilledDataset(real.spec, x, torch.zeros(len(x)), packed, Bits(data=bits, labels=0))


def measuring(**options) -> ForecastingEvaluator:
    """A small evaluator; no piece is chosen, and 0 draws leave random ones out."""
    drawn = options.pop("random_draws", 10)
    baselines = ["start", *(["random"] if drawn else [])]
    return ForecastingEvaluator(**{"baselines": baselines, "random_draws": drawn or 1, "size": "default"} | options)


class LastValue(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x[:, -1:].expand(-1, 4, -1)


def test_errors_are_means_over_windows_steps_and_channels():
    t = torch.arange(60.0)
    test = SeriesSplit(torch.stack((t, -2 * t), 1), 12, 4)
    mse, mae = forecast_errors(LastValue(), test, CPU)
    # The last value is 1, 2, 3 and 4 slopes off.
    assert mse == pytest.approx((1 + 4 + 9 + 16) / 4 * (1 + 4) / 2)
    assert mae == pytest.approx((1 + 2 + 3 + 4) / 4 * (1 + 2) / 2)


def test_windows_of_several_series_do_not_cross():
    data = Windows(torch.arange(40.0).view(2, 20, 1), 12, 4)
    batch = data.batch(torch.arange(len(data)))
    x, y = batch.x, batch.y
    assert len(data) == 2 * 5
    assert x[:, 0, 0].tolist() == [0, 1, 2, 3, 4, 20, 21, 22, 23, 24]
    assert torch.equal(y[..., 0], x[:, -1] + torch.arange(1.0, 5.0))
    assert len(Windows(torch.zeros(20, 3), 12, 4)) == 5


@pytest.mark.parametrize(("windows", "steps"), [(1, 400), (193, 400), (4257, 402), (8449, 795)])
def test_one_rule_for_the_number_of_steps(windows, steps):
    assert ForecastRecipe().total_steps(windows) == steps
    assert ForecastRecipe(epochs=0).total_steps(windows) == 400


@pytest.mark.parametrize(
    ("channels", "batch", "steps"), [(7, 32, 795), (32, 32, 795), (207, 4, 6339), (5000, 1, 25347)]
)
def test_a_wide_series_takes_fewer_windows_a_step(channels, batch, steps):
    assert ForecastRecipe().batch(channels) == batch
    assert ForecastRecipe().total_steps(8449, channels) == steps


def test_the_learning_rate_falls_to_zero():
    recipe = ForecastRecipe(optimizer=Adam(lr=0.4))
    rates = [recipe.rate(step, 4, 1) for step in range(5)]
    half = math.sqrt(0.5)
    assert rates == pytest.approx([0.4, 0.2 * (1 + half), 0.2, 0.2 * (1 - half), 0])


def test_training_learns_and_depends_on_its_streams_alone():
    real = series()
    dropping = ITransformer(width=8, hidden=8, heads=2, layers=1, dropout=0.5)
    for forecaster in (DLinear(), dropping):
        states = []
        for seed in (0, 0, 1):
            network = forecaster.build(12, 4, 2, seed=0)
            before = forecast_errors(network, real.test, CPU)[0]
            steps: list[int] = []
            torch.rand(len(states))  # the global generator stands elsewhere every time
            train_networks([network], [WindowSource(real.train)], [Streams(seed)], recipe=QUICK, progress=steps.append)
            assert sum(steps) == 30 and forecast_errors(network, real.test, CPU)[0] < before
            states.append(torch.cat([p.detach().flatten() for p in network.parameters()]))
        assert torch.equal(states[0], states[1]) and not torch.equal(states[0], states[2])


def test_the_whole_series_is_worth_the_whole_series(tmp_path):
    """Published as a whole it equals the full data, and so does the longest piece there is."""
    real = series("float64")
    evaluator = measuring(networks=[DLinear(), RevLinear()], seeds=2, random_draws=2, full=2, recipe=QUICK)
    result = evaluator.evaluate(published(real, real.train.values), real, output=tmp_path / "out.json", progress=False)
    assert [row["network"] for row in result.rows] == ["DLinear", "RevLinear"]
    for row in result.rows:
        for kind in ("", "mae_"):
            assert row[f"{kind}mean"] == pytest.approx(row[f"full_{kind}mean"], rel=1e-4)
            assert row[f"{kind}mean"] == pytest.approx(row[f"random_{kind}mean"], rel=1e-4)
            assert row[f"{kind}std"] == pytest.approx(row[f"random_{kind}std"], rel=1e-2)
        assert row["metric"] == "mse" and row["seeds"] == 2 and 0 < row["mean"] < 1.5
        assert row["bits"] == 280 * 2 * 64 and row["baselines"]["random"]["samples"] == 280
    assert json.loads((tmp_path / "out.json").read_text()) == result.to_dict()
    assert result.protocol["test_windows"] == 77 and result.protocol["steps"]["full"] == 30
    assert "mse" in str(result) and "MAE random" in str(result)


def test_numbers_are_reproduced_and_the_gap_is_a_share():
    real = series()
    evaluator = measuring(networks=[RevLinear()], seeds=1, random_draws=3, recipe=QUICK)
    rows = [evaluator.evaluate(published(real, real.train.values[:20]), real, progress=False).rows[0] for _ in range(2)]
    for row in rows:
        assert row["training_speedup"] == row["full_seconds"] / row["seconds"]
        for key in ("seconds", "random_seconds", "full_seconds", "training_speedup"):
            assert row.pop(key) > 0
    assert rows[0] == rows[1]
    row = rows[0]
    assert row["std"] is None and row["random_std"] > 0 and row["random_mean"] > row["full_mean"]
    share = (row["random_mean"] - row["mean"]) / (row["random_mean"] - row["full_mean"])
    assert row["gap_closed"] == pytest.approx(share)


def test_the_pinball_loss_of_the_median_is_half_of_the_absolute_error():
    real = series()
    networks = [QuantileForecaster(network=RevLinear(), quantiles=count) for count in (1, 3)]
    evaluator = measuring(networks=[*networks, RevLinear()], seeds=1, random_draws=0, recipe=QUICK)
    result = evaluator.evaluate(published(real, real.train.values), real, progress=False)
    median, quartiles, plain = result.rows
    assert median["pinball_mean"] == pytest.approx(median["mae_mean"] / 2)
    assert quartiles["pinball_mean"] == pytest.approx(quartiles["full_pinball_mean"], rel=1e-4)
    assert "pinball_mean" not in plain and "pinball loss full" in str(result)


def test_what_is_measured_is_what_is_published():
    """Integer channels are rounded: a series that rounds to zero teaches nothing."""
    real = series("int8", scale=20)
    tiny = 1e-3 * real.train.values[:50]
    evaluator = measuring(networks=[RevLinear()], seeds=1, random_draws=0, full=0, recipe=QUICK)
    one, zero = (evaluator.evaluate(published(real, x), real, progress=False).rows[0] for x in (tiny, 0 * tiny))
    assert one["mean"] == zero["mean"]
    assert one["random_mean"] is None and one["full_mean"] is None and "gap_closed" not in one


@pytest.mark.parametrize(
    ("bits", "size", "rows"),
    [(50 * 2 * 64, "default", 50), (1, "default", 16), (10**9, "default", 280), (50 * 2 * 32, "codes", 50)],
)
def test_random_pieces_take_as_many_bits(bits, size, rows):
    real = series("float64")
    assert equal_rows(real.spec, bits, size, real.train) == rows


def test_the_stored_variables_may_be_what_is_compared():
    real = series("float64")
    evaluator = measuring(networks=[RevLinear()], seeds=1, full=0, recipe=QUICK, size="codes")
    row = evaluator.evaluate(published(real, real.train.values[:40], 20 * 64), real, progress=False).rows[0]
    assert (
        row["bits"] == 20 * 64
        and row["baselines"]["random"] | {"samples": 20, "bits": 20 * 64} == (row["baselines"]["random"])
    )


def test_every_third_window_is_tested():
    """Windows 0, 3, 6, ... of the 77, by their errors one by one."""
    real = series()
    network = LastValue()
    errors = []
    for start in range(0, 77, 3):
        x, y = real.test.batch(torch.tensor([start]))
        errors.append((network(x) - y).square().mean().item())
    strided = SeriesSplit(real.test.values, 12, 4, 3)
    assert forecast_errors(network, strided, CPU)[0] == pytest.approx(np.mean(errors), rel=1e-5)
    evaluator = measuring(networks=[RevLinear()], seeds=1, random_draws=0, recipe=QUICK, test_stride=3)
    protocol = evaluator.evaluate(published(real, real.train.values[:50]), real, progress=False).protocol
    assert protocol["test_windows"] == 26 and "every window that starts 3 steps on" in protocol["errors"]


def test_pictures_of_forecasts_reach_the_card(tmp_path):
    real = series(channels=5)
    folder = published(real, real.train.values[:50]).save_pretrained(tmp_path / "set")
    artifact = DistilledDataset.from_pretrained(folder)
    evaluator = measuring(
        networks=[DLinear(kernel=3), RevLinear()], seeds=1, random_draws=1, recipe=QUICK, test_stride=3
    )
    result = evaluator.evaluate(artifact, real, progress=False)
    assert list(result.pictures) == ["forecasts_of_DLinear.png", "forecasts_of_RevLinear.png"]
    assert "pictures" not in result.to_dict()
    artifact.add_evaluation(result.to_dict(), result.pictures)
    with Image.open(folder / "pictures" / "forecasts_of_DLinear.png") as picture:
        assert picture.size == (SCALE * 800, SCALE * (2 * 20 + 2 * 150))  # four of five channels
    card = (folder / "README.md").read_text()
    assert "![forecasts of DLinear](pictures/forecasts_of_DLinear.png)" in card
    assert "26 of the 77 windows" in card and "training time, full / set" in card


def test_a_picture_shows_truth_and_forecasts_in_their_place():
    real = series(channels=1)
    _, y = real.test.batch(torch.tensor([len(real.test) // 2]))
    right, wrong = y[0], y[0] + 3
    same, other = (
        forecast_pictures({"A-1": {"distilled": right, "random": r}}, real.test, real.spec)["forecasts_of_A_1.png"]
        for r in (right, wrong)
    )
    assert same.tobytes() != other.tobytes()


def test_the_start_is_a_row_of_its_own():
    real = series()
    made = published(real, real.train.values[:40])
    evaluator = measuring(networks=[RevLinear()], seeds=2, random_draws=0, full=0, recipe=QUICK)
    row = evaluator.evaluate(made, real, progress=False, start=made).rows[0]
    assert row["baselines"]["start"]["mean"] == row["mean"] and row["baselines"]["start"]["samples"] == 40
    assert evaluator.evaluate(made, real, progress=False).rows[0]["baselines"] == {}
    alone = evaluator.alone().evaluate(made, real, progress=False, start=made)
    assert alone.rows[0]["baselines"] == {}


def test_divergence_names_network_and_data():
    real = series()
    recipe = ForecastRecipe(epochs=0)
    recipe.optimizer.lr = 1e30  # beyond what an option may be
    evaluator = measuring(networks=[DLinear()], seeds=1, recipe=recipe)
    with pytest.raises(DivergenceError, match=r"DLinear on the distilled data, seed 0, network 0: .*lower recipe"):
        evaluator.evaluate(published(real, real.train.values[:40]), real, progress=False)


@pytest.mark.parametrize(
    ("other", "message"),
    [
        ({"channels": 3}, r"channels c0, c1 and the real data c0, c1, c2"),
        ({"lookback": 10}, r"look-back and horizon 12, 4 and the real data 10, 4"),
        ({"splits": "5:2:3"}, "mean and deviation of the real training rows"),
    ],
)
def test_other_data_is_refused(other, message):
    real = series()
    with pytest.raises(UserError, match=message):
        ForecastingEvaluator().evaluate(published(real, real.train.values[:40]), series(**other), progress=False)


def test_samples_are_not_series(real, artifact):
    ours = series()
    with pytest.raises(
        UserError, match=r"the distilled set is made for image-classification .*ClassificationEvaluator"
    ):
        ForecastingEvaluator().evaluate(artifact, ours, progress=False)
    with pytest.raises(UserError, match=r"made for time-series-forecasting .*choose ForecastingEvaluator"):
        ClassificationEvaluator().evaluate(published(ours, ours.train.values), real, progress=False)
    with pytest.raises(UserError, match="the real data is made for image-classification"):
        ForecastingEvaluator().evaluate(published(ours, ours.train.values), real, progress=False)


def test_configuration_round_trip():
    described = json.loads(json.dumps(ForecastingEvaluator(networks=[DLinear()]).config()))
    assert described["init_args"]["recipe"]["init_args"]["steps"] == 400
    assert described["init_args"]["networks"][0]["class_path"] == "DLinear"


def test_a_rate_that_was_learned_with_a_set_trains_on_it_alone():
    real = series()
    own = published(real, real.train.values[:60])
    evaluator = measuring(networks=[DLinear(kernel=3)], seeds=1, random_draws=1, full=0, recipe=QUICK)
    with pytest.raises(UserError, match="brings no learning rate"):
        by_own = copy.copy(evaluator)
        by_own.learned_rate = True
        by_own.evaluate(own, real, progress=False)
    own.recipe = {"lr": 0.1}
    with pytest.raises(UserError, match=r"is one of SGD, and evaluator\.recipe\.optimizer is Adam: set it to SGD, or"):
        by_own.evaluate(own, real, progress=False)
    own.recipe = {"lr": 0.1, "adam_lr": 2e-3}
    row, plain = (each.evaluate(own, real, progress=False).rows[0] for each in (by_own, evaluator))
    assert row["learned_rate"] == 2e-3 and "learned_rate" not in plain
    slow = measuring(
        networks=[DLinear(kernel=3)],
        seeds=1,
        random_draws=1,
        full=0,
        recipe=ForecastRecipe(steps=30, epochs=1, batch_size=16, optimizer=Adam(lr=2e-3)),
    )
    assert row["mean"] == slow.evaluate(own, real, progress=False).rows[0]["mean"] != plain["mean"]
    assert row["random_mean"] == plain["random_mean"]


def test_what_is_compared_is_the_smaller_config():
    real = series("float64")
    small, large = (published(real, real.train.values[:40], bits) for bits in (20 * 64, 10**6))
    assert [compared_config(made, "smaller") for made in (small, large)] == ["codes", "default"]
    assert compared_config(small, "default") == "default"
    row = measuring(networks=[RevLinear()], seeds=1, recipe=QUICK, size="smaller", full=0).evaluate(
        small, real, progress=False
    )
    assert row.rows[0]["bits"] == 20 * 64 and row.rows[0]["config_bits"] == {"default": 40 * 128, "codes": 20 * 64}
    assert row.rows[0]["baselines"]["random"]["samples"] == 20


def test_a_selected_piece_is_a_row_of_its_own():
    real = series()
    evaluator = measuring(
        networks=[RevLinear()],
        seeds=2,
        baselines=["selected"],
        selector=SubSeries(choose="typical", candidates=3),
        random_draws=0,
        full=0,
        recipe=QUICK,
    )
    made = published(real, real.train.values[:40])
    row = evaluator.evaluate(made, real, progress=False).rows[0]
    selected = row["baselines"]["selected"]
    assert list(row["baselines"]) == ["selected"] and selected["samples"] == 40 and selected["bits"] == row["bits"]
    piece = SubSeries(choose="typical", candidates=3).draw(real, 40, Streams(0)).x
    alone = measuring(networks=[RevLinear()], seeds=2, random_draws=0, full=0, recipe=QUICK)
    same = alone.evaluate(published(real, piece), real, progress=False).rows[0]
    assert selected["mean"] == pytest.approx(same["mean"], rel=1e-4)


def test_recipes_are_chosen_on_validation_rows():
    """A series with another law is best not learned from; a piece of the series itself is."""
    real = series()
    other = (3.0 * (-1) ** torch.arange(60))[:, None].expand(60, 2)
    tuning = RecipeSearch(lrs=[1e-3, 1.0, 1e5], steps=[0.1, 1.0])
    recipe = ForecastRecipe(steps=60, epochs=0, optimizer=Adam(lr=1e-2))
    evaluator = measuring(networks=[DLinear(kernel=3)], seeds=1, random_draws=1, recipe=recipe, tuning=tuning)
    result = evaluator.evaluate(published(real, other), real, progress=False)
    chosen = result.rows[0]["recipes"]
    assert list(chosen) == ["distilled", "random"]  # the full series keeps the recipe as it is
    assert chosen["random"]["lr"] == pytest.approx(1e-2) and chosen["random"]["steps"] == 60
    assert chosen["distilled"]["lr"] < 1e-2
    assert result.protocol["steps"]["full"] == 60 and chosen["random"]["held_out"] > 0
    with pytest.raises(UserError, match="no validation rows"):
        without = series(splits="3:0:1")
        measuring(networks=[DLinear(kernel=3)], tuning=tuning, recipe=recipe).evaluate(
            published(without, without.train.values[:40]), without, progress=False
        )


def test_one_set_is_measured_at_further_horizons(tmp_path):
    real = series()
    own = published(real, real.train.values[:60].clone())
    options = {"networks": [RevLinear()], "seeds": 1, "random_draws": 2, "recipe": QUICK}
    several = measuring(horizons=[2, 40], **options).evaluate(own, real, progress=False)
    assert [row["network"] for row in several.rows] == [
        f"RevLinear{more}" for more in ("", ", horizon 2", ", horizon 40")
    ]
    assert several.protocol["horizons"] == [2, 40] and several.protocol["horizon"] == 4
    for row, horizon in zip(several.rows, (4, 2, 40), strict=True):
        other = series(horizon=horizon)
        alone = measuring(**options).evaluate(published(other, own.x), other, progress=False).rows[0]
        assert {key: row[key] for key in ("mean", "random_mean", "full_mean")} == {
            key: alone[key] for key in ("mean", "random_mean", "full_mean")
        }
    with pytest.raises(UserError, match=r"horizons has 49; a set of 60 time steps holds .* a horizon of 48 or less"):
        measuring(horizons=[49], **options).evaluate(own, real, progress=False)
    with pytest.raises(UserError, match="part of in-memory has 40 rows and needs 45"):
        measuring(horizons=[45], **options).evaluate(own, real, progress=False)
