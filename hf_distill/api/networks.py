"""as_network: what people hold in their hands as a network, as the description of one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import nn

import hf_distill
from hf_distill.errors import UserError
from hf_distill.lazy import homes
from hf_distill.networks.base import Architecture
from hf_distill.networks.configuration import read_configuration
from hf_distill.networks.custom import CustomNetwork
from hf_distill.networks.forecasters.base import Forecaster
from hf_distill.networks.forecasters.transformers_forecaster import FORECASTERS, TransformersForecaster
from hf_distill.networks.transformers_adapter import TransformersClassifier


def as_network(network: Any) -> Architecture | Forecaster:
    """Return the description of a network, of which fresh ones are built; no weights are taken over.

    Args:
        network: A description, its class or its name, ``"ConvNet"``; a class or a function that makes an ``nn.Module``
            of a shape and a number of classes, or of nothing, or its import path, ``"my_module:build"``; an
            ``nn.Module``; a configuration or a model of transformers; or a folder or Hub id that has one.

    Raises:
        UserError: It is none of these.

    Examples:
        >>> from torch import nn
        >>> from hf_distill import as_network
        >>> as_network("ConvNet"), as_network(nn.Linear(4, 3)).label, as_network({"model_type": "vit"}).label
        (ConvNet(), 'Linear', 'vit')
    """
    if isinstance(network, (Architecture, Forecaster)):
        return network
    if isinstance(network, str):
        return _named(network)
    if isinstance(network, type) and issubclass(network, (Architecture, Forecaster)):
        return network()
    config = getattr(network, "config", network)  # of a model of transformers
    if hasattr(config, "to_dict") and hasattr(config, "model_type"):
        return _transformers(config.to_dict())
    if isinstance(network, Mapping):
        return _transformers(dict(network))
    if isinstance(network, nn.Module) or callable(network):
        return CustomNetwork.of(network)
    raise UserError(
        f"a network is a {type(network).__name__}; it must be one of hf_distill or its name, an nn.Module, a class or "
        "function that makes one, or a configuration of transformers, its folder or its Hub id"
    )


def _named(name: str) -> Architecture | Forecaster:
    if ":" in name:
        return CustomNetwork(function=name)
    known = getattr(hf_distill, name) if homes().get(name, "").startswith("hf_distill.networks.") else None
    return _transformers(read_configuration(name)) if known is None else as_network(known)


def _transformers(values: dict[str, Any]) -> Architecture | Forecaster:
    kind = TransformersForecaster if values.get("model_type") in FORECASTERS else TransformersClassifier
    made: Architecture | Forecaster = kind(model=values)
    made.config()  # refuses one that names no model
    return made
