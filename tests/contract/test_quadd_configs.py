"""The configurations of QuADD: the budget of each is what its comment says."""

from pathlib import Path

import pytest

from hf_distill.cli.distill import build_parser
from hf_distill.data.series_spec import SeriesSpec
from hf_distill.data.spec import DataSpec

CONFIGS = Path(__file__).parents[2] / "configs"


def images(side):
    return DataSpec(
        task="image-classification",
        input_column="image",
        label_column="label",
        shape=(1, side, side),
        classes=tuple("0123456789"),
        mean=(0.5,),
        std=(0.25,),
        features={},
    )


def etth1():
    names = tuple("abcdefg")
    features = {name: {"dtype": "float32", "_type": "Value"} for name in names}
    return SeriesSpec(channels=names, mean=(0.0,) * 7, std=(1.0,) * 7, features=features, lookback=96, horizon=96)


@pytest.mark.parametrize(
    ("name", "spec", "size"),
    [
        ("quadd_digits", images(8), 40),
        ("quadd_fashion_mnist", images(28), 40),
        ("quadd_fashion_mnist_coded", images(28), 4),  # as packed, before there are codes
        ("quadd_etth1", etth1(), 385),
    ],
)
def test_a_configuration_spends_its_budget(name, spec, size):
    parser = build_parser()
    objects = parser.instantiate(parser.parse_args(["--config", str(CONFIGS / f"{name}.yaml")]))
    synthetic = objects.method.synthetic
    synthetic.planner().plan(spec)
    assert synthetic.size == size
