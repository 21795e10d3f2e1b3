"""TrainedPiece: the piece of a real series that small networks learn most from, to start from."""

from __future__ import annotations

from typing import Annotated

import torch
from torch import Tensor, nn

from hf_distill.data.batch import Batch
from hf_distill.data.series import SeriesData
from hf_distill.initialization.base import InitialSamples
from hf_distill.initialization.subseries import piece_starts
from hf_distill.networks.cost import one_thread
from hf_distill.networks.forecasters.base import Forecaster
from hf_distill.networks.forecasters.dlinear import DLinear
from hf_distill.networks.forecasters.small import RevMLP
from hf_distill.options import NonNegativeInt, NotEmpty, PositiveFloat, PositiveInt
from hf_distill.seeding import Streams


class TrainedPiece(InitialSamples[SeriesData]):
    """Of some random pieces of the training series, the one on which small networks are trained best.

    On every piece each network is trained for a few steps and measured on windows of the whole training part; the piece
    with the lowest product of the networks' errors is taken. Networks with and without window normalisation want
    different pieces (level and season, or shape), and what is distilled from a piece keeps some of its faults: the
    choice is ours, as are its values.

    Args:
        candidates: Pieces that are compared.
        networks: What is trained on them; null for ``DLinear`` and ``RevMLP``.
        steps: Adam steps, at a constant learning rate.
        lr: Learning rate.
        batch: Windows of a step.
        windows: Windows that are measured, evenly spaced over the training part.
        max_channels: Channels of a wide series that are looked at, drawn at random; 0 for all.
    """

    def __init__(
        self,
        *,
        candidates: PositiveInt = 32,
        networks: Annotated[list[Forecaster], NotEmpty()] | None = None,
        steps: PositiveInt = 100,
        lr: PositiveFloat = 1e-3,
        batch: PositiveInt = 32,
        windows: PositiveInt = 400,
        max_channels: NonNegativeInt = 8,
    ) -> None:
        self.candidates = candidates
        self.networks: list[Forecaster] = [DLinear(), RevMLP()] if networks is None else networks
        self.steps = steps
        self.lr = lr
        self.batch = batch
        self.windows = windows
        self.max_channels = max_channels

    def draw(self, real: SeriesData, size: int, streams: Streams) -> Batch:
        """See :class:`InitialSamples`.

        Raises:
            UserError: An option is out of its range, the data is no series, or its training part is shorter.
        """
        starts = piece_starts(real, size, self.candidates, streams)
        values = real.train.values
        if size >= real.spec.window:
            costs = self.costs(real, [values[at : at + size] for at in starts], streams)
            starts = [starts[int(costs.argmin())]]
        return Batch.of(values[starts[0] : starts[0] + size], torch.arange(size, device=values.device))

    def costs(self, real: SeriesData, pieces: list[Tensor], streams: Streams) -> Tensor:
        """Return the mean logarithm of the networks' errors after training on each piece, ``(pieces,)``."""
        generator = streams.generator("trained_piece")
        channels = torch.randperm(real.spec.num_channels, generator=generator)
        channels = channels[: self.max_channels] if self.max_channels else channels
        rows = torch.linspace(0, len(real.train) - 1, min(self.windows, len(real.train))).long()
        x, y = (part[..., channels.to(part.device)] for part in real.train.batch(rows))
        with one_thread(x.device.type == "cpu"):
            errors = [
                [self._error(network, piece.to(x.device)[:, channels.to(x.device)], x, y, streams) for piece in pieces]
                for network in self.networks
            ]
        costs = torch.tensor(errors).log().mean(0)
        return costs.nan_to_num(float("inf"))  # an exploded training is no choice

    def _error(self, forecaster: Forecaster, piece: Tensor, x: Tensor, y: Tensor, streams: Streams) -> float:
        lookback, horizon = x.shape[1], y.shape[1]
        # The same network and the same batches for every piece.
        generator = streams.generator("trained_piece_batches")
        network = forecaster.build(lookback, horizon, x.shape[2], streams.seed_for("trained_piece")).to(x.device)
        optimizer = torch.optim.Adam(network.parameters(), lr=self.lr, fused=True)
        windows = piece.unfold(0, lookback + horizon, 1).transpose(1, 2)
        for _ in range(self.steps):
            window = windows[torch.randint(len(windows), (self.batch,), generator=generator).to(windows.device)]
            optimizer.zero_grad()
            nn.functional.mse_loss(network(window[:, :lookback]), window[:, lookback:]).backward()
            optimizer.step()
        network.eval()
        with torch.no_grad():
            return nn.functional.mse_loss(network(x), y).item()
