"""Parts describe themselves so that they are found again, and say what to cite."""

from hf_distill import (
    MLP,
    ClassificationEvaluator,
    CondTSF,
    ConvNet,
    DistributionMatching,
    FreshNetworks,
    GuidedDiffusion,
    HarmonicMatching,
    HarmonicSet,
    LearnedWeights,
    OptimizedDistillation,
    PixelSet,
    QuantizedSet,
    TrajectoryMatching,
    UniformQuantizer,
    WeightedSum,
)
from hf_distill.methods import Coreset
from hf_distill.parts import Part


class Mine(Part):
    citation = "@misc{mine}"

    def __init__(self, *, inner: Part | None = None) -> None:
        self.inner = inner


def test_somebody_elses_part_is_described_by_its_import_path():
    described = Mine(inner=PixelSet()).config()
    assert described["class_path"] == f"{__name__}.Mine"
    assert described["init_args"]["inner"]["class_path"] == "PixelSet"


def test_a_method_cites_every_part_once():
    synthetic = QuantizedSet(synthetic=HarmonicSet())
    objective = WeightedSum(objectives=[CondTSF(objective=TrajectoryMatching()), DistributionMatching()])
    cited = "\n".join(OptimizedDistillation(synthetic=synthetic, objective=objective).citations())
    for key in (
        "dinh2026quadd",
        "hong2026harmonic",
        "ding2024condtsf",
        "cazenavette2022dataset",
        "zhao2023distribution",
    ):
        assert cited.count(key) == 1
    assert "roy2026manifoldgd" in GuidedDiffusion().citations()[0] and Coreset().citations() == []
    assert Mine(inner=Mine()).citations() == ["@misc{mine}"]


def test_a_part_is_shown_by_what_is_not_its_default():
    assert repr(ConvNet(width=32)) == "ConvNet(width=32)" and repr(MLP()) == "MLP()"
    shown = repr(ClassificationEvaluator(networks=[ConvNet(depth=2)], seeds=2))
    assert shown.startswith("ClassificationEvaluator(networks=[ConvNet(depth=2)], seeds=2, recipe=Recipe(")


def test_a_part_that_is_a_module_is_shown_so_too():
    synthetic = QuantizedSet(synthetic=PixelSet(per_class=2, weights=LearnedWeights(lr=0.5)))
    assert repr(synthetic.synthetic) == "PixelSet(per_class=2, labels=HardLabels(), weights=LearnedWeights(lr=0.5))"
    assert repr(UniformQuantizer(bits=4)) == "UniformQuantizer(bits=4)"
    assert repr(WeightedSum(objectives=[HarmonicMatching(k=3, trajectory=None)])) == (
        "WeightedSum(objectives=[HarmonicMatching(k=3, trajectory=None)])"
    )
    assert repr(FreshNetworks(network=MLP())) == "FreshNetworks(network=MLP())"
