"""Names are checked without what takes seconds to import."""

import inspect
import subprocess
import sys

import pytest

from hf_distill.cli import distill, evaluate, sweep, train_generator
from hf_distill.cli.early import check_names
from hf_distill.cli.names import options_of, parts_of
from hf_distill.configurations import configurations, located
from hf_distill.errors import UserError
from hf_distill.parts import Part, concrete


def test_the_names_are_those_of_the_classes():
    known = {cls.__name__: cls for cls in concrete(Part)}
    assert set(parts_of("Part")) == set(known)
    for name, cls in known.items():
        parameters = inspect.signature(cls.__init__).parameters.values()
        assert options_of(name) == tuple(each.name for each in parameters if each.kind is each.KEYWORD_ONLY), name
    assert options_of("their.RealData") is None and options_of("Nothing") is None
    assert options_of("hf_distill.RealData") == options_of("hf_distill.data.real.RealData") == options_of("RealData")


@pytest.mark.parametrize("command", [distill, evaluate, sweep, train_generator])
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
        (sweep, "--budget.total_bites=9", "no option --budget.total_bites: did you mean 'total_bytes'?"),
        (sweep, "--method.synthetic.per_clas=9", "method.synthetic has no option 'per_clas'"),
        (train_generator, "--generator.chanels=[8]", "no option --generator.chanels: did you mean 'channels'?"),
    ],
)
def test_other_commands_too(command, word, said):
    with pytest.raises(UserError) as caught:
        check_names(command.build_parser, located(["--config=quadd_digits", word]))
    assert said in str(caught.value)


@pytest.mark.parametrize(
    "words, said",
    [
        (["--config=dm_digits", "--method.synthetic.per_clas=3"], "method.synthetic has no option 'per_clas': did you"),
        (["--config=dm_digits", "--method.objective.pool.network.widht=3"], "did you mean 'width'?"),
        (["--config=dm_digits", "--method=Coreset", "--method.synthetic.per_class=3"], "mean --method.per_class?"),
        (["digits", "--data.image_sise=3"], "data has no option 'image_sise': did you mean 'image_size'?"),
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
print(sorted({"torch", "datasets", "pandas", "numpy"} & sys.modules.keys()))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]" and ", ".join(parts_of("Data")) in " ".join(done.stdout.split())
    assert "did you mean 'steps'?" in done.stderr
