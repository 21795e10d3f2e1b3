"""``hf-distill audit``: copies of training rows in a set, and what networks trained on it betray."""

from __future__ import annotations

from jsonargparse import ArgumentParser

from hf_distill.cli.parsing import add_data, add_evaluator, add_options, add_trust, run_folder


def build_parser(light: bool = False) -> ArgumentParser:
    """Return the command's parser; see :func:`hf_distill.cli.distill.build_parser`."""
    parser = ArgumentParser(
        exit_on_error=False,
        prog="hf-distill audit",
        description="Count the samples of a set that are copies of training rows, and attack networks that are trained "
        "on it: which rows was it made from, and has it a backdoor? The card says what was found. Pictures of the "
        "closest pairs, which show training rows, stay beside the set. Data and network are those of the set's record.",
    )
    parser.add_argument("folder", type=str, help="the distilled dataset: its folder, or namespace/name on the Hub")
    parser.add_argument("--config", action="config", help="a YAML file with data and evaluator")
    add_data(parser, light)
    add_evaluator(parser, light)
    add_trust(parser)
    add_options(parser, light, "audit", "Audit")
    parser.add_argument("--progress", type=bool, default=True, help="show progress bars")
    return parser


def run(argv: list[str]) -> None:
    """Audit a set, print what was found and keep it with a set that is a folder."""
    from hf_distill.audit.audit import Audit
    from hf_distill.cli.evaluating import known, sets_in
    from hf_distill.cli.messages import build, parse
    from hf_distill.cli.placing import place
    from hf_distill.cli.records import check_configurations
    from hf_distill.evaluation.classification import ClassificationEvaluator
    from hf_distill.files import user_path, write_atomically
    from hf_distill.hub.artifact import DistilledDataset
    from hf_distill.hub.audits import (
        audit_line,
        backdoor_table,
        copies_table,
        membership_table,
        poison_table,
        shadows_table,
    )
    from hf_distill.hub.measured import store_audit
    from hf_distill.hub.pictures import encode_pictures

    check_configurations(argv)
    parser = build_parser()
    if places := sets_in(argv):
        parser.set_defaults(known(DistilledDataset.from_pretrained(places[0]), argv))
    config = parse(parser, argv, audit=Audit)
    artifact = DistilledDataset.from_pretrained(config.folder)
    objects = build(parser, config)
    evaluator = objects.evaluator
    place(objects.data, evaluator.device)
    own = evaluator if isinstance(evaluator, ClassificationEvaluator) else None
    audited = objects.audit.run(artifact, objects.data, own)
    result = audited.result
    tables = copies_table, membership_table, shadows_table, poison_table, backdoor_table
    said = *(table(result) for table in tables), audit_line(result)
    print("\n\n".join(str(part) for part in said if part))
    if artifact.folder is None:
        print(f"\n{config.folder} is left as it is")
        return
    store_audit(artifact, result)
    if audited.pairs is None:
        return
    picture = run_folder(user_path(config.folder)) / "audit" / "closest_pairs.png"
    write_atomically(picture, encode_pictures({picture.name: audited.pairs})[picture.name])
    print(f"\nthe closest pairs, the set above and training rows below, which are not published: {picture}")
