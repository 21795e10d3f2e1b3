"""Reading trained networks: folders of this library and of transformers, and files of weights."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from huggingface_hub import snapshot_download
from torch import nn

from hf_distill.connection import hub_requests
from hf_distill.data.spec import DataSpec
from hf_distill.errors import ArtifactError, UserError
from hf_distill.files import user_path
from hf_distill.networks.base import Architecture
from hf_distill.networks.transformers_adapter import TransformersClassifier
from hf_distill.networks.weights import load_weights
from hf_distill.parts import rebuilt
from hf_distill.training.experts import Adapted, Experts

#: What describes the networks of a folder.
TEACHER = "teacher.json"
VERSION = 1
_TRANSFORMERS, _PROCESSOR = "config.json", "preprocessor_config.json"
_DOWNLOAD = 3600.0

Units = tuple[Sequence[float], Sequence[float]]
"""Mean and deviation that inputs were normalised with."""


def weights_name(place: int, count: int) -> str:
    """Return the name of the weights of one of a folder's networks."""
    return "model.safetensors" if count == 1 else f"model-{place + 1}-of-{count}.safetensors"


def read_experts(
    path: str,
    spec: DataSpec,
    device: torch.device,
    *,
    network: Architecture | None = None,
    units: Units | None = None,
    classes: Sequence[str] | None = None,
) -> Experts:
    """Return trained networks for some data.

    Args:
        path: A folder, a file or a Hub id.
        spec: The data.
        device: Where the networks go.
        network: Their architecture; None for that of the folder.
        units: See :data:`Units`; None for those of the folder, and else for the data's.
        classes: Names of the outputs; None for those of the folder, and else for the data's.

    Raises:
        UserError: There is nothing of that name, it does not say what it is, or it is for other data.
        HubError: There is no such repository, or the Hub cannot be reached.
        ArtifactError: A folder of this library is damaged.
    """
    place = _found(path)
    files, known = [place], {}
    if (place / TEACHER).is_file():
        known = _described(place)
        files = [place / weights_name(k, known["count"]) for k in range(known["count"])]
        network = network or known["network"]
        _check_inputs(path, known["spec"], spec)
    elif (place / _TRANSFORMERS).is_file():
        network = network or TransformersClassifier(model=str(place))
        known = _of_transformers(place, spec)
    elif not place.is_file():
        raise UserError(f"teacher.path {path} holds neither {TEACHER} nor {_TRANSFORMERS}: it is no trained network")
    if network is None:
        raise UserError(f"teacher.path {path} is a file of weights, which does not say of what: set teacher.network")
    outputs = _outputs(path, classes or known.get("classes"), spec)
    found = []
    for file in files:
        built = _built(network, spec, len(classes or known.get("classes") or spec.classes))
        load_weights(built, file, whole=True)
        found.append(_adapted(built, units or known.get("units"), spec, outputs).to(device).eval())
    return Experts(found, path)


def _found(path: str) -> Path:
    place = user_path(path)
    if place.exists():
        return place
    if path.count("/") != 1 or path.startswith((".", "/", "~")):
        raise UserError(f"teacher.path {path}: there is no such file or folder, and it is no Hub id (namespace/name)")
    with hub_requests(path, seconds=_DOWNLOAD):
        return Path(snapshot_download(path, allow_patterns=["*.json", "*.safetensors"]))


def _described(folder: Path) -> dict[str, Any]:
    """Return what a folder of this library says of its networks."""
    try:
        values = json.loads((folder / TEACHER).read_text(encoding="utf-8"))
        version, count = values["version"], values["count"]
        if version > VERSION:
            raise UserError(f"{folder} is from a newer hf_distill: pip install -U hf-distill")
        spec = DataSpec.from_dict(values["spec"])
        if not (isinstance(count, int) and 1 <= count <= 1000):
            raise ValueError("count")
    except (OSError, LookupError, TypeError, ValueError) as error:
        if isinstance(error, UserError):
            raise
        raise ArtifactError(f"{folder / TEACHER} does not describe a teacher ({type(error).__name__})") from error
    described = values.get("network")
    return {
        "count": count,
        "spec": spec,
        # Somebody's own module is for whoever loads it to name.
        "network": None if described is None else rebuilt(described, Architecture),
        "units": (spec.mean, spec.std),
        "classes": spec.classes if spec.target == "classes" else None,
    }


def _of_transformers(folder: Path, spec: DataSpec) -> dict[str, Any]:
    """Return what a folder of a transformers model says of its inputs and outputs."""
    names = json.loads((folder / _TRANSFORMERS).read_text(encoding="utf-8")).get("id2label") or {}
    classes = [str(names[key]) for key in sorted(names, key=int)]
    known: dict[str, Any] = {}
    if classes and not all(name.startswith("LABEL_") for name in classes):
        known["classes"] = classes
    if spec.kind == "image" and (folder / _PROCESSOR).is_file():
        values = json.loads((folder / _PROCESSOR).read_text(encoding="utf-8"))
        known["units"] = values["image_mean"], values["image_std"]
    return known


def _check_inputs(path: str, own: DataSpec, spec: DataSpec) -> None:
    """Refuse data of another kind or shape than networks were trained on."""
    if own.kind != spec.kind or own.shape != spec.shape or own.target != spec.target:
        raise UserError(
            f"teacher.path {path} was trained on {own.form.plural} {own.shape} with {own.target}, and the data are "
            f"{spec.form.plural} {spec.shape} with {spec.target}: train one on these data"
        )
    if json.dumps(own.about) != json.dumps(spec.about):
        raise UserError(f"teacher.path {path} reads its {own.form.plural} in another way: train one on these data")


def _outputs(path: str, classes: Sequence[str] | None, spec: DataSpec) -> list[int] | None:
    """Return the output for each class of the data; None where they are in the same order."""
    if classes is None or list(classes) == list(spec.classes):
        return None
    places = {name: place for place, name in enumerate(classes)}
    missing = [name for name in spec.classes if name not in places]
    if missing:
        known = ", ".join(list(places)[:5])
        raise UserError(
            f"teacher.path {path} knows the classes {known}{', ...' if len(places) > 5 else ''} ({len(places)}), and "
            f"not {missing[0]!r} of the data: train one on these data, or name its outputs by teacher.classes"
        )
    return [places[name] for name in spec.classes]


def _built(network: Architecture, spec: DataSpec, outputs: int) -> nn.Module:
    if outputs == spec.num_outputs or spec.target != "classes":
        return network.build_for(spec, 0)
    return network.build(spec.shape, outputs, 0)


def _adapted(network: nn.Module, units: Units | None, spec: DataSpec, outputs: list[int] | None) -> nn.Module:
    same = units is None or (tuple(units[0]) == tuple(spec.mean) and tuple(units[1]) == tuple(spec.std))
    if same and outputs is None:
        return network
    return Adapted(network, units or (spec.mean, spec.std), spec, outputs)
