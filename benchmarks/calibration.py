"""The calibrated temperature of the discrimination term, in units of the class means' spread."""

from __future__ import annotations

import argparse
import statistics

from record import save

from hf_distill import ConvNet, DistributionMatching, PixelSet, RealData, RealSamples
from hf_distill.pools import FreshNetworks
from hf_distill.seeding import Streams


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--paths", nargs="+", default=["digits"])
    parser.add_argument("--networks", type=int, default=5)
    args = parser.parse_args()
    rows = []
    for path in args.paths:
        real = RealData(path=path).setup()
        network = ConvNet(width=32, depth=2 if min(real.spec.shape[1:]) < 16 else 3)
        synthetic = PixelSet(per_class=1)
        batch = RealSamples().draw(real, 1, Streams(0))
        synthetic.initialize(batch.x, batch.y, real.spec)
        ratios = []
        for k in range(args.networks):
            matching = DistributionMatching(
                pool=FreshNetworks(network=network),
                real_per_class=128,
                discrimination=1.0,
                temperature_unit="calibrated",
            )
            view = matching._view(synthetic, real, Streams(0, step=k))
            ratios.append(float(view.unit / view.spread))
        spread = [statistics.fmean(ratios), statistics.stdev(ratios)]
        rows.append({"dataset": path.rstrip("/").split("/")[-1], "calibrated / spread": spread})
        print(rows[-1])
    save("calibration", rows, title="The calibrated temperature of the discrimination term", networks=args.networks)


if __name__ == "__main__":
    main()
