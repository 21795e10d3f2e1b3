"""Names are checked without what takes seconds to import."""

import inspect
import subprocess
import sys
from typing import Any

import pytest

from hf_distill.cli import audit, compare, distill, evaluate, experts, sweep, train_generator, train_teacher
from hf_distill.cli.early import check_names
from hf_distill.cli.names import options_of, parts_of
from hf_distill.cli.values import type_of
from hf_distill.configurations import configurations, located
from hf_distill.errors import UserError
from hf_distill.options import option_types
from hf_distill.parts import Part, concrete


def test_the_names_are_those_of_the_classes():
    known = {cls.__name__: cls for cls in concrete(Part)}
    assert set(parts_of("Part")) == set(known)
    for name, cls in known.items():
        parameters = inspect.signature(cls.__init__).parameters.values()
        written = options_of(name)
        assert list(written) == [each.name for each in parameters if each.kind is each.KEYWORD_ONLY], name
        for option, words in written.items():
            assert type_of(words) in (Any, option_types(cls)[option]), f"{name}.{option}: {words}"
    assert options_of("their.RealData") is None and options_of("Nothing") is None
    assert options_of("hf_distill.RealData") == options_of("hf_distill.data.real.RealData") == options_of("RealData")


@pytest.mark.parametrize("command", [audit, compare, distill, evaluate, experts, sweep, train_generator, train_teacher])
def test_the_light_parser_has_the_options_of_the_whole_one(command):
    def options(parser):
        words = {word for action in parser._actions for word in action.option_strings}
        return {word for word in words if not word.endswith((".help", "+"))}

    assert options(command.build_parser(light=True)) == options(command.build_parser())


@pytest.mark.parametrize("name", configurations())
def test_every_configuration_passes(name):
    words = located([f"--config={name}", "--method.nothing_of_the_kind=1"])
    assert check_names(distill.build_parser, words[:1]) is None
    with pytest.raises(UserError, match="method has no option 'nothing_of_the_kind'"):
        check_names(distill.build_parser, words)


@pytest.mark.parametrize(
    "command, word, said",
    [
        (sweep, "--budget.total_bites=9", "budget has no option 'total_bites': did you mean --budget.total_bytes?"),
        (sweep, "--budget.total_bytes=-9", "budget.total_bytes is -9; it must be 1 to"),
        (sweep, "--bits=[33]", "bits[0] is 33; it must be one of 1, 2"),
        (sweep, "--method.synthetic.per_clas=9", "method.synthetic has no option 'per_clas'"),
        (train_generator, "--generator.chanels=[8]", "did you mean --generator.channels?"),
        (train_generator, "--generator.steps=many", "generator.steps is 'many'; it must be a whole number, 1 or more"),
        (train_teacher, "--teacher.cuont=3", "did you mean --teacher.count?"),
        (train_teacher, "--teacher.network.widht=3", None),
        (experts, "--experts.count=none", "experts.count is 'none'; it must be a whole number, 1 to 10000"),
        (audit, "--audit.share=3", "audit.share is 3; it must be above 0 to 0.5"),
        (compare, "--evaluator.sedes=3", "did you mean --evaluator.seeds?"),
    ],
)
def test_other_commands_too(command, word, said):
    words = located(["--config=quadd_digits", word])
    if said is None:
        return check_names(command.build_parser, words)  # of a network that is not named
    with pytest.raises(UserError) as caught:
        check_names(command.build_parser, words)
    assert said in str(caught.value)


@pytest.mark.parametrize(
    "words, said",
    [
        (["--config=dm_digits", "--method.synthetic.per_clas=3"], "method.synthetic has no option 'per_clas': did you"),
        (
            ["--config=dm_digits", "--method.objective.pool.network.widht=3"],
            "mean --method.objective.pool.network.width?",
        ),
        (["--config=dm_digits", "--method=Coreset", "--method.synthetic.per_class=3"], "mean --method.per_class?"),
        (["digits", "--data.image_sise=3"], "data has no option 'image_sise': did you mean --data.image_size?"),
        (["--config=dm_digits", "--method.steps=abc"], "method.steps is 'abc'; it must be a whole number, 1 or more"),
        (["--config=dm_digits", "--method.lr", ".nan"], "method.lr is nan; it must be above 0"),
        (["--config=dm_digits", "--method.optimizer=rmsprop"], "method.optimizer is 'rmsprop'; it must be one of"),
        (["--config=dm_digits", "--method.synthetic.per_class=0"], "method.synthetic.per_class is 0; it must be 1 or"),
        (["--config=dm_digits", "--method.synthetic.per_class=null"], "per_class is null; it must be a whole number"),
        (["--config=dm_digits", "--method=Corset"], "method: no class 'Corset': did you mean Coreset?"),
        (["--config=dm_digits", "--method.initial=NoiseSample"], "no class 'NoiseSample': did you mean NoiseSamples?"),
        (["digits", "--evaluate=slow"], "evaluate is 'slow'; it must be true or false or 'quick'"),
        (["digits", "--seed=-1"], "seed is -1; it must be 0 to"),
        (["digits", "--data.streaming=maybe"], "data.streaming is 'maybe'; it must be true or false"),
        (["digits", "--evalute=quick"], "no option --evalute: did you mean --evaluate?"),
        (["nowhere/at/all"], "no such file or folder: nowhere/at/all"),
        (["wines.csv", "--size=1%"], "no such file or folder: wines.csv"),
        (["digits", "--size=10"], "size is '10'"),
        (["digits", "--size", "1%", "--per_class", "2"], "leave one of them out"),
    ],
)
def test_what_is_wrong_is_said(words, said):
    with pytest.raises(UserError) as caught:
        check_names(distill.build_parser, located(words))
    assert said in str(caught.value)


@pytest.mark.parametrize(
    "words",
    [
        ["--config=dm_digits", "--method.objective.pool.network.init_args.width=3", "--seed=1"],
        ["digits", "--evaluator.networks+=ConvNet", "--data.help=RealData", "--card.tags+=x"],
        ["digits", "--method={\"class_path\": \"their.Method\"}", "--method.theirs=1", "--eval=quick"],
        ["--config=dm_digits", "--config=dm_digits_ipc1", "--method.whatever=1"],
        ["--config=dm_digits", "--method.lr=1e-3", "--method.steps=1_000", "--method.chunk=null", "--evaluate=true"],
        ["--config=dm_digits", "--method=Coreset", "--method.selector=their.Selector", "--data.name=3"],
    ],
)  # fmt: skip
def test_what_may_be_right_goes_on(words):
    assert check_names(distill.build_parser, located(words)) is None


def test_a_tracker_is_one_that_there_is(error_of):
    from accelerate.tracking import LOGGER_TYPE_TO_CLASS

    assert set(distill.TRACKERS) == {str(tracker) for tracker in LOGGER_TYPE_TO_CLASS}
    said = error_of(["distill", "--config=dm_digits", "--trackers=[tensorbord]"])
    assert "trackers[0] is 'tensorbord'; it must be one of aim" in said
    assert "wandb is not installed" in error_of(["distill", "--config=dm_digits", "--trackers=[wandb]"])


def test_help_and_mistakes_need_no_torch(tmp_path):
    code = """
import sys
from hf_distill.cli.main import run
try:
    run(["distill", "--help"])
except SystemExit as stop:
    assert stop.code == 0
assert run(["evaluate", "nowhere/at/all"]) == 2
assert run(["sweep", "--config=quadd_digits", "--bit=3", "--budgt.total_bytes=3"]) == 2
assert run(["distill", "--config=dm_digits", "--method.stepps=3"]) == 2
assert run(["train-teacher", "--teacher.count=x"]) == run(["experts", "--seed=x"]) == run(["parts", "Nothing"]) == 2
assert run(["import", "x.pt", "--data.path=digits", "--normalization=0", "--seed=-1"]) == run(["import", "x.pt"]) == 2
assert run(["compare", "a", "b", "--evaluator.seeds=x"]) == run(["audit", "a", "--audit.share=2"]) == 2
print(sorted({"torch", "datasets", "pandas", "numpy"} & sys.modules.keys()))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]" and ", ".join(parts_of("Data")) in " ".join(done.stdout.split())
    assert "did you mean --method.steps?" in done.stderr


@pytest.mark.parametrize(
    "command, words, said",
    [
        (evaluate, [], "name the set first: hf-distill evaluate outputs/NAME"),
        (audit, ["--audit.share", "0.1"], "name the set first: hf-distill audit outputs/NAME"),
        (compare, ["outputs/one"], "name two sets or more, each once"),
        (compare, ["outputs/one", "outputs/one"], "name two sets or more, each once"),
        (evaluate, ["nowhere"], "no folder nowhere, and it is no Hub dataset (namespace/name) either"),
        (distill, ["s3://bucket/key"], "s3://bucket/key is an address: download it first"),
        (compare, ["their/set", "a/b/c"], "no folder a/b/c, and it is no Hub dataset (namespace/name) either"),
        (evaluate, ["their/set", "--evaluator.networks=NoNet"], "evaluator.networks: no class 'NoNet'"),
        (evaluate, ["their/set", "--evaluator.networks=MLP"], "evaluator.networks is 'MLP'; it must be a list: [MLP]"),
    ],
)
def test_sets_are_named(command, words, said):
    with pytest.raises(UserError) as caught:
        check_names(command.build_parser, words)
    assert said in str(caught.value)
    assert check_names(evaluate.build_parser, ["their/set", "--evaluator.networks=[MLP]"]) is None
