"""What rounding costs: the same number of samples at several precisions, beside the set that is not quantized.

`python benchmarks/equal_samples.py --name quadd_digits_equal --size 4 --config configs/quadd_digits.yaml
--method.steps=500`: options that are not this script's are those of `hf-distill distill`.
"""

from __future__ import annotations

import argparse
import copy
import statistics

from record import save

from hf_distill.allocator import keep_freed_memory
from hf_distill.cli.distill import build_parser
from hf_distill.cli.messages import parse
from hf_distill.hub.artifact import DistilledDataset
from hf_distill.methods import Run
from hf_distill.sweep.sets import at_precision


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--name", required=True, help="name of the result")
    parser.add_argument("--size", required=True, type=int, help="samples of each class")
    parser.add_argument("--precisions", nargs="+", type=int, default=[32, 16, 8, 2], help="32 is not quantized")
    parser.add_argument("--sets", type=int, default=5, help="distillations of a row, one network each")
    args, rest = parser.parse_known_args()
    keep_freed_memory()
    built = build_parser()
    objects = built.instantiate(parse(built, rest))
    data, method, evaluator = objects.data.setup(), objects.method, objects.evaluator.alone()
    described, evaluator.seeds = method.synthetic, 1
    rows = []
    for bits in args.precisions:
        method.synthetic = copy.deepcopy(described)
        method.synthetic.budget = None
        method.synthetic.synthetic.resize(args.size)
        if bits == 32:
            method.synthetic = method.synthetic.synthetic
        else:
            method.synthetic.quantizer = at_precision(described.quantizer, bits)
        scores = []
        for evaluator.seed in range(args.sets):
            made = method.fit(data, Run(seed=evaluator.seed, progress=False))
            result = evaluator.evaluate(DistilledDataset.from_synthetic(made), data, progress=False)
            scores.append(100 * result.rows[0]["mean"])
        line = {"bits a value": bits, "samples": len(made().y), "bits": made.bits().total}
        rows.append(line | {"accuracy": [statistics.fmean(scores), statistics.stdev(scores)]})
        print(rows[-1], flush=True)
        save(
            args.name,
            rows,
            title=f"Rounding at equal samples: {data.path.rsplit('/', 1)[-1]}, {args.size} a class",
            note=f"{args.sets} distillations of a row with one network each; 32 bits are not quantized",
        )


if __name__ == "__main__":
    main()
