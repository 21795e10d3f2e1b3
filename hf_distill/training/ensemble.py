"""Ensemble: several teachers that are asked together."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from hf_distill.data.real import RealData
from hf_distill.options import NotEmpty
from hf_distill.training.experts import Experts
from hf_distill.training.teacher import Teacher


class Ensemble(Teacher):
    """Several teachers that are asked together: their networks' probabilities are averaged.

    Args:
        members: The teachers.

    Examples:
        >>> from hf_distill import MLP, Ensemble, RealData, Recipe, Teacher
        >>> members = [Teacher(network=MLP(width=width), recipe=Recipe(epochs=1)) for width in (8, 16)]
        >>> len(Ensemble(members=members).experts(RealData().setup()).networks)
        2
    """

    def __init__(self, *, members: Annotated[list[Teacher], NotEmpty()]) -> None:
        self.members = members

    @classmethod
    def foreign(cls, options: Mapping[str, Any]) -> list[str]:
        """See :class:`Part`: each member says it of itself."""
        return []

    def check(self, real: RealData) -> None:
        """See :class:`Teacher`: of each member."""
        for member in self.members:
            member.check(real)

    def _made(self, real: RealData) -> Experts:
        found = [member.experts(real) for member in self.members]
        networks = [network for one in found for network in one.networks]
        return Experts(networks, "; ".join(one.source for one in found))
