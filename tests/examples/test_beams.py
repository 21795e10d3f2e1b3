import importlib.util
import math
from pathlib import Path

import numpy as np
import pytest
import torch
from datasets import load_dataset

from hf_distill.errors import UserError

_spec = importlib.util.spec_from_file_location("make_beams", Path(__file__).parents[2] / "examples/beams/make_beams.py")
make_beams = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(make_beams)
BeamScenario = make_beams.BeamScenario


def panel(rows, columns, spacing):
    y, z = torch.meshgrid(torch.arange(columns) * spacing, torch.arange(rows) * spacing, indexing="ij")
    return torch.stack([torch.zeros(rows * columns), y.flatten(), z.flatten()], 1)


def test_a_beam_gathers_a_plane_wave_from_its_direction():
    scenario = BeamScenario(rows=4, columns=4, azimuths=3, elevations=2)
    positions = panel(4, 4, 0.005)
    beams = scenario.codebook(positions, 0.01)
    torch.testing.assert_close(beams.abs().square().sum(1), torch.ones(6))
    # The last beam: 60 degrees to the side, 30 degrees down.
    across, along = math.sin(math.radians(60)), -0.5
    wave = torch.exp(2j * math.pi / 0.01 * (positions[:, 1] * across + positions[:, 2] * along))
    gain = (beams.conj() @ wave.to(beams)).abs().square()
    assert gain.argmax() == 5 and gain[5].item() == pytest.approx(16, rel=1e-4)


def test_users_are_uniform_over_the_sector():
    places = BeamScenario(train=20_000, test=1).users()
    radius, angle = places[:, :2].norm(dim=1), torch.atan2(places[:, 1], places[:, 0]).rad2deg()
    assert radius.min() >= 35 and radius.max() <= 250 and angle.abs().max() <= 60
    # Half of the area lies within the root of the mean square of the two radii.
    assert (radius < math.sqrt((35**2 + 250**2) / 2)).float().mean() == pytest.approx(0.5, abs=0.01)
    assert angle.mean() == pytest.approx(0, abs=1)


@pytest.mark.parametrize(
    "options, message",
    [
        ({"scenario": "rural"}, "scenario is 'rural'; it must be one of uma, umi"),
        ({"carrier_ghz": 0.1}, r"carrier_ghz is 0\.1; it must be 0\.5 to 100"),
        ({"azimuths": 0}, "azimuths is 0; it must be 1 to 1024"),
        ({"nearest": 300.0}, r"nearest is 300\.0; it must be less than farthest, 250\.0"),
    ],
)
def test_wrong_options_are_named(options, message):
    with pytest.raises(UserError, match=message):
        BeamScenario(**options).check()


def test_a_full_folder_is_left_alone(tmp_path, capsys):
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(SystemExit) as stopped:
        make_beams.main([str(tmp_path)])
    assert stopped.value.code == 2
    assert "is there and not empty" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


@pytest.mark.parametrize("scenario", ["uma", "umi"])
def test_the_script_writes_an_ordinary_dataset(scenario, tmp_path):
    pytest.importorskip("sionna", reason="needs the extra [wireless]")
    # More users than are simulated at once, and a last batch that is smaller.
    words = [str(tmp_path / "set"), f"--scenario={scenario}", "--train=210", "--test=10"]
    make_beams.main([*words, "--azimuths=4", "--elevations=2"])
    data = load_dataset(str(tmp_path / "set"))
    assert {name: len(split) for name, split in data.items()} == {"train": 210, "test": 10}
    db = np.array(data["train"]["rsrp_db"][:])
    assert db.shape == (210, 8) and np.isfinite(db).all() and db.max() < 0
    assert data["train"]["beam"][:] == db.argmax(1).tolist()
