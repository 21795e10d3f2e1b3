import itertools
import json
import os
import signal
import subprocess
import sys
import textwrap

import pytest
import torch

from hf_distill.augment import SiameseAugment
from hf_distill.data import RealData
from hf_distill.errors import DivergenceError, Interrupted, UserError
from hf_distill.hub import DistilledDataset
from hf_distill.methods import Callback, Coreset, OptimizedDistillation, Run
from hf_distill.methods.method import thinned
from hf_distill.networks import ConvNet
from hf_distill.objectives import DistributionMatching, Objective
from hf_distill.pools import FreshNetworks
from hf_distill.runs.state_file import read_state
from hf_distill.seeding import Streams
from hf_distill.selection import RandomSelector
from hf_distill.synthetic import PixelSet

POOL = FreshNetworks(network=ConvNet(width=4, depth=1))
LARGER = FreshNetworks(network=ConvNet(width=8, depth=2))


def method(steps=6, objective=None, **kwargs):
    objective = objective or DistributionMatching(pool=POOL, real_per_class=8, views=2, reuse=2)
    return OptimizedDistillation(
        synthetic=PixelSet(per_class=1),
        objective=objective,
        steps=steps,
        **{"lr": 10.0, "checkpoint_every": 2} | kwargs,
    )


def quiet(folder=None, **kwargs):
    return Run(folder=folder, progress=False, **kwargs)


@pytest.fixture(scope="module")
def digits():
    return RealData().setup()


def test_matching_lowers_the_loss_on_a_held_out_view(digits):
    judge = DistributionMatching(pool=LARGER, augment=None)
    losses = []
    for steps in (1, 40):
        matching = DistributionMatching(pool=LARGER, real_per_class=64)
        synthetic = method(steps, matching, lr=1.0).fit(digits, quiet())
        losses.append(judge(synthetic, digits, Streams(99))["features"].item())
    assert losses[1] < 0.7 * losses[0]


def test_the_same_seed_gives_the_same_set(digits):
    first, second = (method().fit(digits, quiet(seed=3)).pixels for _ in range(2))
    assert torch.equal(first, second)
    assert not torch.equal(first, method().fit(digits, quiet(seed=4)).pixels)


class Notes(Callback):
    """Writes down what it is called for."""

    def __init__(self):
        self.steps, self.logged, self.saved, self.ended = [], [], [], []

    def on_step_end(self, step, losses, synthetic):
        self.steps.append((step, round(losses["loss"], 3), synthetic.pixels.detach().mean().item()))

    def on_log(self, step, losses):
        self.logged.append((step, losses["loss"]))

    def on_checkpoint(self, step, folder):
        self.saved.append((step, any(folder.iterdir())))

    def on_end(self, synthetic):
        self.ended.append(synthetic.pixels.detach().clone())


def test_callbacks_look_on(digits, tmp_path):
    notes = Notes()
    made = method(log_every=3).distill(digits, quiet(tmp_path, callbacks=[notes]))
    assert [step for step, *_ in notes.steps] == [1, 2, 3, 4, 5, 6]
    assert notes.logged == [(entry["step"], entry["loss"]) for entry in made.history] and len(notes.logged) == 2
    assert notes.saved == [(2, True), (4, True), (6, True)]
    assert len({mean for *_, mean in notes.steps}) == 6, "they see the set as it is after each step"
    plain = method(log_every=3).distill(digits, quiet())
    assert torch.equal(plain.x, made.x) and len(notes.ended) == 1


class Stops(DistributionMatching):
    """Asks the process to stop in the middle of a step, as Ctrl-C would."""

    def forward(self, synthetic, real, streams):
        if streams.step == 2 and os.environ.get("STOP_AT_2"):
            os.kill(os.getpid(), signal.SIGINT)
        return super().forward(synthetic, real, streams)


@pytest.mark.parametrize(("optimizer", "cell_size"), [("sgd", 0), ("adam", 0), ("adam", 1)])
def test_an_interrupted_run_resumes_to_the_same_bytes(digits, tmp_path, monkeypatch, optimizer, cell_size):
    settings = {"pool": POOL, "real_per_class": 8, "views": 2, "reuse": 2}
    settings["cell_size"] = cell_size
    kwargs = {"optimizer": optimizer, "lr": 0.1, "schedule": "cosine", "checkpoint_every": 100}
    whole = method(objective=Stops(**settings), **kwargs).fit(digits, quiet(tmp_path / "a")).pixels
    monkeypatch.setenv("STOP_AT_2", "1")
    with pytest.raises(Interrupted, match="stopped after step 3 of 6; add --resume=true"):
        method(objective=Stops(**settings), **kwargs).fit(digits, quiet(tmp_path / "b"))
    monkeypatch.delenv("STOP_AT_2")
    resumed = method(objective=Stops(**settings), **kwargs).fit(digits, quiet(tmp_path / "b", resume=True)).pixels
    assert torch.equal(whole, resumed)


KILLED = """
    import os, signal, sys
    from hf_distill.data import RealData
    from hf_distill.networks import ConvNet
    from hf_distill.objectives import DistributionMatching
    from hf_distill.pools import FreshNetworks
    from hf_distill.synthetic import PixelSet
    from hf_distill.methods import OptimizedDistillation, Run
    from pathlib import Path

    class Dies(DistributionMatching):
        def on_step_end(self, synthetic):
            self.seen = getattr(self, "seen", 0) + 1
            if self.seen == 5:
                os.kill(os.getpid(), signal.SIGKILL)

    objective = Dies(pool=FreshNetworks(network=ConvNet(width=4, depth=1)), real_per_class=8, views=2, reuse=2)
    synthetic = PixelSet(per_class=1)
    method = OptimizedDistillation(synthetic=synthetic, objective=objective, steps=6, lr=10.0, checkpoint_every=2)
    method.fit(RealData(), Run(folder=Path(sys.argv[1]), progress=False))
"""


def test_a_killed_run_resumes_to_the_same_bytes(digits, tmp_path):
    class Dies(DistributionMatching):
        __module__, __qualname__ = "__main__", "Dies"  # as in the process that is killed

    settings = {"pool": POOL, "real_per_class": 8, "views": 2, "reuse": 2}
    whole = method(objective=Dies(**settings)).fit(digits, quiet()).pixels
    died = subprocess.run([sys.executable, "-c", textwrap.dedent(KILLED), str(tmp_path)], capture_output=True)
    assert died.returncode == -signal.SIGKILL, died.stderr.decode()
    assert [path.name for path in sorted((tmp_path / "checkpoints").iterdir())] == [
        "step-00000002.pt",
        "step-00000004.pt",
    ]
    with pytest.raises(UserError, match="holds an unfinished run"):
        method(objective=Dies(**settings)).fit(digits, quiet(tmp_path))
    resumed = method(objective=Dies(**settings)).fit(digits, quiet(tmp_path, resume=True)).pixels
    assert torch.equal(whole, resumed)


def test_a_checkpoint_of_another_run_is_refused(digits, tmp_path):
    method().fit(digits, quiet(tmp_path))
    with pytest.raises(UserError, match=r"another method\.init_args\.lr"):
        method(lr=3.0).fit(digits, quiet(tmp_path, resume=True))
    (tmp_path / "checkpoints" / "step-00000006.pt").write_bytes(b"half a file")
    with pytest.raises(UserError, match="cannot read the checkpoint"):
        method().fit(digits, quiet(tmp_path, resume=True))
    method(lr=3.0).fit(digits, quiet(tmp_path, overwrite=True))


class Bad(Objective):
    def forward(self, synthetic, real, streams):
        value = synthetic().x.square().sum()
        return {"value": value / 0 if streams.step == 4 else value * 1e-6}


def test_a_loss_that_is_not_finite_stops_the_run(digits, tmp_path):
    with pytest.raises(DivergenceError, match=r"not finite at step 5; .*step-00000004.pt"):
        method(objective=Bad()).fit(digits, quiet(tmp_path))
    saved = read_state(tmp_path / "checkpoints" / "step-00000004.pt", "the checkpoint", "")
    assert torch.isfinite(saved["state"]["synthetic"]["pixels"]).all()


def test_log_previews_and_clean_up(digits, tmp_path):
    run = quiet(tmp_path)
    done = method(log_every=2, preview_every=3)
    done.fit(digits, run)
    assert [json.loads(line)["step"] for line in (tmp_path / "log.jsonl").read_text().splitlines()] == [2, 4, 6]
    assert sorted(path.name for path in (tmp_path / "previews").iterdir()) == ["step-00000003.png", "step-00000006.png"]
    done.finish(tmp_path)
    assert not (tmp_path / "checkpoints").exists()


def test_more_samples_than_a_class_has(digits):
    with pytest.raises(UserError, match="fewer than the 1000"):
        OptimizedDistillation(synthetic=PixelSet(per_class=1000)).fit(digits, quiet())


def test_a_stream_is_distilled(digits):
    stream = RealData(streaming=True)
    synthetic = method(steps=2).fit(stream, quiet())
    assert synthetic.pixels.shape == (10, 1, 8, 8)


def test_coreset_is_real(digits):
    synthetic = Coreset(selector=RandomSelector(), per_class=2).fit(digits, quiet())
    stored = digits.spec.denormalize(synthetic.pixels)
    real = digits.train.raw(torch.arange(len(digits.train)))
    assert all((real == image).flatten(1).all(1).any() for image in stored)


def test_the_description_rebuilds_the_method():
    described = method(objective=DistributionMatching(augment=SiameseAugment(strategy="crop"))).config()
    assert described["init_args"]["objective"]["init_args"]["augment"]["init_args"]["strategy"] == "crop"
    assert json.loads(json.dumps(described)) == described


def test_time_and_history_are_part_of_the_record(digits, tmp_path, monkeypatch):
    options = {"steps": 6, "checkpoint_every": 2, "log_every": 1}
    quick = method(objective=Stops(pool=POOL, real_per_class=8), **options)
    whole = quick.distill(digits, quiet(tmp_path / "a"))
    logged = [json.loads(line) for line in (tmp_path / "a" / "log.jsonl").read_text().splitlines()]
    assert whole.history == logged and [entry["step"] for entry in logged] == [1, 2, 3, 4, 5, 6]
    assert whole.timing["steps"] == 6 and whole.timing["device"] == "cpu" and whole.timing["torch"] == torch.__version__
    assert 0 < whole.timing["seconds"] < 600 and "resumed_after" not in whole.timing
    # A run that is resumed tells all of its steps, those of the run before in the same folder are not its own.
    quick.distill(digits, quiet(tmp_path / "b"))
    monkeypatch.setenv("STOP_AT_2", "1")
    with pytest.raises(Interrupted):
        quick.distill(digits, quiet(tmp_path / "b", overwrite=True))
    monkeypatch.delenv("STOP_AT_2")
    resumed = quick.distill(digits, quiet(tmp_path / "b", resume=True))
    assert resumed.history == whole.history and resumed.timing["resumed_after"] == 3
    resumed.save_pretrained(tmp_path / "set")
    loaded = DistilledDataset.from_pretrained(tmp_path / "set")
    assert loaded.history == whole.history and loaded.timing == resumed.timing
    coreset = Coreset(per_class=1).distill(digits)
    assert coreset.history == [] and coreset.timing["seconds"] > 0


def test_a_long_history_is_thinned_evenly_to_its_last_step():
    entries = [{"step": step} for step in range(1, 1002)]
    assert thinned(entries[:200], 200) == entries[:200] and thinned([], 200) == []
    steps = [entry["step"] for entry in thinned(entries, 200)]
    assert len(steps) <= 200 and steps[-1] == 1001 and {b - a for a, b in itertools.pairwise(steps)} == {6}
