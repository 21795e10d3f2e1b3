"""Guided diffusion on one process or two: the same samples, each made once."""

from pathlib import Path

import pytest
import torch
from accelerate import debug_launcher

from hf_distill.diffusion import Guidance
from hf_distill.methods import GuidedDiffusion, Run
from tests.diffusion.pipelines import tiny_dit
from tests.methods.test_guided import images


class Counting(GuidedDiffusion):
    """Counts the batches that this process makes."""

    made = 0

    def _batch(self, *args):
        self.made += 1
        return super()._batch(*args)


def fit(place, **run):
    options = {"steps": 2, "batch_size": 1, "class_names": {"b": "bee"}, "guidance": Guidance(neighbours=4)}
    method = Counting(pipeline=f"{place}/dit", per_class=3, **options)
    synthetic = method.fit(images(channels=3), Run(progress=False, **run))
    return {"pixels": synthetic.pixels, "about": synthetic.about, "made": method.made}


def on_a_rank(place):
    torch.set_num_threads(1)
    torch.save(fit(place, folder=Path(place) / "run"), f"{place}/{torch.distributed.get_rank()}.pt")


@pytest.mark.slow
def test_two_ranks_share_the_batches_and_end_with_the_set_of_one(tmp_path):
    tiny_dit().save_pretrained(tmp_path / "dit")
    debug_launcher(on_a_rank, args=(str(tmp_path),), num_processes=2)
    first, second = (torch.load(tmp_path / f"{rank}.pt") for rank in (0, 1))
    alone = fit(str(tmp_path))
    assert (first["made"], second["made"], alone["made"]) == (3, 3, 6)
    for other in (first, second):
        assert torch.equal(other["pixels"], alone["pixels"]) and other["about"] == alone["about"]
    # One process goes on with what two have left, from the latents that they encoded by halves.
    units = sorted((tmp_path / "run" / "generated").glob("*.pt"))
    units[1].unlink()
    units[4].unlink()
    resumed = fit(str(tmp_path), folder=tmp_path / "run", resume=True)
    assert resumed["made"] == 2 and torch.equal(resumed["pixels"], alone["pixels"])
