"""``hf-distill compare``: several sets of one source, measured by one protocol."""

from __future__ import annotations

import json
from pathlib import Path

from jsonargparse import ArgumentParser

from hf_distill.cli.parsing import add_data, add_evaluator, add_trust


def build_parser(light: bool = False) -> ArgumentParser:
    """Return the command's parser; see :func:`hf_distill.cli.distill.build_parser`."""
    parser = ArgumentParser(
        exit_on_error=False,
        prog="hf-distill compare",
        description="Measure several distilled datasets of one source by one protocol, baselines and full data once; "
        "print a table and write compare.json and compare.png. Data and protocol are those of the first set's record; "
        "every option overrides one of them. What is measured already is not measured again.",
    )
    parser.add_argument("sets", type=str, nargs="+", help="folders, or namespace/name on the Hub; two or more")
    parser.add_argument("--config", action="config", help="a YAML file with data and evaluator")
    add_data(parser, light)
    add_evaluator(parser, light)
    add_trust(parser)
    parser.add_argument("--quick", type=bool, default=False, help="a sketch by few networks, trained briefly")
    parser.add_argument(
        "--robust",
        type=bool,
        default=False,
        help="train with and without augmentation too, for the augmentation-robust score",
    )
    parser.add_argument("--output_dir", type=Path, default=Path("outputs/compare"), help="where the result is written")
    parser.add_argument("--progress", type=bool, default=True, help="show progress bars")
    return parser


def run(argv: list[str]) -> None:
    """Measure, and print the table."""
    from hf_distill.cli.evaluating import known, sets_in
    from hf_distill.cli.messages import build, parse
    from hf_distill.cli.placing import place
    from hf_distill.cli.records import check_configurations
    from hf_distill.comparison.measuring import Comparison, check_source, told_apart
    from hf_distill.comparison.picture import draw
    from hf_distill.comparison.table import comparison_table
    from hf_distill.files import user_path, write_atomically
    from hf_distill.hub.artifact import DistilledDataset
    from hf_distill.hub.pictures import encode_pictures

    check_configurations(argv)
    parser = build_parser()
    if places := sets_in(argv):
        parser.set_defaults(known(DistilledDataset.from_pretrained(places[0]), argv))
    config = parse(parser, argv)
    short = [Path(each).expanduser().resolve().name for each in config.sets]
    names = short if len(set(short)) == len(short) else config.sets
    sets = {name: DistilledDataset.from_pretrained(each) for name, each in zip(names, config.sets, strict=True)}
    named = any(word.startswith("--data") for word in argv)
    check_source(sets, named=named)
    for line in told_apart(sets):
        print(line, flush=True)
    objects = build(parser, config)
    evaluator = objects.evaluator.quick() if config.quick else objects.evaluator
    place(objects.data, evaluator.device)
    output = user_path(config.output_dir)
    comparison = Comparison(objects.data, evaluator, output / "measured.json", config.progress)
    rows = comparison.run(sets, config.robust, done=lambda name: print(f"measured {name}", flush=True))
    write_atomically(
        output / "compare.json", json.dumps({"protocol": comparison.protocol, "rows": rows}, indent=2) + "\n"
    )
    picture = draw(rows)
    if picture is not None:
        write_atomically(output / "compare.png", encode_pictures({"compare.png": picture})["compare.png"])
    print(f"\n{comparison_table(rows)}\n")
    print(f"{config.output_dir}: {', '.join(sorted(path.name for path in output.glob('compare.*')))}")
