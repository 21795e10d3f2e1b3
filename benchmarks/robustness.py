"""What an adversary, and chance, leave of networks that were trained on a set, beside coresets and all of the data.

`python benchmarks/robustness.py digits`: distills by the configuration of every method and attacks two networks on
each set; FashionMNIST and CIFAR-10 have short runs, for a CPU, by the same configurations. MTT is the best of the other
methods in families_fashion_mnist_1.json. With and without the curvature term: on the set's samples (`dm_curvature_*`),
in the training of the teacher (RDED) and, as a defence, in that of the measured networks. The table is of all that is
there, and what is there is not made again; `--only DM` makes some alone, and a method without a set there keeps its
lines. AutoAttack needs the extra `robust`.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from families import HERE, options_of, run
from families import METHODS as FAMILIES
from record import RESULTS, save

from hf_distill.cli.parsing import run_folder

FOLDER = Path("outputs/robustness")
# On CIFAR-10 8 leaves nothing of any of them.
EPS = {"digits": 8, "fashion_mnist": 8, "cifar10": 2}
CORRUPTIONS = ("noise", "blur", "contrast", "pixelate")
FLAT = "LowCurvature"
TEACHERS = ("method.method.initial.teacher", "method.teacher", "evaluator.teacher")


@dataclass(frozen=True)
class Method:
    """A set and how networks learn from it.

    Args:
        name: In the table.
        digits: Its configuration.
        larger: That on FashionMNIST and CIFAR-10, 10 a class.
        options: Of all.
        company: What is measured beside it, by its name in the table.
        family: Its name in families.py, whose options it takes; its experts are trained before.
    """

    name: str
    digits: str
    larger: str
    options: tuple[str, ...] = ()
    company: tuple[tuple[str, str], ...] = ()
    family: str | None = None


COMPANY = (("random", "random rows"), ("kmeans", "coreset (k-means)"), ("full", "all rows"))
DM = ("dm_digits", "dm_fashion_mnist_ipc10_fast")
DEFENDED = "DM, networks trained with curvature"
DEFENCE = (f"--evaluator.recipe.loss={FLAT}",)
METHODS = (
    Method("DM", *DM, company=COMPANY),
    Method("MTT", "mtt_digits_ipc1", "mtt_digits_ipc1", family="MTT"),
    Method("DM, curvature of the samples", "dm_curvature_digits", "dm_curvature_fashion_mnist_ipc10"),
    Method("RDED, soft labels", "rded_digits", "rded_digits", company=(("same_labels", "random rows, soft labels"),)),
    Method(
        "RDED, soft labels, curvature of the teacher",
        "rded_digits",
        "rded_digits",
        tuple(f"--{teacher}.recipe.loss={FLAT}" for teacher in TEACHERS),
        (("same_labels", "random rows, soft labels, curvature of the teacher"),),
    ),
    Method(DEFENDED, *DM, DEFENCE, tuple((key, f"{name}, the same") for key, name in COMPANY if key != "kmeans")),
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", choices=["digits", "fashion_mnist", "cifar10"])
    parser.add_argument("--only", nargs="+", metavar="METHOD", help="all, if not given")
    parser.add_argument("--networks", type=int, default=2)
    parser.add_argument("--rows", type=int, default=300, help="test rows that are attacked")
    args = parser.parse_args()
    note = (
        f"{args.networks} networks on one set; {args.rows} test rows attacked, a pixel by {EPS[args.data]}/255 at most"
    )
    known = RESULTS / f"robustness_{args.data}.json"
    for place, method in enumerate(METHODS):
        measured(place, method, args)
        kept = json.loads(known.read_text())["rows"] if known.is_file() else []
        rows = []
        for other, each in enumerate(METHODS):
            own = {each.name, *dict(each.company).values()}
            rows += lines(each, place_of(other, each, args)) or [row for row in kept if row["trained on"] in own]
        save(known.stem, rows, title=f"{args.data}: accuracy after attacks and corruptions", note=note)


def place_of(place: int, method: Method, args: argparse.Namespace) -> Path:
    """Return where the numbers of a method are, or will be."""
    config = method.digits if args.data == "digits" else method.larger
    return run_folder(FOLDER / args.data / str(place) / config / "0") / "robustness.json"


def measured(place: int, method: Method, args: argparse.Namespace) -> None:
    """Make a set and its numbers where they are wanted and not there."""
    path = place_of(place, method, args)
    if path.is_file() or not (args.only is None or method.name in args.only):
        return
    config = f"configs/{method.digits if args.data == 'digits' else method.larger}.yaml"
    options = [f"--data.path={args.data}", *method.options]
    if method.family is not None:
        options = family_options(method.family, args)
        run(["-m", "hf_distill", "experts", f"--config={config}", *options, "--resume=true", "--progress=false"])
    options += [*protocol(method, args), f"--folder={FOLDER / args.data / str(place)}", *KEPT]
    run([str(HERE / "image_rows.py"), config, *options])


KEPT = ("--only=0", "--name=robustness", "--device=cpu")


def family_options(name: str, args: argparse.Namespace) -> list[str]:
    """Return the options that a method has in families.py, of as many samples as the other sets here."""
    per_class = 2 if args.data == "digits" else 10
    (family,) = (each for each in FAMILIES if each.name == name)
    return options_of(family, argparse.Namespace(data=args.data, per_class=per_class))


def protocol(method: Method, args: argparse.Namespace) -> list[str]:
    """Return the options of a measurement."""
    eps = EPS[args.data]
    harms = [
        *({"class_path": name, "init_args": {"eps": eps}} for name in ("FGSM", "PGD")),
        {"class_path": "AutoAttack", "init_args": {"eps": eps, "iterations": 50, "queries": 200}},
        *({"class_path": "Corruption", "init_args": {"name": name}} for name in CORRUPTIONS),
    ]
    robustness = json.dumps({"class_path": "Robustness", "init_args": {"harms": harms, "rows": args.rows}})
    wanted = [name for name, _ in method.company if name in ("random", "kmeans")]
    full = "full" in dict(method.company)
    options = [f"--evaluator.robustness={robustness}", f"--evaluator.baselines=[{','.join(wanted)}]"]
    options += [f"--evaluator.seeds={args.networks}", f"--evaluator.full={args.networks if full else 0}"]
    options.append("--evaluator.full_steps=300")
    if "rded" not in method.digits:
        options += ["--evaluator.recipe.steps=300", "--evaluator.recipe.schedule=Cosine"]
        options += ["--evaluator.recipe.optimizer=SGD", "--evaluator.recipe.optimizer.lr=0.03"]
        return options
    # Batch and rate of decoupled.py, and the configuration's steps: with those of hard labels they learn too little.
    options += ["--evaluator.recipe.batch_size=50", "--evaluator.recipe.optimizer.lr=0.003"]
    if args.data != "digits":
        options.append("--evaluator.networks=[{class_path: ConvNet, init_args: {width: 32, depth: 3}}]")
        for teacher in TEACHERS:
            options += [f"--{teacher}.network.depth=3", f"--{teacher}.recipe.steps=300"]
    return options


def lines(method: Method, path: Path) -> list[dict[str, Any]]:
    """Return a line of the table for the set and for each of its company; none where it is not measured yet."""
    if not path.is_file():
        return []
    rows, found = json.loads(path.read_text())["rows"], []
    for key, title in (("distilled", method.name), *method.company):
        line: dict[str, Any] = {"trained on": title}
        for row in rows:
            line[row.get("harm") or "clean"] = percent(row, key)
        own = {"distilled": rows[0], "full": {}}.get(key, rows[0]["baselines"].get(key, {}))
        found.append(line | {"samples": own.get("samples"), "bits": own.get("bits")})
    return found


def percent(row: dict[str, Any], key: str) -> list[float] | float:
    of = {"distilled": "", "full": "full_"}.get(key)
    pair = (
        (row[f"{of}mean"], row[f"{of}std"]) if of is not None else [row["baselines"][key][of] for of in ("mean", "std")]
    )
    mean, std = (value and 100 * value for value in pair)
    return mean if std is None else [mean, std]


if __name__ == "__main__":
    main()
