"""Evaluator: a published distilled dataset in, a table of numbers out."""

from __future__ import annotations

from abc import abstractmethod
from pathlib import Path
from typing import Generic

from typing_extensions import Self

from hf_distill.data.base import DataT
from hf_distill.evaluation.result import Evaluation
from hf_distill.hub.artifact import DistilledDataset
from hf_distill.parts import Part


class Evaluator(Part, Generic[DataT]):
    """Trains fresh networks on a published set and on its baselines, and tests them on held-out real data.

    What is measured is what anyone loads: samples come from the files, clipped and rounded. The last epoch counts,
    never the best one.

    Attributes:
        seeds: Networks that each row is the mean of.
        seed: The first of them.
        device: Where they are trained; ``auto`` takes a GPU where there is one.

    Examples:
        >>> from hf_distill import ClassificationEvaluator
        >>> evaluator = ClassificationEvaluator(seeds=5)
        >>> evaluator.quick().seeds, evaluator.alone().baselines
        (3, [])
    """

    seeds: int
    seed: int
    device: str
    _sketch: bool = False

    @abstractmethod
    def alone(self) -> Self:
        """Return a copy that measures the distilled set without any baseline."""

    @abstractmethod
    def quick(self) -> Self:
        """Return a copy that takes a minute where the protocol takes an hour: few networks, trained briefly."""

    @abstractmethod
    def evaluate(
        self,
        artifact: str | Path | DistilledDataset,
        real: DataT,
        output: str | Path | None = None,
        progress: bool = True,
        start: DistilledDataset | None = None,
    ) -> Evaluation:
        """Measure a distilled dataset.

        Args:
            artifact: Its folder or Hub id. One that is not saved yet is written to a temporary folder and read back.
            real: The data it was made from; its test split is measured on.
            output: Where to write the result as JSON; ``DistilledDataset.add_evaluation`` stores it in the artifact.
            progress: Show a progress bar.
            start: What the method started from, stored as the set is: measured as a baseline where there is one.

        Raises:
            UserError: The artifact and the data do not belong together, or an option is wrong.
            DivergenceError: A training diverged.
        """
