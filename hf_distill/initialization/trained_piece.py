"""TrainedPiece: the piece of a real series that small networks learn most from, to start from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import torch
from torch import Tensor, nn

from hf_distill.data.batch import Batch
from hf_distill.data.series import SeriesData
from hf_distill.initialization.base import InitialSamples
from hf_distill.initialization.subseries import piece_starts
from hf_distill.networks.forecasters.base import Forecaster
from hf_distill.networks.forecasters.dlinear import DLinear
from hf_distill.networks.forecasters.small import RevMLP
from hf_distill.options import NonNegativeInt, NotEmpty, PositiveInt
from hf_distill.seeding import Streams
from hf_distill.training.forecast_recipe import ForecastRecipe
from hf_distill.training.schedules import Constant
from hf_distill.training.source import Drawn, Windows
from hf_distill.training.trainer import train_networks


class TrainedPiece(InitialSamples[SeriesData]):
    """Of some random pieces of the training series, the one on which small networks are trained best.

    On every piece each network is trained for a few steps and measured on windows of the whole training part; the piece
    with the lowest product of the networks' errors is taken. Networks with and without window normalisation want
    different pieces (level and season, or shape), and what is distilled from a piece keeps some of its faults: the
    choice is ours, as are its values.

    Args:
        candidates: Pieces that are compared.
        networks: What is trained on them; null for ``DLinear`` and ``RevMLP``.
        recipe: How they are trained, on windows drawn with replacement; null for 100 steps of Adam at 1e-3.
        windows: Windows that are measured, evenly spaced over the training part.
        max_channels: Channels of a wide series that are looked at, drawn at random; 0 for all.

    Examples:
        >>> from datasets import Dataset
        >>> from hf_distill import ForecastRecipe, RevLinear, SeriesData, TrainedPiece
        >>> from hf_distill.seeding import Streams
        >>> table = Dataset.from_dict({"load": [float(hour % 24) for hour in range(600)]})
        >>> real = SeriesData.from_dataset(table, lookback=24, horizon=12, splits=[400, 500, 600]).setup()
        >>> start = TrainedPiece(candidates=2, networks=[RevLinear()], recipe=ForecastRecipe(steps=2, epochs=0))
        >>> start.draw(real, 48, Streams(0)).x.shape
        torch.Size([48, 1])
    """

    def __init__(
        self,
        *,
        candidates: PositiveInt = 32,
        networks: Annotated[list[Forecaster], NotEmpty()] | None = None,
        recipe: ForecastRecipe | None = None,
        windows: PositiveInt = 400,
        max_channels: NonNegativeInt = 8,
    ) -> None:
        self.candidates = candidates
        self.networks: list[Forecaster] = [DLinear(), RevMLP()] if networks is None else networks
        self.recipe = ForecastRecipe(steps=100, epochs=0, schedule=Constant()) if recipe is None else recipe
        self.windows = windows
        self.max_channels = max_channels

    def draw(self, real: SeriesData, size: int, streams: Streams) -> Batch:
        """See :class:`InitialSamples`.

        Raises:
            UserError: An option is out of its range, the data is no series, or its training part is shorter.
        """
        starts = piece_starts(real, size, self.candidates, streams)
        values = real.train.values
        if size >= real.spec.window and len(set(starts)) > 1:
            costs = self.costs(real, [values[at : at + size] for at in starts], streams)
            starts = [starts[int(costs.argmin())]]
        return Batch.of(values[starts[0] : starts[0] + size], torch.arange(size, device=values.device))

    def costs(self, real: SeriesData, pieces: list[Tensor], streams: Streams) -> Tensor:
        """Return the mean logarithm of the networks' errors after training on each piece, ``(pieces,)``."""
        generator = streams.generator("trained_piece")
        channels = torch.randperm(real.spec.num_channels, generator=generator)
        channels = channels[: self.max_channels] if self.max_channels else channels
        rows = torch.linspace(0, len(real.train) - 1, min(self.windows, len(real.train))).long()
        x, y = real.train.batch(rows, channels)
        # The same network and the same batches for every piece.
        order = ("trained_piece_batches",)
        windows = [Windows(piece[:, channels.to(piece.device)], x.shape[1], y.shape[1]) for piece in pieces]
        errors = []
        for forecaster in self.networks:
            networks = [
                forecaster.build(x.shape[1], y.shape[1], x.shape[2], streams.seed_for("trained_piece")) for _ in pieces
            ]
            trained = train_networks(
                networks,
                [Drawn(own, order) for own in windows],
                [streams] * len(pieces),
                recipe=self.recipe,
                device=x.device,
                measure=_Error(x, y),
                tolerant=True,
            )
            errors.append([float("inf") if error is None else error for error in trained.measured])
        return torch.tensor(errors).log().mean(0).nan_to_num(float("inf"))  # an exploded training is no choice


@dataclass(frozen=True)
class _Error:
    """The mean squared error of a forecaster on some windows."""

    x: Tensor
    y: Tensor

    @torch.no_grad()
    def __call__(self, network: nn.Module) -> float:
        return nn.functional.mse_loss(network(self.x), self.y).item()
