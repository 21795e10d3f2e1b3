"""The network that is taken, how it is trained, and what it costs."""

from __future__ import annotations

import json
from typing import Any

import torch

from hf_distill.augment.default import default_augment
from hf_distill.augment.siamese import SiameseAugment
from hf_distill.data.real import RealData
from hf_distill.networks.base import Architecture
from hf_distill.networks.convnet import ConvNet
from hf_distill.networks.cost import step_flops
from hf_distill.networks.default import default_network
from hf_distill.parts import Part

# Operations in a second: of one core, as networks of this size reach them, and of a GPU, which small ones leave idle.
_RATES = {"cpu": 5e10, "cuda": 5e12, "mps": 1e12}
# Channels of a network on a CPU; the field's 128 takes there fourteen times as long.
_CPU_WIDTH = 32


def chosen_network(real: RealData, device: torch.device) -> tuple[str, Architecture]:
    """Return the usual network for the data, narrow on a CPU, and what to say of it."""
    network, narrow = default_network(real.spec), ""
    if device.type == "cpu" and isinstance(network, ConvNet):
        narrow = "; narrow, for a CPU"
        network = ConvNet(width=_CPU_WIDTH, depth=network.depth)
    own = short(network)
    said = [] if isinstance(own, str) else [f"{name} {value}" for name, value in own["init_args"].items()]
    options = f" ({', '.join(said)})" if said else ""
    return f"{type(network).__name__}{options}, the usual one for such data{narrow}", network


def short(part: Part) -> dict[str, Any] | str:
    """Describe a part by the options that are not its defaults, or by its name where none is."""
    own, usual = part.config()["init_args"], type(part)().config()["init_args"]
    options = {name: value for name, value in own.items() if value != usual[name]}
    return {"class_path": type(part).__name__, "init_args": options} if options else type(part).__name__


def word(part: Part | None) -> str:
    """Describe a part, or none, as a word of a command line."""
    own = None if part is None else short(part)
    return own if isinstance(own, str) else json.dumps(own)


def evaluator_words(real: RealData, network: Architecture) -> list[str]:
    """Return the words for how a set is measured: the field's recipe with the usual augmentation of the kind."""
    augment = usual_augment(real)
    recipe = [] if augment is None else [f"--evaluator.recipe.augment={word(augment)}"]
    return [f"--evaluator.networks={json.dumps([short(network)])}", *recipe]


def usual_augment(real: RealData) -> Part | None:
    """Return the usual augmentation of the kind; grey images are not mirrored, they may be digits or letters."""
    augment = default_augment(real.spec)
    if isinstance(augment, SiameseAugment) and real.spec.shape[0] == 1:
        augment = SiameseAugment(strategy="color_crop_cutout_scale_rotate")
    return augment


def seconds_of(real: RealData, network: Architecture, images: float, device: torch.device) -> float:
    """Return about how long so many images take, forward and backward."""
    built = network.build_for(real.spec, 0)
    return images * step_flops(built, torch.zeros(1, *real.spec.shape), 1) / _RATES[device.type]
