"""Make a beam management dataset of your own scenario: the power of every beam, the user's place, the best beam.

``python examples/beams/make_beams.py uma_beam --scenario=uma --azimuths=16`` simulates 3GPP TR 38.901 channels and
writes an ordinary dataset, parquet files in the Hub's layout. Needs ``pip install "hf-distill[wireless]"``.
"""

from __future__ import annotations

import importlib.util
import json
import math
from pathlib import Path
from typing import Annotated

import numpy as np
import torch
from datasets import ClassLabel, Dataset, DatasetDict, Features, List, Value
from jsonargparse import ArgumentParser
from torch import Tensor

from hf_distill.errors import UserError
from hf_distill.options import OneOf, Range, Seed
from hf_distill.parts import Part

_USERS = 200  # channels in memory at once
_HEIGHTS = {"uma": 25.0, "umi": 10.0}  # of the base station in m, TR 38.901 table 7.2-1
_USER_HEIGHT = 1.5
_Side = Annotated[int, Range(1, 1024)]
_Users = Annotated[int, Range(1, 10_000_000)]


class BeamScenario(Part):
    """One base station with a panel of antennas, outdoor users in a sector of 120 degrees, and a grid of beams.

    Channels are those of 3GPP TR 38.901 as ``sionna-no-rt`` draws them (path loss, shadowing, line of sight and
    clusters by their probabilities), independent for every user. Users are uniform over the area of the sector. Beams
    are steering vectors of norm one that are uniform in the direction cosines across and along the panel; beam
    ``elevation * azimuths + azimuth``, elevations from the highest down. A beam's power is that of all paths together,
    for one omnidirectional antenna at the user.

    Args:
        scenario: ``uma`` (urban macro, base station at 25 m) or ``umi`` (street canyon, 10 m).
        carrier_ghz: Carrier frequency in GHz; the models hold from 0.5 to 100.
        rows: Antennas of the panel one above the other, half a wavelength apart.
        columns: Antennas side by side.
        azimuths: Beams side by side, over +-60 degrees.
        elevations: Beams one above the other, over +-30 degrees; one points to the horizon.
        nearest: Smallest horizontal distance of a user in m.
        farthest: Largest.
        train: Users in the training split.
        test: Users in the test split.
        seed: The seed of users and channels.
    """

    def __init__(
        self,
        *,
        scenario: Annotated[str, OneOf(tuple(_HEIGHTS))] = "uma",
        carrier_ghz: Annotated[float, Range(0.5, 100)] = 28.0,
        rows: _Side = 8,
        columns: _Side = 8,
        azimuths: _Side = 16,
        elevations: _Side = 4,
        nearest: Annotated[float, Range(10, 5000)] = 35.0,
        farthest: Annotated[float, Range(10, 5000)] = 250.0,
        train: _Users = 10_000,
        test: _Users = 2_000,
        seed: Seed = 0,
    ) -> None:
        self.scenario = scenario
        self.carrier_ghz = carrier_ghz
        self.rows = rows
        self.columns = columns
        self.azimuths = azimuths
        self.elevations = elevations
        self.nearest = nearest
        self.farthest = farthest
        self.train = train
        self.test = test
        self.seed = seed

    def check(self) -> None:
        """Refuse what cannot be simulated.

        Raises:
            UserError: Options do not fit each other.
        """
        if self.nearest >= self.farthest:
            raise UserError(f"nearest is {self.nearest}; it must be less than farthest, {self.farthest}")

    def codebook(self, positions: Tensor, wavelength: float) -> Tensor:
        """Return the beams' weights ``(beams, antennas)``, complex, of norm one.

        Args:
            positions: Antennas in m, ``(antennas, 3)``, the panel looking along the first axis.
            wavelength: In m.
        """
        across = _spread(self.azimuths, math.sin(math.radians(60)))
        along = -_spread(self.elevations, math.sin(math.radians(30)))  # the highest first
        direction = torch.stack([across.repeat(self.elevations), along.repeat_interleave(self.azimuths)], 1)
        phase = 2 * math.pi / wavelength * direction @ positions[:, 1:].to(direction).T
        return torch.polar(torch.full_like(phase, len(positions) ** -0.5), phase)

    def users(self) -> Tensor:
        """Return the users' places in m, ``(train + test, 3)``, the base station's foot at the origin."""
        generator = torch.Generator().manual_seed(self.seed)
        first, second = torch.rand(2, self.train + self.test, generator=generator)
        radius = (first * (self.farthest**2 - self.nearest**2) + self.nearest**2).sqrt()
        angle = (second - 0.5) * 2 * math.pi / 3
        return torch.stack([radius * angle.cos(), radius * angle.sin(), torch.full_like(radius, _USER_HEIGHT)], 1)

    def make(self) -> DatasetDict:
        """Simulate and return the splits with ``rsrp_db`` (dB, every beam), ``ue_loc`` (m) and ``beam`` (the best).

        Raises:
            UserError: An option is out of its range, or ``sionna-no-rt`` is missing.
        """
        self.check()
        if importlib.util.find_spec("sionna") is None:
            raise UserError("simulating channels needs sionna-no-rt: pip install 'hf-distill[wireless]'")
        places = self.users()
        power = self._power(places)
        db = (10 * power.log10()).numpy().astype(np.float32)
        beams = self.azimuths * self.elevations
        features = Features(
            {
                "rsrp_db": List(Value("float32"), length=beams),
                "ue_loc": List(Value("float32"), length=3),
                "beam": ClassLabel(names=[str(beam) for beam in range(beams)]),
            }
        )
        columns = {"rsrp_db": list(db), "ue_loc": list(places.numpy()), "beam": db.argmax(1).tolist()}
        whole = Dataset.from_dict(columns, features=features)
        rows = range(len(whole))
        return DatasetDict(train=whole.select(rows[: self.train]), test=whole.select(rows[self.train :]))

    def _power(self, places: Tensor) -> Tensor:
        from sionna.phy import config
        from sionna.phy.channel import tr38901

        config.seed = self.seed
        about = {"polarization": "single", "polarization_type": "V", "carrier_frequency": self.carrier_ghz * 1e9}
        station = tr38901.PanelArray(
            num_rows_per_panel=self.rows, num_cols_per_panel=self.columns, antenna_pattern="38.901", **about
        )
        user = tr38901.PanelArray(num_rows_per_panel=1, num_cols_per_panel=1, antenna_pattern="omni", **about)
        kind = {"uma": tr38901.UMa, "umi": tr38901.UMi}[self.scenario]
        model = kind(
            carrier_frequency=self.carrier_ghz * 1e9,
            o2i_model="low",
            ut_array=user,
            bs_array=station,
            direction="downlink",
            device="cpu",
        )
        weights = self.codebook(station.ant_pos.cpu(), 299_792_458 / (self.carrier_ghz * 1e9))
        found = []
        for part in places[:, None].split(_USERS):
            base = torch.tensor([0.0, 0.0, _HEIGHTS[self.scenario]]).expand_as(part).clone()  # sionna writes into it
            model.reset_topology()  # the last part is smaller
            # A batch entry each: users of one entry would share their large-scale parameters.
            model.set_topology(part, base, *torch.zeros(3, *part.shape), torch.zeros(len(part), 1, dtype=torch.bool))
            gains, _ = model(1, 1.0)
            paths = gains[:, 0, 0, 0, :, :, 0].cpu()  # users, antennas, paths
            found.append((weights.conj().to(paths) @ paths).abs().square().sum(2))
        return torch.cat(found)


def _spread(count: int, limit: float) -> Tensor:
    return torch.linspace(-limit, limit, count) if count > 1 else torch.zeros(1)


def main(argv: list[str] | None = None) -> None:
    """Simulate, write the dataset and say what it holds."""
    parser = ArgumentParser(description="Simulate channels and write the power of every beam as an ordinary dataset.")
    parser.add_argument("folder", type=Path, help="the dataset's folder; new or empty")
    parser.add_class_arguments(BeamScenario)
    options = vars(parser.parse_args(argv))
    folder = options.pop("folder")
    try:
        if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            raise UserError(f"{folder} is there and not empty: name another folder")
        scenario = BeamScenario(**options)
        splits = scenario.make()
    except UserError as error:
        parser.error(str(error))
    folder.mkdir(parents=True, exist_ok=True)
    for name, split in splits.items():
        split.to_parquet(folder / f"{name}-00000-of-00001.parquet")
    (folder / "scenario.json").write_text(json.dumps(scenario.config()["init_args"], indent=2) + "\n")
    beams = scenario.azimuths * scenario.elevations
    print(f"{folder}: {scenario.train} training and {scenario.test} test users, {beams} beams")


if __name__ == "__main__":
    main()
