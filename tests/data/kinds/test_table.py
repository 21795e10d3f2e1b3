"""Every kind of inputs has its lines in the tables of the upper floors; records mean the same without its name."""

from __future__ import annotations

from importlib.resources import files

import pytest
from datasets import ClassLabel, Features, Image, List, Value

from hf_distill.data.kinds.table import KINDS, kind_named, kind_of_task, kinds
from hf_distill.data.spec import DataSpec
from hf_distill.data.targets.table import TARGETS, target_named
from hf_distill.hub.formats.class_grid import DRAWINGS
from hf_distill.hub.formats.words import GOALS, WORDS
from hf_distill.hub.kind_checks import KIND_CHECKS, TARGET_CHECKS
from hf_distill.metrics import METRICS, TARGET_METRICS
from hf_distill.networks.default import NETWORKS
from hf_distill.synthetic.default import SETS
from hf_distill.training.losses import LOSSES


@pytest.mark.parametrize("name", KINDS)
def test_every_kind_has_a_line_in_every_table(name):
    assert kind_named(name).name == name and kind_named(name).topic == KIND_CHECKS[name].topic
    assert name in NETWORKS and name in SETS and name in DRAWINGS and name in WORDS
    assert files("hf_distill").joinpath("hub", f"card_inputs_{name}.md.jinja").is_file()


@pytest.mark.parametrize("name", TARGETS)
def test_every_target_has_a_line_in_every_table(name):
    assert target_named(name).name == name and target_named(name).suffix == TARGET_CHECKS[name].suffix
    assert name in LOSSES and name in GOALS and set(TARGET_METRICS[name]) <= METRICS.keys()
    assert files("hf_distill").joinpath("hub", f"card_target_{name}.md.jinja").is_file()


def test_the_first_kind_of_a_topic_is_the_same_in_both_tables():
    for name, check in KIND_CHECKS.items():
        first = next(other for other, own in KIND_CHECKS.items() if own.topic == check.topic)
        assert kind_of_task(f"{check.topic}-classification") == first, name


def test_an_option_is_for_kinds_of_images_alone_or_for_one_kind():
    for option in {option for kind in kinds() for option in kind.options}:
        own = [kind.name for kind in kinds() if option in kind.options]
        assert len(own) == 1 or own == ["image", "frames"], option


def spec(task: str, inputs: object, **more: object) -> DataSpec:
    return DataSpec(
        task=task,
        input_column="x",
        label_column="y",
        shape=(1, 2, 2) if task.startswith("image") else (2,),
        classes=("a", "b"),
        mean=(0.5,) if task.startswith("image") else (0.5, 1.0),
        std=(0.25,) if task.startswith("image") else (0.25, 2.0),
        features=Features({"x": inputs, "y": ClassLabel(names=["a", "b"])}).to_dict(),
        **more,
    )


@pytest.mark.parametrize(
    ("task", "inputs", "kind"),
    [
        ("image-classification", Image(), "image"),
        ("tabular-classification", List(Value("float32")), "vector"),
    ],
)
def test_a_record_says_nothing_that_its_task_tells(task, inputs, kind):
    made = spec(task, inputs)
    written = made.to_dict()
    assert made.kind == kind and made.target == "classes"
    assert not {"kind", "target", "about", "target_about"} & written.keys(), "as older versions wrote it"
    assert DataSpec.from_dict(written) == made
    assert DataSpec.from_dict({**written, "about": {"rate": 8}}).to_dict()["about"] == {"rate": 8}
