"""Sizes: what a reader downloads to train on a set, and what real samples take."""

from __future__ import annotations

from typing import Any

from hf_distill.data.spec import DataSpec
from hf_distill.hub.artifact import DistilledDataset


def real_bits(spec: DataSpec) -> int:
    """Return the size of one stored real sample with its label, in bits."""
    return spec.form.sample_bits(spec) + spec.bits_per_label


def config_bits(artifact: DistilledDataset) -> dict[str, int]:
    """Return the bits of each config, labels and side information included."""
    return {name: bits.total for name, bits in artifact.bits.items()}


def download_bits(artifact: DistilledDataset, soft: bool = False) -> int:
    """Return the fewest bits that a reader downloads to train on a set.

    Of a set with hard labels that is the smaller of its configs: the codes of a quantized set, the 8-bit images of one
    whose codes are float32. Soft labels are in the codes alone: a reader takes those with all of the codes, or with the
    published values.

    Args:
        artifact: The set.
        soft: It is trained on with its soft labels.
    """
    default, codes = artifact.bits["default"], artifact.bits["codes"]
    return min(default.total - default.labels + codes.labels if soft else default.total, codes.total)


def size_row(artifact: DistilledDataset, soft: bool = False) -> dict[str, Any]:
    """Return what a row says of a set's size: the bits that are compared, and those of both configs."""
    return {"bits": download_bits(artifact, soft), "config_bits": config_bits(artifact)}
