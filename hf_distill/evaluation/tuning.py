"""RecipeSearch: the learning rate and the number of steps of each training set, chosen on held-out rows."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated

from hf_distill.options import Few, NotEmpty, PositiveFloat, PositiveInt
from hf_distill.parts import Part

Factors = Annotated[list[PositiveFloat], NotEmpty()]
"""Multiples of a recipe's own value."""


@dataclass(frozen=True)
class Setting:
    """A change of a recipe.

    Attributes:
        lr: What its learning rate is multiplied by.
        steps: What its number of steps is multiplied by.
    """

    lr: float = 1.0
    steps: float = 1.0


class RecipeSearch(Part):
    """Trains on every training set with several recipes and takes the one that is best on rows held out from testing.

    A recipe that was made with one kind of set in view serves that kind: a distilled set may be learned for exactly the
    steps that measure it, and random samples over-fit in as many. So the same settings are tried for the distilled set,
    for what it started from and for every baseline, with the same networks on the same rows, and each is then measured
    on the test rows with its own choice. The full data is left at the recipe as it is.

    The rows are training rows that no baseline has chosen, or the validation rows of a series. Test rows are never
    looked at. Training rows are new to real samples, but a distilled set was learned from them as well: they favour it,
    if at all, where it knows the training rows by heart.

    Args:
        lrs: Learning rates that are tried, as multiples of the recipe's.
        steps: Numbers of steps, as multiples of the recipe's.
        networks: Networks that each setting is the mean of; those that are tested begin with them.
        rows: Rows that are held out at most.

    Examples:
        >>> from hf_distill import RecipeSearch
        >>> search = RecipeSearch(lrs=[0.5, 1.0], steps=[1.0])
        >>> search.settings()
        [Setting(lr=1.0, steps=1.0), Setting(lr=0.5, steps=1.0)]
    """

    def __init__(
        self,
        *,
        lrs: Factors = [0.3, 1.0, 3.0],  # noqa: B006 - never changed
        steps: Factors = [0.5, 1.0, 2.0],  # noqa: B006
        networks: Few = 1,
        rows: PositiveInt = 5000,
    ) -> None:
        self.lrs = lrs
        self.steps = steps
        self.networks = networks
        self.rows = rows

    def settings(self) -> list[Setting]:
        """Return all settings, those that change less first: they win a tie."""
        found = [Setting(lr, steps) for lr in self.lrs for steps in self.steps]
        return sorted(
            found, key=lambda setting: (max(setting.lr, 1 / setting.lr), max(setting.steps, 1 / setting.steps))
        )

    def choose(self, scores: Mapping[Setting, float]) -> Setting:
        """Return the setting with the highest score."""
        order = {setting: place for place, setting in enumerate(self.settings())}
        return max(scores, key=lambda setting: (scores[setting], -order[setting]))

    def work(self, steps: float) -> float:
        """Return how many steps a search takes for a training set that the recipe trains for so many."""
        return self.networks * steps * len(self.lrs) * sum(self.steps)

    def run(
        self, names: list[str], measure: Callable[[Setting], Mapping[str, float]]
    ) -> dict[str, tuple[Setting, float]]:
        """Return the choice for each training set, and its score.

        Args:
            names: The training sets.
            measure: From a setting to the scores of all of them on the held-out rows, larger ones better.
        """
        scores: dict[str, dict[Setting, float]] = {name: {} for name in names}
        for setting in self.settings():
            for name, score in measure(setting).items():
                scores[name][setting] = score
        best = {name: self.choose(own) for name, own in scores.items()}
        return {name: (setting, scores[name][setting]) for name, setting in best.items()}
