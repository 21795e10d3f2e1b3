"""The configurations for series: those of the default method differ in the data alone."""

from pathlib import Path

import yaml

CONFIGS = Path(__file__).parents[2] / "configs"
ROWS = ("hdt_dc_etth1", "hdt_decomposition_etth1", "hdt_paper_etth1", "mtt_etth1", "condtsf_etth1")
DEFAULT = ("hdt_etth1", "hdt_ettm1", "hdt_weather")


def test_the_defaults_are_the_same_for_every_series():
    first, *others = (yaml.safe_load((CONFIGS / f"{name}.yaml").read_text()) for name in DEFAULT)
    for other in others:
        assert other["method"] == first["method"] and other["evaluator"] == first["evaluator"]


def test_the_rows_of_the_ablation_are_measured_and_started_alike():
    first, *others = (yaml.safe_load((CONFIGS / f"{name}.yaml").read_text()) for name in (DEFAULT[0], *ROWS))
    for other in others:
        assert other["evaluator"] == first["evaluator"] and other["data"] == first["data"]
        assert other["method"]["init_args"]["initial"] == first["method"]["init_args"]["initial"]
