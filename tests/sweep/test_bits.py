import json

import pytest
import torch

from hf_distill.data import RealData
from hf_distill.errors import DivergenceError, UserError
from hf_distill.evaluation import ClassificationEvaluator
from hf_distill.files import locked
from hf_distill.initialization import MeanSamples
from hf_distill.methods import OptimizedDistillation
from hf_distill.networks import ConvNet
from hf_distill.objectives import DistributionMatching
from hf_distill.pools import FreshNetworks
from hf_distill.quantization import Budget, LearnedLevels, PowersOfTwoQuantizer, UniformQuantizer
from hf_distill.seeding import Streams
from hf_distill.sweep import BitSweep
from hf_distill.sweep.bits import BASELINES, MARK
from hf_distill.sweep.images import encoded_images, patchwise, patchwise_bits
from hf_distill.sweep.picture import draw, sweet_spot
from hf_distill.sweep.sets import BudgetSets, at_precision
from hf_distill.synthetic import CoarsePixelSet, PixelSet, QuantizedSet
from hf_distill.training import Recipe

NETWORK = ConvNet(width=4, depth=1)


@pytest.fixture(scope="module")
def digits():
    return RealData().setup()


def sweep(digits, bits=(2,), baselines=BASELINES, bits_per_class=5164, sets=1, inner=None, quantizer=None, **kwargs):
    method = OptimizedDistillation(
        synthetic=QuantizedSet(synthetic=inner or PixelSet(), quantizer=quantizer or LearnedLevels(bits=2)),
        objective=DistributionMatching(pool=FreshNetworks(network=NETWORK), real_per_class=8),
        steps=2,
        lr=0.1,
        **kwargs,
    )
    evaluator = ClassificationEvaluator(networks=[NETWORK], seeds=2, recipe=Recipe(steps=2), full=True)
    budget = Budget(bits_per_class=bits_per_class)
    return BitSweep(method, digits, evaluator, budget, list(bits), list(baselines), sets=sets)


def test_every_row_keeps_to_the_budget_and_is_made_once(digits, tmp_path):
    reported = []
    rows = sweep(digits, (8, 2)).run(tmp_path, reported.append)
    assert rows == reported and all(0 < row["bits"] <= 51640 for row in rows)
    assert [row["name"] for row in rows] == [
        *("loop_8", "start_8", "posthoc_8", "random_8", "loop_2", "start_2", "posthoc_2", "random_2"),
        *("float32", "patchwise_2", "png", "jpeg"),
    ]
    samples = {row["name"]: row["samples"] for row in rows}
    # 51640 = 10 classes x 5164; 64 values; beside the codes 16 bits of labels and 32 or 64 of ranges or levels
    assert (
        samples["loop_8"] == samples["posthoc_8"] == 100
        and samples["loop_2"] == samples["random_2"] == samples["start_2"] == 400
    )
    assert samples["float32"] == 20  # 10 x (64 x 32 + 4) = 20520 bits for one of each class
    assert samples["patchwise_2"] == 340  # 10 x (64 x 2 + 4 patches x 4 + 4) = 1480 and 512 for the groups
    assert 0 < samples["jpeg"] < samples["png"] < 100
    times = {path: path.stat().st_mtime_ns for path in (tmp_path / "rows").glob("*.json")}
    assert sweep(digits, (8, 2), ("png",)).run(tmp_path, reported.append)[0] == rows[0]
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "rows").glob("*.json")} == times
    assert json.loads((tmp_path / "sweep.json").read_text())["sweet_spot"] in (8, 2)
    assert (tmp_path / "sweep.png").read_bytes().startswith(b"\x89PNG")
    card = (tmp_path / "README.md").read_text()
    assert "51,640 bits are worth" in card and "| in the loop | 8 | 100 |" in card
    with pytest.raises(UserError, match="another configuration"):
        sweep(digits, momentum=0.1).run(tmp_path)


@pytest.mark.slow
def test_coded_sets_keep_to_the_budget_with_more_samples(digits, tmp_path):
    plain = sweep(digits, (2,), ("posthoc", "random"))
    coded = sweep(digits, (2,), ("posthoc", "random"))
    coded.method.synthetic.coding = "entropy"
    before, after = plain.run(tmp_path / "plain"), coded.run(tmp_path / "coded")
    assert [row["samples"] for row in before] == [400] * 3
    assert all(row["samples"] > 450 and 0.9 * 51640 < row["bits"] <= 51640 for row in after)
    coded.method.synthetic.smoothness, coded.method.synthetic.shrink = 0.3, 0.8
    shrunk = coded.run(tmp_path / "shrunk")
    assert shrunk[0]["bits"] <= 51640 and shrunk[1:] == after[1:]  # what is not learned in few bits does not shrink


def test_the_start_is_what_the_method_begins_with(digits, tmp_path):
    one = sweep(digits, initial=MeanSamples(group=3))
    bought = BudgetSets(one.method, digits, one.budget, tmp_path, range(4, 6), 3).start(2)
    assert bought.kind == "start, quantized" and len(bought.sets) == 2
    drawn, first = MeanSamples(group=3).draw(digits, 40, Streams(4)), bought.sets[0]()
    error = (first.x - drawn.x).square().mean() / drawn.x.square().mean()
    assert first.y.tolist() == drawn.y.tolist() and 0 < error < 0.1  # two bits a value, and nothing learned


def test_a_budget_that_not_every_baseline_fits(digits, tmp_path):
    rows = sweep(digits, (1,), ("float32", "png"), bits_per_class=40 * 2).run(tmp_path)
    assert [row["mean"] is None for row in rows] == [False, True, True]
    with pytest.raises(UserError, match="too few"):
        sweep(digits, (8, 1), bits_per_class=80).run(tmp_path / "other")


def test_several_sets_are_several_distillations(digits, tmp_path):
    rows = sweep(digits, (2,), ("posthoc",), bits_per_class=520, sets=2).run(tmp_path)
    assert sorted(path.name for path in (tmp_path / "runs").iterdir()) == [
        "float_4_0",
        "float_4_1",
        "loop_2_0",
        "loop_2_1",
    ]
    assert all(row["std"] > 0 for row in rows)
    with pytest.raises(UserError, match="sets is 0"):
        sweep(digits, sets=0)


def test_ranges_of_rounding_afterwards_are_in_the_budget(digits, tmp_path):
    # a class: 2 samples of 64 values of 4 bits, and a range for each sample: 16 bits by powers of two, 32 uniform
    quantizer = PowersOfTwoQuantizer(bits=4, granularity="sample")
    rows = sweep(digits, (4,), ("posthoc",), bits_per_class=2 * 272 + 2, quantizer=quantizer).run(tmp_path)
    assert [row["samples"] for row in rows] == [20, 10] and all(row["bits"] <= 5460 for row in rows)


def test_levels_that_would_take_the_bits_of_samples_give_way(digits, tmp_path):
    def quantizer(bits_per_class):
        one = sweep(digits, bits_per_class=bits_per_class)
        return BudgetSets(one.method, digits, one.budget, tmp_path, range(1), 1).quantized(4).quantizer

    # 10 samples of 4 bits take 2560 bits; 16 of 5200 are for the labels, 32 for a range, 256 for 16 levels
    assert isinstance(quantizer(520), UniformQuantizer)
    assert isinstance(quantizer(540), LearnedLevels)


def test_a_set_of_coarse_images_has_more_of_them(digits, tmp_path):
    rows = sweep(digits, (2,), ("posthoc", "patchwise", "float32"), bits_per_class=520, inner=CoarsePixelSet()).run(
        tmp_path
    )
    samples = {row["name"]: row["samples"] for row in rows}
    # 5200 bits: 16 values of 2 bits; of 32 bits with 4 of labels; of 2 bits with a group of 4 bits and a label, and 512
    assert samples == {"loop_2": 160, "posthoc_2": 160, "float32": 10, "patchwise_2": 110}
    assert all(row["bits"] <= 5200 for row in rows)


def test_mistakes(digits):
    with pytest.raises(UserError, match="baseline 'gif' is unknown; choose some of start, float32"):
        sweep(digits, baselines=("gif",))
    with pytest.raises(UserError, match="bits is empty"):
        sweep(digits, bits=())
    with pytest.raises(UserError, match="needs OptimizedDistillation of a QuantizedSet"):
        BitSweep(OptimizedDistillation(synthetic=PixelSet()), digits, None, Budget(), [1], [])


def test_quantizers_at_other_precisions():
    assert isinstance(at_precision(LearnedLevels(granularity="class"), 8), UniformQuantizer)
    assert at_precision(LearnedLevels(granularity="class"), 8).granularity == "class"
    other = at_precision(PowersOfTwoQuantizer(bits=4, term_bits=3), 2)
    assert (type(other), other.bits, other.term_bits) == (PowersOfTwoQuantizer, 2, 3)


def test_the_sweet_spot_is_the_best_precision():
    def row(bits, mean, metric):
        return {"kind": "in the loop", "bits_per_value": bits, "mean": mean, "metric": metric}

    rows = [row(8, 0.5, "accuracy"), row(2, 0.7, "accuracy"), row(1, 0.6, "accuracy")]
    assert sweet_spot(rows) == 2 and draw(rows).size[0] == 2 * 720
    assert sweet_spot([row(8, 0.5, "mse"), row(2, 0.7, "mse")]) == 8
    assert sweet_spot([]) is None


def test_encoded_images_fill_the_budget(digits):
    x, y, used = encoded_images(digits, 40_000, "png", 0, Streams(0))
    assert used <= 40_000 < used + 8 * 200 and x.shape[1:] == (1, 8, 8)
    assert y.bincount().max() - y.bincount(minlength=10).min() <= 1
    # PNG loses nothing: these are training images
    real = digits.train.raw(torch.arange(len(digits.train)))
    assert all((real == image).flatten(1).all(1).any() for image in digits.spec.denormalize(x))
    assert len(encoded_images(digits, 100, "jpeg", 50, Streams(0))[1]) == 0


def test_patches_with_their_own_ranges_are_exact_where_two_bits_are_enough():
    x = torch.zeros(2, 1, 8, 8)
    x[:, :, :5, :5] = torch.randint(0, 4, (2, 1, 5, 5)).float()
    x[:, :, 5:, 5:] = 10 + torch.randint(0, 4, (2, 1, 3, 3)).float() / 2
    done = patchwise(x, 2, groups=8)
    assert (done - x).square().mean() < 0.05
    assert patchwise_bits((1, 8, 8), 10, 2, 5, 16) == 10 * (64 * 2 + 4 * 4) + 512
    noise = torch.randn(4, 1, 10, 10, generator=torch.Generator().manual_seed(0))
    errors = [(patchwise(noise, bits) - noise).square().mean() for bits in (1, 2, 4)]
    assert errors[0] > errors[1] > errors[2]


def test_a_folder_of_somebody_elses_is_refused(digits, tmp_path):
    (tmp_path / "thesis.tex").write_text("years of work")
    with pytest.raises(UserError, match=r"not empty and holds no sweep \(found thesis\.tex\)"):
        sweep(digits, (2,), ()).run(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]
    with pytest.raises(UserError, match="is a file"):
        sweep(digits, (2,), ()).run(tmp_path / "thesis.tex")
    own = tmp_path / "own"
    sweep(digits, (2,), ()).run(own)
    (own / "notes.txt").write_text("mine")
    sweep(digits, (2,), ()).run(own)
    assert (own / "notes.txt").read_text() == "mine"


def test_a_mark_that_was_cut_off_does_not_end_a_sweep(digits, tmp_path):
    (row,) = sweep(digits, (2,), ()).run(tmp_path)
    mark = tmp_path / MARK
    whole = mark.read_text()
    for length in (0, 1, 63):
        mark.write_text(whole[:length])
        assert sweep(digits, (2,), ()).run(tmp_path) == [row] and mark.read_text() == whole
    mark.write_text(whole[:-1] + ("0" if whole[-1] != "0" else "1"))
    with pytest.raises(UserError, match="another configuration"):
        sweep(digits, (2,), ()).run(tmp_path)
    mark.write_text(whole)
    (tmp_path / "rows" / "loop_2.json").write_text("{")
    with pytest.raises(UserError, match=r"cannot read the row .*loop_2\.json: delete it"):
        sweep(digits, (2,), ()).run(tmp_path)


def test_a_second_process_is_refused(digits, tmp_path):
    with locked(tmp_path), pytest.raises(UserError, match="another process is working in"):
        sweep(digits, (2,), ()).run(tmp_path)


def test_a_row_that_diverges_is_named(digits, tmp_path):
    one = sweep(digits, (2,), ("random",))
    one.evaluator.recipe.optimizer.lr = 1e30
    with pytest.raises(DivergenceError, match=r"row loop_2: ConvNet on the distilled data.*lower recipe"):
        one.run(tmp_path)
    assert [path.name for path in (tmp_path / "rows").iterdir()] == ["config.sha256"]
