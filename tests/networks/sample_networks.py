"""What a user's own module may hold, for the tests of CustomNetwork."""

from __future__ import annotations

import math

from torch import nn


def linear_last(shape, num_classes, hidden=7):
    return nn.Sequential(nn.Flatten(), nn.Linear(math.prod(shape), hidden), nn.ReLU(), nn.Linear(hidden, num_classes))


def no_linear_last(shape, num_classes):
    return nn.Sequential(nn.Flatten(), nn.Linear(math.prod(shape), num_classes), nn.Tanh())


def only_linear(shape, num_classes):
    return nn.Linear(shape[0], num_classes)


def wrong_outputs(shape, num_classes):
    return nn.Flatten()


def with_dropout(shape, num_classes):
    return nn.Sequential(
        nn.Flatten(), nn.Linear(math.prod(shape), 7), nn.ReLU(), nn.Dropout(0.5), nn.Linear(7, num_classes)
    )


def no_module(shape, num_classes):
    return 3
