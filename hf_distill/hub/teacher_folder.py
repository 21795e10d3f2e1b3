"""Writing trained networks to a folder that equals its Hub repository: weights, what they are, and a card."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from huggingface_hub import ModelCard, ModelCardData

from hf_distill.data.spec import DataSpec
from hf_distill.errors import UserError
from hf_distill.hub.private import without_private_paths
from hf_distill.hub.record import library_versions, to_json
from hf_distill.hub.storage import replace_folder
from hf_distill.markdown import as_json, cell
from hf_distill.networks.base import Architecture
from hf_distill.networks.default import default_network
from hf_distill.parts import rebuilt
from hf_distill.training.experts import Experts
from hf_distill.training.teacher_files import TEACHER, VERSION, weights_name

_CARD = "README.md"


def save_teacher(
    experts: Experts,
    folder: Path,
    spec: DataSpec,
    config: dict[str, Any],
    measured: dict[str, float] | None = None,
) -> None:
    """Write networks; an interrupted write leaves what was there before.

    Args:
        experts: The networks, as they were trained.
        folder: Where; what is no part of such a folder stays.
        spec: What they were trained on.
        config: ``teacher``, ``data`` and ``seed`` of the training, JSON.
        measured: What they score on the test rows.
    """
    from safetensors.torch import save_file

    count = len(experts.networks)
    described = config["teacher"]["init_args"]["network"] or default_network(spec).config()
    record = {
        "version": VERSION,
        "count": count,
        "network": described if _is_ours(described) else None,
        "spec": {**spec.to_dict(), "source": without_private_paths(spec.source)},
        "config": without_private_paths(config),
        "measured": measured or {},
        "identity": experts.identity(),
        "versions": library_versions(),
    }
    names = [weights_name(place, count) for place in range(count)]
    with replace_folder(folder, keep=lambda name: name not in (TEACHER, _CARD, *names), last=TEACHER) as stage:
        for name, network in zip(names, experts.networks, strict=True):
            state = {key: value.detach().cpu().contiguous() for key, value in network.state_dict().items()}
            save_file(state, stage / name, metadata={"format": "pt"})
        (stage / _CARD).write_text(_card(record, spec), encoding="utf-8")
        (stage / TEACHER).write_text(to_json(record), encoding="utf-8")


def _is_ours(described: dict[str, Any]) -> bool:
    """Tell whether a network can be built of its description alone: whose module is somebody's own cannot."""
    try:
        rebuilt(described, Architecture)
    except UserError:
        return False
    return True


def _card(record: dict[str, Any], spec: DataSpec) -> str:
    """Return the model card."""
    source = str(record["spec"]["source"].get("path") or "its data").rstrip("/").rsplit("/", 1)[-1]
    head = ModelCardData(library_name="hf-distill", tags=["dataset-distillation"], pipeline_tag=spec.task)
    network = json.dumps(record["network"]) if record["network"] else "a module of its author's"
    scores = "".join(f"\n- {name}: {value:.4f} on the test rows" for name, value in record["measured"].items())
    what = "a network" if record["count"] == 1 else f"{record['count']} networks"
    return str(
        ModelCard(
            f"---\n{head.to_yaml()}\n---\n\n# A teacher for {cell(source)}\n\n"
            f"{what[0].upper()}{what[1:]} trained on {spec.num_rows:,} rows with {spec.num_classes} classes "
            f"({cell(', '.join(spec.classes[:10]))}{', ...' if spec.num_classes > 10 else ''}), "
            f"to label and to distill with `hf_distill`: `Teacher(path=...)` loads this folder, or its Hub id.\n"
            f"\n- network: {cell(network)}{scores}\n- sha256 of the weights: {record['identity']['sha256']}\n\n"
            f"## How it was made\n\n```json\n{as_json(record['config'])}\n```\n"
        )
    )
