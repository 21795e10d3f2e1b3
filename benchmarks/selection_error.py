"""How far weighted samples are from all rows: k-means cost and ridge regression, by sample size and selector.

    python benchmarks/selection_error.py --data zalando-datasets/fashion_mnist

Features are the principal components of pixels. Sets: the source as it is; with nine classes thinned to a hundredth
(imbalanced); and with a few planted rows far out (outliers). Errors are relative. `kmeans` is the largest one of the
cost of centres that the sample knows nothing of: starts of k-means++ and random rows. `ridge` is how much more the
solution on the weighted sample costs on all rows than the best one. Means of the draws.
"""

from __future__ import annotations

import argparse

import torch
from record import save
from torch import Tensor

from hf_distill import KMeansSensitivitySelector, LeverageSelector, RandomSelector, RealData
from hf_distill.features import PcaFeatures
from hf_distill.selection.certificate import centre_queries, relative_errors

SIZES = (50, 100, 200, 500, 1000, 2000)
RIDGE = 1e-4


def sets(real: RealData, rows: int) -> dict[str, tuple[Tensor, Tensor]]:
    """Return features and targets of each set."""
    generator = torch.Generator().manual_seed(0)
    index = torch.randperm(len(real.train), generator=generator)[:rows]
    x = PcaFeatures(components=32).fit(real).rows(real.train, index)
    x = x / x.std()
    label = real.train.targets[index]
    y = torch.nn.functional.one_hot(label, real.spec.num_groups).float()
    kept = (label == 0) | (torch.rand(rows, generator=generator) < 0.01)
    far = x.clone()
    planted = torch.randperm(rows, generator=generator)[: rows // 1000]
    far[planted] += 30 * torch.nn.functional.normalize(
        torch.randn(len(planted), x.shape[1], generator=generator), dim=1
    )
    return {"fashion_mnist": (x, y), "imbalanced": (x[kept], y[kept]), "outliers": (far, y)}


def solve(x: Tensor, y: Tensor, w: Tensor, ridge: float) -> Tensor:
    """Return the weights of ridge regression."""
    x, y, w = x.double(), y.double(), w.double()[:, None]
    return torch.linalg.solve(x.T @ (w * x) + ridge * torch.eye(x.shape[1], dtype=x.dtype), x.T @ (w * y))


def main() -> None:
    """Measure every selector on every set and save."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", default="zalando-datasets/fashion_mnist")
    parser.add_argument("--rows", type=int, default=20_000)
    parser.add_argument("--draws", type=int, default=5)
    args = parser.parse_args()
    real = RealData(path=args.data).setup()
    found = []
    for name, (x, y) in sets(real, args.rows).items():
        queries = centre_queries(x, 10, seed=7)
        ones = torch.cat((x, torch.ones(len(x), 1)), 1)
        ridge = RIDGE * float(ones.square().sum())
        best = solve(ones, y, torch.ones(len(x)), ridge)

        def cost(weights: Tensor, ones: Tensor = ones, y: Tensor = y, ridge: float = ridge) -> float:
            return float((ones.double() @ weights - y).square().sum() + ridge * weights.square().sum())

        least = cost(best)
        selectors = {
            "uniform": RandomSelector().fit(x),
            "sensitivity": KMeansSensitivitySelector(centres=10).fit(x),
            "leverage": LeverageSelector(ridge=RIDGE).fit(x),
            "leverage, labels": LeverageSelector(ridge=RIDGE, labels=True).fit(x, y),
        }
        for label, selector in selectors.items():
            for size in (size for size in SIZES if size < len(x)):
                errors, ridges = [], []
                for draw in range(args.draws):
                    rows, w = selector.select(size, torch.Generator().manual_seed(draw))
                    errors.append(float(relative_errors(x, rows, w, queries).max()))
                    ridges.append(cost(solve(ones[rows], y[rows], w, ridge)) / least - 1)
                mean, excess = (float(torch.tensor(values).mean()) for values in (errors, ridges))
                found.append({"set": name, "rows": len(x), "selector": label, "size": size,
                              "kmeans": round(mean, 4), "ridge": round(excess, 4)})  # fmt: skip
                print(found[-1], flush=True)
    save("selection_error", found)
    plot(found)


def plot(found: list[dict[str, object]]) -> None:
    """Draw the errors by size."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot
    from record import RESULTS

    names = list(dict.fromkeys(str(row["set"]) for row in found))
    figure, axes = pyplot.subplots(2, len(names), figsize=(4 * len(names), 6), sharex=True)
    for column, name in enumerate(names):
        for line, error in enumerate(("kmeans", "ridge")):
            for selector in dict.fromkeys(row["selector"] for row in found):
                own = [row for row in found if row["set"] == name and row["selector"] == selector]
                axes[line][column].loglog([row["size"] for row in own], [row[error] for row in own], label=selector)
            axes[line][column].set_title(f"{name}: {error}")
    axes[0][0].legend()
    figure.supxlabel("rows")
    figure.supylabel("relative error")
    figure.tight_layout()
    figure.savefig(RESULTS / "selection_error.png", dpi=80)


if __name__ == "__main__":
    main()
