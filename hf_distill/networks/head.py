"""Finding the linear head of a network that somebody else wrote."""

from __future__ import annotations

import torch
from torch import Tensor, nn


def find_head(network: nn.Module, num_outputs: int) -> str | None:
    """Return the name of the last linear layer with ``num_outputs`` outputs, or None where there is none."""
    names = [n for n, m in network.named_modules() if isinstance(m, nn.Linear) and m.out_features == num_outputs]
    return names[-1] if names else None


def take_head(network: nn.Module, name: str) -> nn.Linear:
    """Put an identity in the place of a linear layer, so that the network returns its features; return the layer."""
    parent, _, child = name.rpartition(".")
    owner = network.get_submodule(parent)
    head = owner.get_submodule(child)
    assert isinstance(head, nn.Linear)
    setattr(owner, child, nn.Identity())
    return head


@torch.no_grad()
def split(network: nn.Module, probe: Tensor, num_outputs: int) -> tuple[nn.Module, nn.Linear] | None:
    """Split a network into a body ``(B, *shape) -> (B, F)`` and its linear head, in place.

    Returns:
        Body and head, or None (network unchanged) where ``head(body(probe))`` is not what the network returns.
    """
    name = find_head(network, num_outputs)
    if not name:  # None, or "" where the network is nothing but its head
        return None
    training = network.training
    network.eval()
    expected = network(probe)
    head = take_head(network, name)
    features = network(probe)
    whole = features.dim() == 2 and features.shape[1] == head.in_features and torch.equal(head(features), expected)
    if not whole:
        parent, _, child = name.rpartition(".")
        setattr(network.get_submodule(parent), child, head)
    network.train(training)
    return (network, head) if whole else None
