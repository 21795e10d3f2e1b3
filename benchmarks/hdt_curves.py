"""Error of a distilled series against its length, or against a parameter of the paper's objective.

Every value is distilled and measured as the configuration says, beside random pieces of the real series of the same
size. Options that are not this script's are those of `hf-distill distill`.
"""

from __future__ import annotations

import argparse
import time

import yaml
from record import save

from hf_distill import DistilledDataset
from hf_distill.allocator import keep_freed_memory
from hf_distill.cli.distill import build_parser
from hf_distill.cli.messages import parse
from hf_distill.training import Run


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--name", required=True, help="name of the result")
    parser.add_argument("--option", required=True, help="what varies, such as method.synthetic.length")
    parser.add_argument("--values", required=True, nargs="+")
    args, rest = parser.parse_known_args()
    keep_freed_memory()
    rows = []
    for value in args.values:
        cli = build_parser()
        objects = cli.instantiate(parse(cli, [*rest, f"--{args.option}={value}"]))
        start = time.perf_counter()
        synthetic = objects.method.fit(objects.data, Run(progress=False))
        row = {args.option.rsplit(".", 1)[-1]: yaml.safe_load(value), "seconds": round(time.perf_counter() - start, 1)}
        evaluation = objects.evaluator.evaluate(
            DistilledDataset.from_synthetic(synthetic), objects.data, progress=False
        )
        for result in evaluation.rows:
            row[result["network"]] = [result["mean"], result["std"] or 0.0]
            if result["random_mean"] is not None:
                row[f"{result['network']}, random"] = [result["random_mean"], result["random_std"] or 0.0]
            row[f"{result['network']}, full"] = result["full_mean"]
        rows.append(row)
        print(row, flush=True)
        title = f"MSE against {args.option.rsplit('.', 1)[-1]}, {objects.data.path.rsplit('/', 1)[-1]}"
        save(args.name, rows, title=title, seeds=objects.evaluator.seeds)


if __name__ == "__main__":
    main()
