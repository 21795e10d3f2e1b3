"""YAML and Python make the same of one description, whatever stood in its place before."""

import inspect
import json
from pathlib import Path

import pytest
from jsonargparse import ArgumentParser

from hf_distill import (
    MLP,
    CoarsePixelSet,
    ConvNet,
    DistributionMatching,
    FreshNetworks,
    GradientMatching,
    PixelSet,
    SiameseAugment,
    TrajectoryMatching,
    UnrolledMatching,
)
from hf_distill.cli.distill import build_parser
from hf_distill.cli.messages import build, parse
from hf_distill.errors import UserError
from hf_distill.experts.training import ExpertTraining
from hf_distill.methods.undistilled import Undistilled
from hf_distill.parts import Part, concrete
from hf_distill.training.teacher import Teacher

CONFIGS = Path(__file__).parents[2] / "configs"
PARTS = sorted(concrete(Part), key=lambda cls: cls.__name__)
# What must be given, by its name or by the class's too.
REQUIRED = {
    "path": "p",
    "function": "a:b",
    "model": {"model_type": "patchtst"},  # an image classifier's is not looked at
    "PretrainedFeatures.model": "m",
    "EncoderFeatures.model": "m",
    "column": "c",
    "name": "noise",  # a corruption's
    "objectives": [{"class_path": "DistributionMatching"}],
    "network": {"class_path": "ConvNet"},
    "networks": [{"class_path": "ConvNet"}],
    "folder": "f",
    "experts": {"class_path": "ExpertTraining", "init_args": {"network": {"class_path": "ConvNet"}}},
    "members": [{"class_path": "Teacher"}],
}
MADE = {
    "objectives": [DistributionMatching()],
    "network": ConvNet(),
    "networks": [ConvNet()],
    "experts": ExpertTraining(network=ConvNet()),
    "members": [Teacher()],
}


def names_only(cls):
    """The description of a part that names its class, and what must be given."""
    needed = {
        name: REQUIRED.get(f"{cls.__name__}.{name}", REQUIRED[name])
        for name, parameter in inspect.signature(cls).parameters.items()
        if parameter.kind is parameter.KEYWORD_ONLY and parameter.default is parameter.empty
    }
    return {"class_path": cls.__name__, "init_args": needed}


def in_python(cls):
    needed = names_only(cls)["init_args"]
    return cls(**{name: MADE.get(name, value) for name, value in needed.items()})


def base_of(cls):
    """The class below ``Part`` that a part is a kind of."""
    return [base for base in cls.__mro__ if issubclass(base, Part) and base is not Part][-1]


@pytest.mark.parametrize("cls", PARTS, ids=lambda cls: cls.__name__)
def test_a_class_alone_is_the_same_from_yaml_and_from_python(cls):
    expected = in_python(cls).config()
    siblings = [other for other in PARTS if other is not cls and base_of(other) is base_of(cls)]
    for other in [None, *siblings]:
        parser = ArgumentParser(exit_on_error=False)
        parser.add_subclass_arguments(Part, "part", required=False)
        words = [] if other is None else [f"--part={json.dumps(in_python(other).config())}"]
        config = parse(parser, [*words, f"--part={json.dumps(names_only(cls))}"])
        assert build(parser, config).part.config() == expected, other


def test_no_default_is_a_part():
    for cls in PARTS:
        for name, parameter in inspect.signature(cls).parameters.items():
            values = parameter.default if isinstance(parameter.default, (list, tuple)) else [parameter.default]
            assert not any(isinstance(value, Part) for value in values), f"{cls.__name__}.{name}"


FILE = """
data: {class_path: RealData, init_args: {path: digits, image_size: 8}}
method:
  class_path: OptimizedDistillation
  init_args:
    steps: 7
    lr: 0.5
    objective:
      class_path: GradientMatching
      init_args: {batch: 3, real_batch: 4, pool: {class_path: FreshNetworks, init_args: {network: MLP}}}
    synthetic: {class_path: PixelSet, init_args: {per_class: 3, clip: false}}
"""
FLAT = FreshNetworks(network=MLP())
UNROLLED = UnrolledMatching(real_batch=2)


@pytest.mark.parametrize(
    ("word", "place", "python"),
    [
        # What shares its names with what stood there: pool, batch, real_batch, per_class.
        ("--method.objective=TrajectoryMatching", "objective", TrajectoryMatching()),
        ("--method.synthetic=CoarsePixelSet", "synthetic", CoarsePixelSet()),
        (
            "--method.objective={class_path: UnrolledMatching, init_args: {real_batch: 2}}",
            "objective",
            UnrolledMatching(real_batch=2),
        ),
        # The same class keeps what was said of it.
        ("--method.synthetic=PixelSet", "synthetic", PixelSet(per_class=3, clip=False)),
        ("--method.synthetic.per_class=4", "synthetic", PixelSet(per_class=4, clip=False)),
        (
            "--method.synthetic={class_path: PixelSet, init_args: {per_class: 4}}",
            "synthetic",
            PixelSet(per_class=4, clip=False),
        ),
        ("--method.synthetic=hf_distill.synthetic.pixel.PixelSet", "synthetic", PixelSet(per_class=3, clip=False)),
        ("--method.objective.batch=4", "objective", GradientMatching(batch=4, real_batch=4, pool=FLAT)),
        # Null stands for a part.
        ("--method.synthetic=null", "synthetic", PixelSet()),
        ("--method.objective=null", "objective", DistributionMatching()),
    ],
)
def test_the_options_of_a_class_go_when_another_takes_its_place(tmp_path, word, place, python):
    (tmp_path / "file.yaml").write_text(FILE)
    parser = build_parser()
    objects = build(parser, parse(parser, [f"--config={tmp_path / 'file.yaml'}", word]))
    method = objects.method.config()["init_args"]
    assert method[place] == python.config()
    assert (method["steps"], method["lr"]) == (7, 0.5)


def test_another_method_or_another_file_forgets_the_one_before(tmp_path):
    (tmp_path / "file.yaml").write_text(FILE)
    (tmp_path / "other.yaml").write_text("method: {class_path: Undistilled}")
    parser = build_parser()
    for words in (["--method=Undistilled"], [f"--config={tmp_path / 'other.yaml'}"]):
        objects = build(parser, parse(parser, [f"--config={tmp_path / 'file.yaml'}", *words]))
        assert objects.method.config() == Undistilled().config()


@pytest.mark.parametrize(
    ("words", "augment"),
    [
        (["--method.objective.augment=null"], None),
        (["--method.objective.augment=auto"], "auto"),
        (["--method.objective.augment.crop=0.25", "--method.objective.augment=null"], None),
        (["--method.objective.augment=null", "--method.objective.augment=SiameseAugment"], SiameseAugment().config()),
    ],
)
def test_an_inner_part_is_taken_away_on_the_command_line(words, augment):
    parser = build_parser()
    objects = build(parser, parse(parser, [f"--config={CONFIGS / 'dm_digits.yaml'}", *words]))
    assert objects.method.objective.config()["init_args"]["augment"] == augment


def test_an_option_of_a_part_that_is_not_named_yet():
    with pytest.raises(
        UserError, match=r"^method\.synthetic\.per_class: name a class first, --method\.synthetic=CLASS: "
    ):
        parse(
            build_parser(), ["--data.path=digits", "--method=OptimizedDistillation", "--method.synthetic.per_class=1"]
        )
