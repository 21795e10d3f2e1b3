"""What is suggested in place of a wrong option is another one."""

import pytest

from hf_distill.cli import export, push, show
from hf_distill.cli.distill import build_parser
from hf_distill.cli.messages import parse
from hf_distill.errors import UserError

CHOSEN = {
    "Coreset": ["--data.path=digits", "--method=Coreset"],
    "Undistilled": ["--data.path=digits", "--method=Undistilled"],
    "Optimized": ["--data.path=digits", "--method=OptimizedDistillation", "--method.synthetic=PixelSet"],
    "Series": ["--data=SeriesData", "--data.path=x.csv", "--evaluator=ForecastingEvaluator"],
}
WRONG = [
    f"--{path}.{name}"
    for path in ("data", "method", "method.synthetic", "method.objective", "method.initial", "evaluator")
    for name in ("per_class", "steps", "seeds", "pool", "image_size", "nothing_of_the_kind", "pth")
]


@pytest.mark.parametrize("chosen", CHOSEN)
def test_a_suggestion_is_never_what_was_given(chosen):
    refused = 0
    for option in WRONG:
        try:
            parse(build_parser(), [*CHOSEN[chosen], f"{option}=1"])
        except UserError as error:
            refused += 1
            suggestion = str(error).partition("did you mean ")[2].rstrip("?")
            assert option not in suggestion.split(" or "), str(error)
    assert refused > len(WRONG) / 2


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--method=Coreset", "--method.synthetic.per_class=3"], "did you mean --method.per_class?"),
        (["--method=OptimizedDistillation", "--method.per_class=3"], "did you mean --method.synthetic.per_class?"),
        (["--data=SeriesData", "--data.path=x", "--data.image_size=3"], "--data.help CLASS tell all options"),
    ],
)
def test_where_an_option_is(words, message):
    with pytest.raises(UserError) as caught:
        parse(build_parser(), ["--data.path=digits", *words] if "--data=SeriesData" not in words else words)
    assert str(caught.value).endswith(message)


@pytest.mark.parametrize(
    ("command", "words", "message"),
    [
        (export, ["set", "--too=imagefolder"], "no option --too: did you mean --to?"),
        (export, ["set", "--outputdir=x"], "no option --outputdir: did you mean --output_dir?"),
        (push, ["set", "--repoid=x"], "no option --repoid: did you mean --repo_id?"),
        (show, ["set", "--seeds=1"], "no option --seeds; --help tells all options"),
    ],
)
def test_commands_without_parts_suggest_their_own_options(command, words, message):
    with pytest.raises(UserError) as caught:
        parse(command.build_parser(), words)
    assert str(caught.value) == message
