"""One process or several, on a series and with an objective that has a state."""

import torch
from accelerate import debug_launcher

from hf_distill.initialization import SubSeries
from hf_distill.methods import OptimizedDistillation, Run, optimized
from hf_distill.networks.forecasters import DLinear, RevMLP
from hf_distill.objectives import UnrolledMatching
from hf_distill.pools import TrainedOnSet
from hf_distill.seeding import Streams
from hf_distill.synthetic import HarmonicSet
from tests.objectives.sets import small_series


class SameStreams(Streams):
    """Ranks that draw the same numbers: replicated data."""

    def __init__(self, seed=0, rank=0, step=0):
        super().__init__(seed, 0, step)


def distill(folder=None, resume=False):
    pool = TrainedOnSet(networks=[DLinear(kernel=3), RevMLP(width=4)], steps=2, lifetime=4, size=2, batch=4)
    objective = UnrolledMatching(pool=pool, real_batch=8)
    method = OptimizedDistillation(
        synthetic=HarmonicSet(length=20),
        objective=objective,
        initial=SubSeries(),
        steps=4,
        optimizer="adam",
        lr=0.05,
        checkpoint_every=2,
        preview_every=0,
    )
    run = Run(folder=folder, progress=False, resume=resume)
    return torch.cat([p.detach().flatten() for p in method.fit(small_series(), run).parameters()])


def ranks_agree(path):
    torch.set_num_threads(1)
    torch.save(distill(), f"{path}/{torch.distributed.get_rank()}.pt")


def ranks_resume(path):
    """Go on from step 2 with the states of both ranks."""
    from pathlib import Path

    torch.set_num_threads(1)
    folder, rank = Path(path) / "run", torch.distributed.get_rank()
    distill(folder)
    torch.distributed.barrier()
    if rank == 0:
        (folder / "checkpoints" / "step-00000004.pt").unlink()
    torch.distributed.barrier()
    torch.save(distill(folder, resume=True), f"{path}/{rank}.pt")


def ranks_on_replicated_data(path):
    optimized.Streams = SameStreams
    ranks_agree(path)


def load(path):
    return [torch.load(path / f"{rank}.pt") for rank in (0, 1)]


def test_two_ranks_have_learners_of_their_own_and_resume_with_them(tmp_path):
    (tmp_path / "whole").mkdir()
    (tmp_path / "resumed").mkdir()
    debug_launcher(ranks_agree, args=(str(tmp_path / "whole"),), num_processes=2)
    debug_launcher(ranks_resume, args=(str(tmp_path / "resumed"),), num_processes=2)
    first, second = load(tmp_path / "whole")
    assert torch.equal(first, second) and not torch.allclose(first, distill())
    assert all(torch.equal(resumed, first) for resumed in load(tmp_path / "resumed"))


def test_two_ranks_on_replicated_data_equal_one(tmp_path):
    debug_launcher(ranks_on_replicated_data, args=(str(tmp_path),), num_processes=2)
    assert torch.allclose(load(tmp_path)[0], distill(), rtol=0, atol=1e-6)


def learn_rate(folder=None):
    pool = TrainedOnSet(networks=[DLinear(kernel=3)], steps=2, lifetime=4, size=2, batch=4)
    method = OptimizedDistillation(
        synthetic=HarmonicSet(length=20),
        objective=UnrolledMatching(pool=pool, real_batch=8, lr_lr=0.1),
        initial=SubSeries(),
        steps=4,
        optimizer="adam",
        lr=0.05,
        preview_every=0,
    )
    run = Run(progress=False)
    set_ = method.fit(small_series(), run)
    rate = torch.tensor([run.notes.recipe["adam_lr"]])
    return torch.cat([*(p.detach().flatten() for p in set_.parameters()), rate])


def ranks_learn_a_rate(path, replicated):
    torch.set_num_threads(1)
    if replicated:
        optimized.Streams = SameStreams
    torch.save(learn_rate(), f"{path}/{torch.distributed.get_rank()}.pt")


def test_a_learned_rate_is_the_same_on_every_rank(tmp_path):
    (tmp_path / "own").mkdir()
    (tmp_path / "same").mkdir()
    debug_launcher(ranks_learn_a_rate, args=(str(tmp_path / "own"), False), num_processes=2)
    debug_launcher(ranks_learn_a_rate, args=(str(tmp_path / "same"), True), num_processes=2)
    first, second = load(tmp_path / "own")
    alone = learn_rate()
    assert torch.equal(first, second) and first[-1] != alone[-1]
    assert torch.allclose(load(tmp_path / "same")[0], alone, rtol=0, atol=1e-6) and alone[-1] != 1e-3
