"""A run that ends with the moving average of its steps."""

import pytest
import torch

from hf_distill.data import RealData
from hf_distill.errors import Interrupted
from hf_distill.methods import OptimizedDistillation, Run
from hf_distill.methods.average import Average
from hf_distill.networks import ConvNet
from hf_distill.objectives import DistributionMatching
from hf_distill.synthetic import PixelSet
from tests.contract.test_configs import pictures


def test_an_average_forgets_by_its_decay():
    value = torch.tensor([1.0])
    average = Average([value], 0.75)
    for _ in range(2):
        value.fill_(5.0)
        average.update()
    average.apply()
    assert value.item() == pytest.approx(0.75**2 * 1 + (1 - 0.75**2) * 5)


class Seen(DistributionMatching):
    """Keeps the set after every step, and stops once."""

    after = []
    stop = None

    def on_step_end(self, synthetic):
        super().on_step_end(synthetic)
        Seen.after.append(synthetic.pixels.detach().clone())
        if len(Seen.after) == Seen.stop:
            import os
            import signal

            os.kill(os.getpid(), signal.SIGINT)


def test_the_set_is_the_average_of_its_steps_also_resumed(tmp_path):
    real = RealData.from_dataset(pictures((8, 8), "0123456789", 6)["train"])

    def fit(folder, **options):
        objective = Seen(network=ConvNet(width=4, depth=1), real_per_class=4, augment=None)
        method = OptimizedDistillation(
            synthetic=PixelSet(per_class=1), objective=objective, steps=5, lr=10.0, average=0.5, preview_every=0
        )
        return method.fit(real, Run(folder=tmp_path / folder, progress=False, **options)).pixels.detach()

    Seen.after, Seen.stop = [], None
    whole = fit("whole")
    # The weights of the start and of five steps.
    shares = [0.5 ** (6 - step) for step in range(1, 6)]
    start = (whole - sum(share * own for share, own in zip(shares, Seen.after, strict=True))) / 0.5**5
    begun = real.spec.denormalize(start).float()
    assert len(Seen.after) == 5 and not torch.equal(whole, Seen.after[-1])
    assert (begun - real.train.raw(torch.arange(len(real.train)))[:, None]).flatten(2).abs().amax(2).amin(0).max() <= 1
    Seen.after, Seen.stop = [], 2
    with pytest.raises(Interrupted):
        fit("parted")
    Seen.stop = None
    assert torch.equal(fit("parted", resume=True), whole)
