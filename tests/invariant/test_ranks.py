"""One process or several: the same mathematics."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from accelerate import debug_launcher

from hf_distill.data import RealData
from hf_distill.errors import Interrupted
from hf_distill.initialization import RealSamples
from hf_distill.methods import OptimizedDistillation, Run, optimized
from hf_distill.networks import ConvNet
from hf_distill.objectives import DistributionMatching
from hf_distill.pools import FreshNetworks
from hf_distill.seeding import Streams
from hf_distill.synthetic import PixelSet


class ByRank(RealSamples):
    """Starts every rank from other samples, so that a missing broadcast shows."""

    def draw(self, real, size, streams):
        rank = torch.distributed.get_rank() if torch.distributed.is_initialized() else 0
        return super().draw(real, size, Streams(streams.seed, rank=rank))


class SameStreams(Streams):
    """Ranks that draw the same numbers: replicated data."""

    def __init__(self, seed=0, rank=0, step=0):
        super().__init__(seed, 0, step)


def distill():
    objective = DistributionMatching(pool=FreshNetworks(network=ConvNet(width=4, depth=1)), real_per_class=4)
    method = OptimizedDistillation(
        synthetic=PixelSet(per_class=1), objective=objective, initial=ByRank(), steps=3, lr=10.0, optimizer="adam"
    )
    return method.fit(RealData(), Run(progress=False)).pixels.detach()


def ranks_agree(path):
    torch.set_num_threads(1)
    torch.save(distill(), f"{path}/{torch.distributed.get_rank()}.pt")


def ranks_on_replicated_data(path):
    optimized.Streams = SameStreams
    ranks_agree(path)


def test_two_ranks_end_with_equal_parameters(tmp_path):
    debug_launcher(ranks_agree, args=(str(tmp_path),), num_processes=2)
    first, second = (torch.load(tmp_path / f"{rank}.pt") for rank in (0, 1))
    assert torch.equal(first, second)
    # Each rank has its own network and samples: their mean gradient is another one than rank 0's alone.
    assert not torch.allclose(first, distill())


def test_two_ranks_on_replicated_data_equal_one(tmp_path):
    debug_launcher(ranks_on_replicated_data, args=(str(tmp_path),), num_processes=2)
    assert torch.equal(torch.load(tmp_path / "0.pt"), distill())


def distill_in_chunks(folder=None, resume=False):
    objective = DistributionMatching(pool=FreshNetworks(network=ConvNet(width=4, depth=1)), real_per_class=4)
    method = OptimizedDistillation(synthetic=PixelSet(per_class=5), objective=objective, steps=2, lr=10.0, chunk=2)
    return method.fit(RealData(), Run(folder=folder, progress=False, resume=resume)).pixels.detach()


def ranks_share_chunks(path):
    torch.set_num_threads(1)
    rank, made = torch.distributed.get_rank(), []
    whole = OptimizedDistillation.optimized

    def counted(self, synthetic, real, run, accelerator):
        made.append(int(run.folder.name))
        if rank == 1 and not Path(path, "failed").exists():
            Path(path, "failed").touch()
            raise Interrupted("stopped")
        return whole(self, synthetic, real, run, accelerator)

    OptimizedDistillation.optimized = counted
    with pytest.raises(Interrupted, match="stopped"):
        distill_in_chunks(Path(path, "run"))
    torch.save((made, distill_in_chunks(Path(path, "run"), resume=True)), f"{path}/{rank}.pt")


def test_two_ranks_share_the_chunks_of_one_and_stop_together(tmp_path):
    debug_launcher(ranks_share_chunks, args=(str(tmp_path),), num_processes=2)
    (first, one), (second, other) = (torch.load(tmp_path / f"{rank}.pt") for rank in (0, 1))
    assert (first, second) == ([0, 2], [1, 1])  # the stopped chunk again, and none that was done
    assert torch.equal(one, other) and torch.equal(one, distill_in_chunks())


@pytest.mark.slow
def test_accelerate_launch_starts_one_run_of_two_processes(tmp_path):
    root = Path(__file__).parents[2]
    command = [sys.executable, "-m", "accelerate.commands.launch"]
    command += ["--config_file", str(root / "configs/accelerate/two_cpu_processes.yaml"), "-m", "hf_distill", "distill"]
    command += ["--config", str(root / "configs/dm_digits_ipc1.yaml"), "--method.steps=4", "--output_dir", "out"]
    environment = {**os.environ, "ACCELERATE_USE_CPU": "true", "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.count("10 samples of 10 classes") == 1
