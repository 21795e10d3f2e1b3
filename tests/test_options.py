"""Every option of every part has a declared range, the same for YAML, the command line and Python."""

import inspect
import math
from pathlib import Path
from typing import Annotated, Literal, get_args, get_origin

import pytest
from jsonargparse import ArgumentParser

import hf_distill.cli.placing
from hf_distill.cli.main import run
from hf_distill.cli.messages import parse
from hf_distill.diffusion import GeneratorTraining, Guidance
from hf_distill.errors import UserError
from hf_distill.options import (
    Like,
    NotEmpty,
    OneOf,
    PositiveFloat,
    PositiveInt,
    Range,
    ShareBelowOne,
    check_value,
    option_types,
)
from hf_distill.parts import Part, concrete

PARTS = sorted({*concrete(Part), GeneratorTraining, Guidance}, key=lambda cls: cls.__name__)
NUMBERS = (-1, 0, math.nan, math.inf, -math.inf, 1e30, -1e30, 10**30, 2**31, True, "x", None, [], {})
# What must be given: plain values will do, none is looked at before an option is.
REQUIRED = {
    "path": "p",
    "function": "a:b",
    "model": {"model_type": "vit"},
    "network": hf_distill.ConvNet(),
    "networks": [hf_distill.ConvNet()],
    "folder": "f",
    "experts": hf_distill.ExpertTraining(network=hf_distill.ConvNet()),
    "objectives": [hf_distill.DistributionMatching()],
}


def plain(hint):
    """The numeric type of an option, and whether it may be null; None for options that are no single number."""
    if get_origin(hint) is Annotated:
        return plain(get_args(hint)[0])
    if get_args(hint) and get_origin(hint) is not Literal and type(None) in get_args(hint):
        rest = [arg for arg in get_args(hint) if arg is not type(None)]
        found = plain(rest[0]) if len(rest) == 1 else None
        return found and (found[0], True)
    return (hint, False) if hint in (int, float) else None


@pytest.mark.parametrize("cls", PARTS, ids=lambda cls: cls.__name__)
def test_every_number_of_every_part_has_a_range(cls):
    needed = {
        name: REQUIRED[name]
        for name, parameter in inspect.signature(cls.__init__).parameters.items()
        if name != "self" and parameter.default is inspect.Parameter.empty and name in REQUIRED
    }
    if cls is hf_distill.EncoderFeatures:
        needed["model"] = "a/folder"  # and no configuration of a network
    for name, hint in option_types(cls).items():
        found = plain(hint)
        if found is None:
            continue
        _, optional = found
        accepted = []
        for value in NUMBERS:
            try:
                cls(**{**needed, name: value})
                accepted.append(value)
            except UserError as error:
                assert f"{cls.__name__}.{name} is " in str(error) and "must be" in str(error)
                assert "\n" not in str(error) and len(str(error)) < 200
        # No number is without an upper end, no sign is taken for a size, and null is only what says so.
        allowed = (
            {0}
            | ({2**31} if name in ("seed", "bits_per_class", "total_bytes") else set())
            | ({None} if optional else set())
        )
        assert set(map(repr, accepted)) <= set(map(repr, allowed)), (name, accepted)


@pytest.mark.parametrize("cls", PARTS, ids=lambda cls: cls.__name__)
def test_null_and_other_types_are_refused_where_they_are_not_declared(cls):
    for name, hint in option_types(cls).items():
        parameter = inspect.signature(cls.__init__).parameters[name]
        if type(None) in get_args(hint) or parameter.default is inspect.Parameter.empty:
            continue
        with pytest.raises(UserError, match=f"{cls.__name__}.{name} is null; it must be "):
            cls(**{name: None})


@pytest.mark.parametrize("cls", PARTS, ids=lambda cls: cls.__name__)
def test_defaults_are_in_their_own_ranges(cls):
    for name, parameter in inspect.signature(cls.__init__).parameters.items():
        if parameter.default is not inspect.Parameter.empty:
            check_value(parameter.default, option_types(cls).get(name), name)


@pytest.mark.parametrize(
    ("value", "hint", "message"),
    [
        (0, PositiveInt, "x is 0; it must be 1 or more"),
        (2.5, PositiveInt, "x is 2.5; it must be a whole number, 1 or more"),
        (0, PositiveFloat, "x is 0; it must be above 0"),
        (1, ShareBelowOne, "x is 1; it must be from 0 to below 1"),
        (12, Annotated[int, Range(8, 64, step=8)], "x is 12; it must be a multiple of 8, 8 to 64"),
        (math.nan, float, "x is nan; it must be a number"),
        ("3", int | None, "x is '3'; it must be a whole number or null"),
        (" ", Annotated[str, NotEmpty()], "x is ' '; it must be not empty"),
        ("tpu", Annotated[str, Like("cpu|cuda", "cpu or cuda")], "x is 'tpu'; it must be cpu or cuda"),
        (3, Annotated[int, OneOf((1, 2))], "x is 3; it must be one of 1, 2"),
        ("c", Literal["a", "b"], "x is 'c'; it must be one of 'a', 'b'"),
        (1, bool, "x is 1; it must be true or false"),
        (True, int, "x is True; it must be a whole number"),
        ([1, 0], list[PositiveInt], r"x\[1\] is 0; it must be 1 or more"),
        ([[1], [0]], list[list[PositiveInt]] | None, r"x\[1\]\[0\] is 0"),
        ("y" * 100, int, "x is 'yyyyy.*\\.\\.\\.; it must"),
    ],
)
def test_what_a_message_says(value, hint, message):
    with pytest.raises(UserError, match=f"^{message}"):
        check_value(value, hint, "x")


@pytest.mark.parametrize(("value", "hint"), [(3, float), (0, Annotated[float, Range(0, 1)]), (None, int | None)])
def test_what_is_accepted(value, hint):
    check_value(value, hint, "x")


class Holder(Part):
    def __init__(self, *, inner: Guidance = Guidance(), many: list[Guidance] | None = None) -> None:  # noqa: B008
        self.inner = inner
        self.many = many


@pytest.mark.parametrize(
    ("word", "message"),
    [
        ("--part.inner.tangent_dim=0", "part.inner.tangent_dim is 0; it must be 1 or more"),
        (
            "--part.many=[{class_path: Guidance, init_args: {stop: 2}}]",
            r"part.many\[0\].stop is 2.0; it must be 0 to 1",
        ),
        ("--part.inner=null", "part.inner is null; it must be a Guidance"),
        ("--count=0", "count is 0; it must be 1 or more"),
    ],
)
def test_the_command_line_names_the_whole_path(word, message):
    parser = ArgumentParser(exit_on_error=False)
    parser.add_subclass_arguments(Holder, "part", default={"class_path": f"{__name__}.Holder"})
    parser.add_argument("--count", type=PositiveInt, default=1)
    with pytest.raises(UserError, match=f"^{message}"):
        parse(parser, [word])


def test_copies_and_pickles_are_made_without_arguments():
    import copy
    import pickle

    made = Guidance(stop=0.25)
    for other in (copy.copy(made), copy.deepcopy(made), pickle.loads(pickle.dumps(made))):
        assert other.config() == made.config()


@pytest.mark.parametrize(
    ("command", "word", "message"),
    [
        ("train-generator", "--generator.steps=0", "generator.steps is 0; it must be 1 or more"),
        ("train-generator", "--generator.channels=[8,12]", "generator.channels[1] is 12; it must be a multiple of 8"),
        ("train-generator", "--threads=0", "threads is 0; it must be 1 or more"),
        ("sweep", "--budget.total_bytes=0", "budget.total_bytes is 0; it must be 1 to"),
        ("sweep", "--bits=[9]", "bits[0] is 9; it must be one of 1, 2"),
        ("distill", "--seed=-1", "seed is -1; it must be 0 to"),
    ],
)
def test_options_of_the_commands_are_in_their_ranges(command, word, message, capsys):
    config = Path(__file__).parents[1] / "configs/quadd_digits.yaml"
    given = [] if command == "train-generator" else ["--config", str(config)]
    assert run([command, *given, word, "--output_dir=nowhere"]) == 2
    assert capsys.readouterr().err.startswith(f"hf-distill: error: {message}")
