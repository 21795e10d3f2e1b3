"""CustomNetwork: the user's own module, named by its import path."""

from __future__ import annotations

import contextlib
import importlib
import inspect
import os
import sys
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from hf_distill.errors import UserError
from hf_distill.networks.base import Architecture, Classifier, FeatureNetwork
from hf_distill.networks.copies import FreshCopies
from hf_distill.networks.head import split
from hf_distill.options import Text
from hf_distill.seeding import seeded
from hf_distill.text import shorten


class _Whole(FeatureNetwork):
    """A network that does not end in a linear head: it classifies, but gives no features."""

    def __init__(self, network: nn.Module, build: str) -> None:
        super().__init__()
        self.network = network
        self.build = build

    def features(self, x: Tensor) -> Tensor:
        raise UserError(
            f"the network of {self.build} does not end in an nn.Linear, so it has no features; it can be evaluated on, "
            "but not distilled with a method that needs features (return a hf_distill Classifier from it for that)"
        )

    def forward(self, x: Tensor) -> Tensor:
        return self.network(x)


class CustomNetwork(Architecture):
    """Any ``nn.Module``, built by a function or a class of the user's.

    It is called with the shape of an input and the number of classes, or with nothing where it takes nothing. The
    module maps ``(B, *shape)`` to logits ``(B, num_classes)``. Where it ends in an ``nn.Linear``, what enters that
    are its features. :meth:`of` takes what Python holds already.

    Args:
        function: Import path of the function or class, ``my_package.my_module:my_function``.
        kwargs: Further keyword arguments for it.
        name: Name in tables; the function's name where it is not given.

    Examples:
        In YAML:

            evaluator:
              class_path: ClassificationEvaluator
              init_args:
                networks: [{class_path: CustomNetwork, init_args: {function: "my_module:build", name: mine}}]
    """

    def __init__(self, *, function: Text, kwargs: dict[str, Any] | None = None, name: str | None = None) -> None:
        self.function = function
        self.kwargs = kwargs
        self.name = name
        self._held: Any = None

    @classmethod
    def of(cls, network: Any) -> CustomNetwork:
        """Return the description of a function or class that is there, or of a module, of which fresh copies are made.

        Raises:
            UserError: The module has parameters that nothing draws anew.
        """
        if isinstance(network, nn.Module):
            name = type(network).__name__
            made = cls(function=f"a {name} that Python held", name=name)
            made._held = FreshCopies(network)
            return made
        path = getattr(network, "__qualname__", type(network).__qualname__)
        name = path.rpartition(".")[2]
        made = cls(function=f"{network.__module__}:{path}", name=name if name.isidentifier() else "network")
        made._held = network
        return made

    @classmethod
    def foreign(cls, options: Mapping[str, Any]) -> list[str]:
        """See :class:`Part`."""
        return ["function"]

    @property
    def label(self) -> str:
        """Name in tables."""
        return self.name or self.function.rpartition(":")[2]

    def _load(self) -> Any:
        if self._held is not None:
            return self._held
        module_name, colon, name = self.function.partition(":")
        if not (module_name and colon and name):
            raise UserError(f"function {self.function!r} is no import path; write my_package.my_module:my_function")
        here = os.getcwd()
        try:
            # The current folder comes last, and for this import alone: it must not stand in for a library.
            sys.path.append(here)
            return getattr(importlib.import_module(module_name), name)
        except ModuleNotFoundError as error:
            raise UserError(
                f"cannot import {module_name!r} ({error}); install it or set PYTHONPATH to its folder"
            ) from error
        except AttributeError as error:
            raise UserError(f"module {module_name!r} has no {name!r}") from error
        finally:
            sys.path.remove(here)

    def _made(self, function: Any, *task: Any) -> Any:
        """Call the function with the shape and the number of classes, or with neither where it takes neither."""
        kwargs = self.kwargs or {}
        takes = inspect.signature(function)
        for args in (task, ()):
            with contextlib.suppress(TypeError):
                takes.bind(*args, **kwargs)
                break
        else:
            raise UserError(f"{self.function} takes {takes}; it must take (shape, num_classes), or nothing")
        try:
            return function(*args, **kwargs)
        except (TypeError, ValueError, RuntimeError) as error:
            called = ", ".join(map(str, args))
            raise UserError(
                f"{self.function}({called}) raised {type(error).__name__}: {shorten(str(error))}"
            ) from error

    def build_body(self, shape: tuple[int, ...]) -> nn.Module:
        """Not used: :meth:`build` makes body and head at once."""
        raise NotImplementedError

    def build(self, shape: tuple[int, ...], num_classes: int, seed: int) -> FeatureNetwork:
        """See :class:`Architecture`."""
        function = self._load()
        with seeded(seed):
            network = self._made(function, tuple(shape), num_classes)
            if not isinstance(network, nn.Module):
                raise UserError(
                    f"{self.function} returned a {type(network).__name__}; it must return a torch.nn.Module"
                )
            if isinstance(network, Classifier):
                return network
            probe = torch.randn(2, *shape)
            with torch.no_grad():
                found = tuple(network.eval()(probe).shape)
            network.train()
            if found != (2, num_classes):
                raise UserError(
                    f"the network of {self.function} returned shape {found} for two inputs of shape {tuple(shape)}; "
                    f"it must return logits of shape (2, {num_classes})"
                )
            parts = split(network, probe, num_classes)
        if parts is None:
            return _Whole(network, self.function)
        # Already initialised: put the user's own layers into the shell.
        with seeded(seed):
            classifier = Classifier(parts[0], parts[1].in_features, num_classes)
        classifier.head = parts[1]
        return classifier
