"""What steps take, by a clock that is told."""

import re

import psutil
import pytest
import torch

from hf_distill.data import RealData
from hf_distill.methods import OptimizedDistillation
from hf_distill.objectives import DistributionMatching, GradientMatching, WeightedSum
from hf_distill.runs import pace
from hf_distill.runs.pace import Pace, peak_memory
from hf_distill.synthetic import PixelSet
from tests.objectives.sets import TINY, fresh


@pytest.mark.parametrize(("seconds", "after"), [(0.41, 6), (15.0, 3)])
def test_it_is_told_once_and_leaves_the_first_step_out(monkeypatch, seconds, after):
    now = [100.0]  # the first step, which is not counted
    monkeypatch.setattr(pace.time, "perf_counter", lambda: now[0])
    steps, said = Pace(torch.device("cpu")), []
    for _ in range(10):
        said.append(steps.step())
        now[0] += seconds
    assert [place for place, text in enumerate(said, 1) if text] == [after]
    assert said[after - 1].endswith(f" GB, {100 * seconds:.3g} s a 100 steps")


@pytest.mark.parametrize(("cycle", "slow", "after"), [(80, 8, 13), (25, 1, 26), (4, 2, 4)])
def test_steps_that_take_longer_count_as_often_as_they_come(monkeypatch, cycle, slow, after):
    """Ten times as long as the others, which take a tenth of a second; the first one takes a minute more."""
    now = [0.0]
    monkeypatch.setattr(pace.time, "perf_counter", lambda: now[0])
    steps, said = Pace(torch.device("cpu"), cycle, slow), []
    for step in range(100):
        now[0] += (60 if step == 0 else 0) + (1.0 if step % cycle < slow else 0.1)
        said.append(steps.step())
    assert [place for place, text in enumerate(said, 1) if text] == [after] == [Pace.steps(cycle, slow)]
    assert said[after - 1].endswith(f" GB, {100 * (slow + 0.1 * (cycle - slow)) / cycle:.3g} s a 100 steps")


def test_an_objective_says_which_of_its_steps_take_longer():
    matching = DistributionMatching(views=8, reuse=10)
    assert matching.cycle() == (80, 8) and DistributionMatching(views=8).cycle() == (1, 0)
    assert WeightedSum(objectives=[GradientMatching(), matching]).cycle() == (80, 8)


def test_memory_is_that_of_the_process_in_bytes():
    now = psutil.Process().memory_info().rss
    assert 0.9 * now < peak_memory(torch.device("cpu")) < 100 * now


def test_a_run_is_estimated_from_its_first_steps():
    objective = DistributionMatching(pool=fresh(TINY), real_per_class=4)
    method = OptimizedDistillation(synthetic=PixelSet(per_class=1), objective=objective, steps=10_000)
    assert re.fullmatch(r"memory: \d+\.\d GB, [\d.]+(e.\d+)? s a 100 steps", method.estimate(RealData()))
    assert method.steps == 10_000
