"""DistilledDataset: what a method gives, as a folder that equals its Hub repository."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Generic, Literal

import numpy as np
import pyarrow as pa
import torch
from datasets import Dataset
from torch import Tensor

from hf_distill.data.base import SpecT
from hf_distill.data.batch import Batch
from hf_distill.errors import UserError
from hf_distill.files import user_path
from hf_distill.hub import publish, record, tables
from hf_distill.hub.about import About
from hf_distill.hub.exact import check_decoder, exact, exact_columns, exact_weights
from hf_distill.hub.formats import format_of
from hf_distill.hub.measured import store_evaluation
from hf_distill.hub.pictures import Pictures, encode_pictures
from hf_distill.hub.reading import explained, read_contents
from hf_distill.hub.shown import Shown
from hf_distill.hub.soft_examples import SoftExamples
from hf_distill.hub.storage import recover, refuse_foreign, replace_folder
from hf_distill.hub.writing import write_contents
from hf_distill.synthetic.base import Bits, Packed, Synthetic


class DistilledDataset(Shown, Generic[SpecT]):
    """A distilled dataset with everything that is known about it.

    Config ``default`` holds the samples as the source holds its own (8-bit images, vectors of the source's type, hard
    labels, the channels of a series), with a column of weights where these are not all one, and one of class
    probabilities where labels are soft; config ``codes`` holds the exact stored variables. Labels of views are in the
    codes alone.

    Args:
        spec: What the samples are and where they came from: a ``DataSpec`` or a ``SeriesSpec``.
        x: Inputs, normalised: samples ``(M, *shape)``, one series ``(M, N)``, or several of one length ``(S, M, N)``.
        y: Class indices ``(M,)`` or class probabilities ``(M, classes)``, of which the likeliest class is published, of
            views ``(M, views, classes)`` that of the first; series have none and ignore it.
        packed: The exact stored variables.
        bits: The exact size of ``packed``.
        config: The resolved configuration of the method, JSON.
        recipe: How to train on the set (network, steps, augmentation, a learned ``lr``), JSON.
        seed: The run's seed.
        timing: Seconds and other measurements of the run, JSON.
        history: Logged steps, JSON.
        citations: What to cite for the method, BibTeX or text.
        evaluation: The content of ``evaluation.json``, where the set has been evaluated.
        versions: Library versions; the present ones if None.
        pictures: Further pictures for the card by file names, their captions, as Pillow images or PNG bytes.
        about: What its maker says of it on the card, as :meth:`About.to_dict` has it.
        w: Weights of the samples ``(M,)``, 1 on average; all one if None.
        stored: The published values, where these are more than ``x`` tells: texts.
        labels: The published label columns, where these are more than ``y`` tells.

    Attributes:
        bits: Exact sizes of the configs ``default`` and ``codes``.
        folder: The local folder that holds this set, once saved or loaded from one.
        other_evaluations, audit: What was measured by other protocols, and what an ``Audit`` found.
        layout: What a reader must know beside the rows of config ``default``, JSON.
        pictures: PNG bytes by file name.
        evaluation_pictures: Names of those that the evaluation brought, which the next one replaces.

    Examples:
        >>> from hf_distill import Coreset, RealData
        >>> distilled = Coreset(per_class=2).distill(RealData())
        >>> len(distilled), distilled[0]["label"], list(distilled.to_dataset().features)
        (20, 0, ['image', 'label'])
    """

    def __init__(
        self,
        spec: SpecT,
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
        pictures: Pictures | None = None,
        about: dict[str, Any] | None = None,
        w: Tensor | None = None,
        stored: np.ndarray | None = None,
        labels: pa.Table | None = None,
    ) -> None:
        self._format = format_of(spec.task)
        self.spec = spec
        self.x = x.detach().cpu()
        self.y = self._format.labels(spec, self.x, y)
        self.w = torch.ones(len(self.y)) if w is None else w.detach().cpu().float()
        self.packed = packed
        self.layout = self._format.layout(spec, self.x, self.w, packed)
        self._stored = stored
        self._labels = labels
        content = stored if stored is not None or not self._format.varies(spec) else self.stored
        default = self._format.published_bits(spec, len(self), self.layout, content)
        self.bits = {"default": default, "codes": bits}
        self.config = dict(config or {})
        self.recipe = dict(recipe or {})
        self.seed = seed
        self.timing = dict(timing or {})
        self.history = list(history)
        self.citations = [citation for citation in citations if citation]
        self.evaluation = evaluation
        self.other_evaluations: list[dict[str, Any]] = []
        self.audit: dict[str, Any] | None = None
        self.about = dict(about or {})
        self.versions = versions or record.library_versions()
        self.pictures = encode_pictures(pictures or {})
        self.evaluation_pictures: list[str] = []
        self.folder: Path | None = None
        self._files: dict[str, Any] | None = None

    @classmethod
    @torch.no_grad()
    def from_synthetic(cls, synthetic: Synthetic, **about: Any) -> DistilledDataset:
        """Publish what was learned; ``about`` are this class's arguments from ``config`` on."""
        with synthetic.own_labels():
            batch = synthetic()
        packed = synthetic.pack()
        if synthetic.weight_part is not None:
            about["w"] = torch.from_numpy(exact_weights(packed, len(batch)))  # those that the codes are read as
        about |= {"stored": synthetic.stored(batch.x), "labels": synthetic.stored_labels(batch.y)}
        return cls(synthetic.spec, batch.x, batch.y, packed, synthetic.bits(), **about)

    def __len__(self) -> int:
        return self._format.rows(self.x)

    @property
    def stored(self) -> np.ndarray:
        """The published values: uint8 images ``(M, C, H, W)``, vectors ``(M, D)`` or time steps ``(M, N)``."""
        if self._stored is None:
            self._stored = self._format.store(self.spec, self.x)
        return self._stored

    def batch(self, labels: Literal["hard", "soft"] = "hard") -> Batch:
        """Return all samples: normalised inputs, labels and the published weights.

        Args:
            labels: ``hard`` gives class indices (zeros for a series), ``soft`` the class probabilities that the codes
                hold. Of a set with several views of an image, ``soft`` gives all of them, each with its label.

        Raises:
            UserError: Soft labels are wanted and there are none.
        """
        if labels == "hard":
            return Batch(self.x, self.y, self.w)
        return SoftExamples.of(self.x, self.w, self.packed).whole()

    def codes(self) -> dict[str, Tensor]:
        """Return what config ``codes`` stores, by column; the values of quantized variables."""
        return exact_columns(self.packed)

    def exact(self) -> Batch:
        """Return the exact samples that the codes hold, with their labels, soft ones where there are any, and weights.

        Raises:
            ArtifactError: The codes do not fit their description, or it is somebody's own set that nothing is known of.
        """
        x, y, w = (None if part is None else torch.from_numpy(part.copy()) for part in exact(self.packed, self.spec))
        assert x is not None
        return Batch.of(x, self.y if y is None else y, w)

    def to_dataset(self, rows: slice | None = None) -> Dataset:
        """Return config ``default``, or some rows of it, with the source's column names and feature types."""
        rows = rows or slice(len(self))
        labels = None if self._labels is None else self._labels[rows]
        made = self._format.to_dataset(self.spec, self.stored[rows], self.y[rows], self.w[rows], self.layout, labels)
        soft = self.layout.get("soft")
        return made if soft is None else tables.with_probabilities(made, soft, self.packed, rows)

    def save_pretrained(self, folder: str | Path) -> Path:
        """Write the artifact; an interrupted save leaves what was there before whole.

        Files that are no part of an artifact (checkpoints, logs) stay; an older artifact is replaced as a whole, its
        evaluation included. Of the folder that the process stands in the entries change one by one, the record last,
        and what an interrupted save leaves there may be refused as changed until it is saved again.

        Raises:
            UserError: The folder holds something else, or the file system refuses (full disk, no permission).
            DivergenceError: The set is destroyed; see :mod:`hf_distill.hub.soundness`.
        """
        record.check_name(user_path(folder).name)
        refuse_foreign(folder, marker=record.RECORD, allowed=record.WORKING_ENTRIES)
        with replace_folder(folder, keep=lambda name: name not in record.ENTRIES, last=record.RECORD) as stage:
            files = write_contents(self, stage)
        self.folder, self._files = Path(folder).expanduser(), files
        return self.folder

    def published(self) -> DistilledDataset:
        """Return the set as anyone reads it, written and read back; it may be constant, but not diverged."""
        with tempfile.TemporaryDirectory() as temporary:
            write_contents(self, Path(temporary), check="values")
            return self.from_pretrained(temporary)

    def add_evaluation(
        self, evaluation: dict[str, Any], pictures: Pictures | None = None, *, alone: bool = False
    ) -> None:
        """Store ``{"protocol": {...}, "rows": [...]}`` beside what was measured otherwise, and render the card again.

        ``evaluation.json`` and the card's table are the newest by a whole protocol, and a sketch where there is none.
        In a saved set they, ``distillation.json`` and the pictures change together; the samples do not.

        Args:
            evaluation: The content of ``evaluation.json``.
            pictures: What the evaluation shows on the card, by file name; those of an older evaluation go.
            alone: Forget all others.

        Raises:
            ArtifactError: The folder holds another set by now.
            UserError: A picture's name is no plain file name.
        """
        store_evaluation(self, evaluation, encode_pictures(pictures or {}), alone)

    def push_to_hub(
        self,
        repo_id: str,
        *,
        private: bool = False,
        revision: str | None = None,
        token: str | None = None,
        commit_message: str | None = None,
        commit_description: str | None = None,
        create_pr: bool = False,
        about: About | None = None,
    ) -> str:
        """Publish the set as a Hub dataset in one commit and return its address.

        Args:
            repo_id: ``namespace/name``; made where it does not exist.
            private: Make it private.
            revision: The branch, made where it does not exist; ``main`` if None.
            token: The access token; the one of ``hf auth login`` if None.
            commit_message: The commit's title.
            commit_description: What else is to be said of it.
            create_pr: Open a pull request and leave the branch as it is.
            about: What the card says beside what the set's own ``about`` does.

        Raises:
            UserError: The name is wrong, or the repository holds something else.
            HubError: The token is missing or may not write, the Hub refused or cannot be reached.
            DivergenceError: The set is destroyed.
        """
        publish.check_repo_id(repo_id)
        with tempfile.TemporaryDirectory() as temporary:
            write_contents(self, Path(temporary), repo_id, about=about)
            said = publish.Commit(commit_message, commit_description, create_pr)
            return publish.push(publish.files_of(Path(temporary)), repo_id, private, revision, token, said)

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
            UserError: There is no such folder.
            HubError: There is no such repository, it may not be read, or the Hub cannot be reached.
            ArtifactError: It is incomplete, corrupt or of a newer format; the message names the file.
        """
        local = user_path(folder_or_repo_id)
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
        check_decoder(folder)
        with explained(folder):
            loaded = cls(**read_contents(folder, values))
        loaded.evaluation_pictures = values.get("evaluation_pictures", [])
        loaded.other_evaluations, loaded.audit = values.get("other_evaluations", []), values.get("audit")
        loaded._files = values["files"]
        return loaded
