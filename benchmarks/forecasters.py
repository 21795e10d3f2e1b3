"""The evaluation forecasters on the full series, beside their published results.

python benchmarks/forecasters.py --path .../ETTh1.csv: mean squared and absolute error over all test windows, 96 -> 96,
with the evaluator's own recipe.
"""

from __future__ import annotations

import argparse
import statistics
from pathlib import Path

import torch
from record import save

from hf_distill.data import SeriesData
from hf_distill.evaluation.forecast_errors import forecast_errors
from hf_distill.networks.forecasters import DLinear, ITransformer, XPatch
from hf_distill.seeding import Streams
from hf_distill.training import ForecastRecipe, WindowSource, train_networks

# 96 -> 96, mean squared error, as the distillation literature quotes them.
PUBLISHED = {"ETTh1": {"DLinear": 0.386, "iTransformer": 0.389, "xPatch": 0.384}}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--path", required=True, help="the series: a file or a Hub id")
    parser.add_argument("--seeds", type=int, default=3)
    args = parser.parse_args()

    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    real = SeriesData(path=args.path).setup(device)
    name, spec, recipe = Path(args.path).stem, real.spec, ForecastRecipe()
    rows = []
    for forecaster in (DLinear(), ITransformer(), XPatch()):
        errors, seconds = [], []
        for seed in range(args.seeds):
            network = forecaster.build(spec.lookback, spec.horizon, spec.num_channels, seed)
            source = WindowSource(real.train)
            trained = train_networks([network], [source], [Streams(seed)], recipe=recipe, device=device)
            seconds += trained.seconds
            errors.append(forecast_errors(network, real.test, device))
        mse, mae = zip(*errors, strict=True)
        spread = [statistics.fmean(mse), statistics.stdev(mse) if len(mse) > 1 else 0.0]
        rows.append(
            {
                "network": forecaster.label,
                "MSE": spread,
                "MAE": statistics.fmean(mae),
                "published MSE": PUBLISHED.get(name, {}).get(forecaster.label),
                "steps": recipe.total_steps(len(real.train)),
                "training s": statistics.fmean(seconds),
            }
        )
        print(rows[-1], flush=True)
    title = f"Forecasters on the full {name}, {spec.lookback} -> {spec.horizon}, {args.seeds} seeds"
    save(f"forecasters_{name}", rows, title=title, note="z-scored, all test windows")


if __name__ == "__main__":
    main()
