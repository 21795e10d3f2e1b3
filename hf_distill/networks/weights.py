"""Weights of a network from a file."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor, nn

from hf_distill.errors import UserError
from hf_distill.networks.base import Classifier


@torch.no_grad()
def load_weights(network: nn.Module, path: Path, *, whole: bool = False) -> None:
    """Read a network's parameters and buffers from a file.

    Every one of them is what the file has under its name, or under the longest end of it: ``vit.layernorm.weight``
    stands for ``body.model.vit.layernorm.weight``. Only the head of a classifier may be missing or of another size,
    where the classes are others; it then stays as it is.

    Args:
        network: Changed in place.
        path: A ``safetensors`` file, or the folder of a transformers model.
        whole: The head must be there too; where the file calls it otherwise (``fc``, ``linear``), it is what nothing
            else of the network is.

    Raises:
        UserError: There is no such file, it cannot be read, or it does not hold the network.
    """
    found = _of_transformers(path) if path.is_dir() else _of_file(path)
    head = {f"head.{name}" for name in network.head.state_dict()} if isinstance(network, Classifier) else set()
    rest = dict(found)
    own_names = network.state_dict()
    for name in sorted(own_names, key=head.__contains__):  # the head last: what is left of the file is for it
        own, value = own_names[name], _longest_end(found, name)
        if name in head and value is None and whole:
            value = _left(rest, name)
        if value is not None and value.shape == own.shape:
            own.copy_(value)
            rest = {key: other for key, other in rest.items() if other is not value}
        elif (whole or name not in head) and not name.endswith("num_batches_tracked"):
            what = "no" if value is None else f"shape {tuple(value.shape)} for the {tuple(own.shape)} of"
            raise UserError(f"weights: {path} has {what} {name}: it holds another network")


def _of_file(path: Path) -> dict[str, Tensor]:
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    if not path.is_file():
        raise UserError(f"weights: there is no file {path}; save one with safetensors.torch.save_file")
    try:
        return load_file(path)
    except (SafetensorError, OSError) as error:
        raise UserError(f"weights: cannot read {path}: {error}") from error


def _of_transformers(folder: Path) -> dict[str, Tensor]:
    try:
        import transformers
    except ImportError as error:
        raise UserError(f"weights: {folder} needs transformers: pip install 'hf-distill[transformers]'") from error
    try:
        # Names in its files are not always those of its modules: the library knows.
        kind = transformers.AutoConfig.from_pretrained(folder).architectures[0]
        return getattr(transformers, kind).from_pretrained(folder).state_dict()
    except (OSError, ValueError, TypeError, AttributeError, IndexError) as error:
        reason = str(error).strip().splitlines()[0]
        raise UserError(f"weights: cannot load a transformers model from {folder}: {reason}") from error


def _left(rest: dict[str, Tensor], name: str) -> Tensor | None:
    """Return the only tensor of those left that ends as a name of the head does, ``weight`` or ``bias``."""
    fitting = [value for key, value in rest.items() if key.rpartition(".")[2] == name.rpartition(".")[2]]
    return fitting[0] if len(fitting) == 1 else None


def _longest_end(found: dict[str, Tensor], name: str) -> Tensor | None:
    parts = name.split(".")
    ends = (".".join(parts[start:]) for start in range(len(parts)))
    return next((found[end] for end in ends if end in found), None)
