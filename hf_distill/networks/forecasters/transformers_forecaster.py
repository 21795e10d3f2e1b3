"""TransformersForecaster: a forecaster of the transformers library, with random weights."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from hf_distill.errors import UserError
from hf_distill.networks.configuration import read_configuration
from hf_distill.networks.forecasters.base import Forecaster

#: Those that forecast from past values alone; the others also want calendar features of the future.
FORECASTERS = {"patchtst": "PatchTSTForPrediction", "patchtsmixer": "PatchTSMixerForPrediction"}


class TransformersForecaster(Forecaster):
    """A forecaster of transformers, built from a configuration with random weights. Needs no network.

    Look-back, horizon and the number of channels follow the data, and the loss is the mean squared error.

    Args:
        model: A transformers configuration: a dictionary with ``model_type``, ``patchtst`` or ``patchtsmixer``
            (``{"model_type": "patchtst", "d_model": 64, "num_hidden_layers": 2, "patch_length": 16}``), the path of a
            ``config.json`` or its folder, or a Hub id that has one (its configuration is taken, not its weights).
        name: Name in tables; the model type where it is not given.

    Examples:
        >>> import torch
        >>> from hf_distill import TransformersForecaster
        >>> small = {"model_type": "patchtst", "d_model": 16, "num_hidden_layers": 1}
        >>> network = TransformersForecaster(model=small).build(lookback=96, horizon=24, channels=7, seed=0)
        >>> network(torch.zeros(2, 96, 7)).shape
        torch.Size([2, 24, 7])
    """

    def __init__(self, *, model: dict[str, Any] | str, name: str | None = None) -> None:
        self.model = model
        self.name = name

    @classmethod
    def foreign(cls, options: Mapping[str, Any]) -> list[str]:
        """See :class:`Part`: a path, and a configuration that names code."""
        model = options.get("model")
        return [] if isinstance(model, dict) and "auto_map" not in model else ["model"]

    @property
    def label(self) -> str:
        """Name in tables."""
        return self.name or str(self._values()["model_type"])

    def config(self) -> dict[str, Any]:
        """See :class:`Part`; the configuration is written out, also where it was given as a path."""
        return {"class_path": type(self).__name__, "init_args": {"model": self._values(), "name": self.name}}

    def _values(self) -> dict[str, Any]:
        values = read_configuration(self.model)
        found = values.get("model_type")
        if found not in FORECASTERS:
            raise UserError(
                f"model_type {found!r} does not forecast from past values alone: choose {' or '.join(FORECASTERS)}"
            )
        return values

    def build_network(self, lookback: int, horizon: int, channels: int) -> nn.Module:
        """See :class:`Forecaster`."""
        values = dict(self._values())
        model_type = values.pop("model_type")
        try:
            import transformers
        except ImportError as error:
            raise UserError(
                "TransformersForecaster needs transformers: pip install 'hf-distill[transformers]'"
            ) from error
        values.update(context_length=lookback, prediction_length=horizon, num_input_channels=channels, loss="mse")
        try:
            config = transformers.AutoConfig.for_model(model_type, **values)
            model = getattr(transformers, FORECASTERS[model_type])(config)
            network = _Network(model.float()).eval()
            with torch.no_grad():
                network(torch.zeros(1, lookback, channels))
        except (TypeError, ValueError, RuntimeError) as error:
            reason = str(error).splitlines()[0]
            raise UserError(
                f"transformers builds no {model_type!r} for a look-back of {lookback}, a horizon of {horizon} and "
                f"{channels} channels ({reason}); adapt its configuration, patch_length for example"
            ) from error
        return network.train()


class _Network(nn.Module):
    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, x: Tensor) -> Tensor:
        return self.model(past_values=x).prediction_outputs
