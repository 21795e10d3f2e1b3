"""DistilledDataset: what a method gives, as a folder that equals its Hub repository."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import torch
from datasets import Dataset
from torch import Tensor

from hf_distill.data.batch import Batch
from hf_distill.data.spec import DataSpec
from hf_distill.errors import ArtifactError, UserError
from hf_distill.hub import publish, record, tables
from hf_distill.hub.card import render_card
from hf_distill.hub.preview import render_preview
from hf_distill.hub.storage import recover, refuse_foreign, replace_folder
from hf_distill.synthetic.base import Bits, Packed, Synthetic


def published_bits(spec: DataSpec, rows: int) -> Bits:
    """Return the exact size of config ``default``: values in the source's type and hard labels."""
    values = int(np.prod(spec.shape))
    return Bits(data=rows * values * spec.bits_per_value, labels=rows * spec.bits_per_label)


class DistilledDataset:
    """A distilled dataset with everything that is known about it.

    Config ``default`` holds the samples as the source holds its own (8-bit images, vectors of the source's type, hard
    labels); config ``codes`` holds the exact stored variables. Soft labels and weights are in the codes alone.

    Args:
        spec: What the samples are and where they came from.
        x: Inputs ``(M, *shape)``, normalised.
        y: Class indices ``(M,)`` or class probabilities ``(M, classes)``, of which the likeliest class is published.
        packed: The exact stored variables.
        bits: The exact size of ``packed``.
        config: The resolved configuration of the method, JSON.
        recipe: How to train on the set (network, steps, learning rate, augmentation), JSON.
        seed: The run's seed.
        timing: Seconds and other measurements of the run, JSON.
        history: Logged steps, JSON.
        citations: What to cite for the method, BibTeX or text.
        evaluation: The content of ``evaluation.json``, where the set has been evaluated.
        versions: Library versions; the present ones if None.

    Attributes:
        bits: Exact sizes of the configs ``default`` and ``codes``.
        folder: The local folder that holds this set, once saved or loaded from one.
    """

    def __init__(
        self,
        spec: DataSpec,
        x: Tensor,
        y: Tensor,
        packed: Packed,
        bits: Bits,
        config: dict[str, Any] | None = None,
        recipe: dict[str, Any] | None = None,
        *,
        seed: int = 0,
        timing: dict[str, Any] | None = None,
        history: Sequence[dict[str, Any]] = (),
        citations: Sequence[str] = (),
        evaluation: dict[str, Any] | None = None,
        versions: dict[str, str] | None = None,
    ) -> None:
        self.spec = spec
        self.x = x.detach().cpu()
        self.y = (y.argmax(1) if y.ndim == 2 else y).detach().cpu().long()
        self.packed = packed
        self.bits = {"default": published_bits(spec, len(self.y)), "codes": bits}
        self.config = dict(config or {})
        self.recipe = dict(recipe or {})
        self.seed = seed
        self.timing = dict(timing or {})
        self.history = list(history)
        self.citations = [citation for citation in citations if citation]
        self.evaluation = evaluation
        self.versions = versions or record.library_versions()
        self.folder: Path | None = None
        self._stored: np.ndarray | None = None
        self._files: dict[str, Any] | None = None

    @classmethod
    @torch.no_grad()
    def from_synthetic(cls, synthetic: Synthetic, **about: Any) -> DistilledDataset:
        """Publish what was learned; ``about`` are this class's arguments from ``config`` on."""
        batch = synthetic.decode(synthetic.codes())
        return cls(synthetic.spec, batch.x, batch.y, synthetic.pack(), synthetic.bits(), **about)

    def __len__(self) -> int:
        return len(self.y)

    @property
    def stored(self) -> np.ndarray:
        """The published values: uint8 images ``(M, C, H, W)`` or vectors ``(M, D)`` of the source's type."""
        if self._stored is None:
            self._stored = self.spec.denormalize(self.x).numpy().astype(self.spec.value_dtype)
        return self._stored

    def batch(self) -> Batch:
        """Return all samples: normalised inputs, class indices, weights of one."""
        return Batch.of(self.x, self.y)

    def codes(self) -> dict[str, Tensor]:
        """Return the exact stored variables; see :func:`hf_distill.hub.tables.code_tensors`."""
        return tables.code_tensors(self.packed)

    def to_dataset(self) -> Dataset:
        """Return config ``default``: a dataset with the source's column names and feature types."""
        return tables.to_dataset(self.spec, self.stored, self.y)

    def save_pretrained(self, folder: str | Path) -> Path:
        """Write the artifact; an interrupted save leaves what was there before whole.

        Files in the folder that are no part of an artifact (checkpoints, logs) stay; an older artifact is replaced as
        a whole, its evaluation included.

        Raises:
            UserError: The folder holds something else, or the file system refuses (full disk, no permission).
        """
        refuse_foreign(folder, marker=record.RECORD, allowed=record.WORKING_ENTRIES)
        with replace_folder(folder, keep=lambda name: name not in record.ENTRIES) as stage:
            files = self._write(stage)
        self.folder, self._files = Path(folder).expanduser(), files
        return self.folder

    def add_evaluation(self, evaluation: dict[str, Any]) -> None:
        """Store ``{"protocol": {...}, "rows": [...]}`` in place of an older evaluation and render the card again.

        In a saved set ``evaluation.json``, ``distillation.json`` and the card change together; the samples do not.

        Raises:
            ArtifactError: The folder holds another set by now.
        """
        if self.folder is not None:
            on_disk = record.read_record(self.folder)
            if on_disk["files"] != self._files:
                raise ArtifactError(f"{self.folder} holds another set since this one was read: evaluate it again")
            changed = (record.CARD, record.RECORD, record.EVALUATION)
            with replace_folder(self.folder, keep=lambda name: name not in changed) as stage:
                _write_texts(stage, {**on_disk, "evaluation": evaluation})
        self.evaluation = evaluation

    def push_to_hub(
        self,
        repo_id: str,
        *,
        private: bool = False,
        revision: str | None = None,
        token: str | None = None,
        commit_message: str | None = None,
    ) -> str:
        """Publish the set as a Hub dataset in one commit and return the commit's address.

        Args:
            repo_id: ``namespace/name``; made where it does not exist.
            private: Make it private.
            revision: The branch, made where it does not exist; ``main`` if None.
            token: The access token; the one of ``hf auth login`` if None.
            commit_message: The commit's title.

        Raises:
            UserError: The name is wrong, the token is missing or may not write, the repository holds something else.
        """
        publish.check_repo_id(repo_id)
        with tempfile.TemporaryDirectory() as temporary:
            self._write(Path(temporary), repo_id)
            return publish.push(Path(temporary), repo_id, private, revision, token, commit_message)

    @classmethod
    def from_pretrained(
        cls, folder_or_repo_id: str | Path, *, revision: str | None = None, token: str | None = None
    ) -> DistilledDataset:
        """Read a published set: its samples come from config ``default``, clipped and rounded as anyone gets them.

        Args:
            folder_or_repo_id: A local folder or a Hub dataset, ``namespace/name``.
            revision: Branch, tag or commit of the Hub dataset.
            token: The access token; the one of ``hf auth login`` if None.

        Raises:
            UserError: There is no such folder or repository, or it may not be read.
            ArtifactError: It is incomplete, corrupt or of a newer format; the message names the file.
        """
        local = Path(folder_or_repo_id).expanduser()
        recover(local)
        if not local.is_dir():
            return cls._read(publish.fetch(str(folder_or_repo_id), revision, token))
        if revision is not None:
            raise UserError(f"revision={revision!r} needs a Hub dataset, and {local} is a local folder: leave it out")
        loaded = cls._read(local)
        loaded.folder = local
        return loaded

    @classmethod
    def _read(cls, folder: Path) -> DistilledDataset:
        values = record.read_record(folder)
        record.verify_files(folder, values)
        try:
            spec = DataSpec.from_dict(values["spec"])
            bits = {name: Bits(size["data"], size["labels"], size["side"]) for name, size in values["bits"].items()}
            stored, y = tables.from_table(tables.read_parquet(folder / record.TABLES["default"]), spec)
            columns = tables.read_parquet(folder / record.TABLES["codes"]).to_pydict()
            packed = Packed(columns, values["codes"]["meta"])
            about = {
                key: values[key] for key in ("config", "recipe", "seed", "timing", "history", "citations", "versions")
            }
            x = spec.normalize(torch.from_numpy(np.ascontiguousarray(stored)))
            loaded = cls(spec, x, y, packed, bits["codes"], evaluation=values.get("evaluation"), **about)
        except (KeyError, TypeError, ValueError, pa.ArrowException) as error:
            reason = f"{type(error).__name__}: {error}".splitlines()[0]
            raise ArtifactError(f"{folder / record.RECORD} does not describe its tables ({reason})") from error
        if stored.shape != (values["rows"], *spec.shape):
            raise ArtifactError(
                f"{folder / record.TABLES['default']} holds {stored.shape}, not {values['rows']} samples"
            )
        loaded._stored, loaded._files = stored, values["files"]
        return loaded

    def _write(self, folder: Path, repo_id: str | None = None) -> dict[str, Any]:
        """Write all files of the artifact into an empty folder and return the record's list of tables."""
        datasets = {"default": self.to_dataset(), "codes": tables.codes_dataset(self.packed, self.spec)}
        files = {}
        for name, dataset in datasets.items():
            path = folder / record.TABLES[name]
            tables.write_parquet(dataset, path)
            files[record.TABLES[name]] = record.file_entry(path, len(dataset), dataset.data.nbytes)
        values = {
            "format_version": record.FORMAT_VERSION,
            "spec": self.spec.to_dict(),
            "rows": len(self),
            "bits": {name: {**asdict(bits), "total": bits.total} for name, bits in self.bits.items()},
            "codes": {"features": datasets["codes"].features.to_dict(), "meta": self.packed.meta},
            "config": self.config,
            "recipe": self.recipe,
            "seed": self.seed,
            "timing": self.timing,
            "history": self.history,
            "citations": self.citations,
            "versions": self.versions,
            "files": files,
            "evaluation": self.evaluation,
        }
        render_preview(self.spec, self.stored, self.y).save(folder / record.PREVIEW, optimize=True)
        _write_texts(folder, values, repo_id)
        return files


def _write_texts(folder: Path, values: dict[str, Any], repo_id: str | None = None) -> None:
    texts = {record.RECORD: record.to_json(values), record.CARD: render_card(values, repo_id)}
    if values["evaluation"] is not None:
        texts[record.EVALUATION] = record.to_json(values["evaluation"])
    for name, text in texts.items():
        (folder / name).write_text(text, encoding="utf-8")
