"""HashedTextFeatures: words of texts by their hashes, without any model."""

from __future__ import annotations

import torch
from torch import Tensor

from hf_distill.data.rows import RowsData
from hf_distill.errors import UserError
from hf_distill.features.row_features import RowFeatures
from hf_distill.options import PositiveInt, Seed


class HashedTextFeatures(RowFeatures):
    """Latent semantic analysis of all text in a row: hashed words and pairs, weighed by rarity, by their components.

    scikit-learn's ``HashingVectorizer``, ``TfidfTransformer`` and ``TruncatedSVD``. It reads the rows once, needs no
    vocabulary, and holds some hundred bytes a row. For ``RowsData``.

    Args:
        columns: Columns whose text counts, nested ones too; null for all.
        buckets: Hashes of words.
        components: Directions that are kept, fewer where there are fewer rows.
        pairs: Count pairs of neighbouring words too.
        seed: Of the decomposition.
    """

    def __init__(
        self,
        *,
        columns: list[str] | None = None,
        buckets: PositiveInt = 2**16,
        components: PositiveInt = 64,
        pairs: bool = False,
        seed: Seed = 0,
    ) -> None:
        self.columns = columns
        self.buckets = buckets
        self.components = components
        self.pairs = pairs
        self.seed = seed

    def of_rows(self, data: RowsData) -> Tensor:
        """See :class:`Extractor`.

        Raises:
            UserError: There is no text, or scikit-learn is missing.
        """
        try:
            from sklearn.decomposition import TruncatedSVD
            from sklearn.feature_extraction.text import HashingVectorizer, TfidfTransformer
        except ImportError as error:
            raise UserError("HashedTextFeatures needs scikit-learn: pip install 'hf-distill[digits]'") from error
        words = (1, 2 if self.pairs else 1)
        hashed = HashingVectorizer(
            n_features=self.buckets,
            alternate_sign=False,
            norm=None,
            dtype="f4",
            ngram_range=words,
        )
        counts = hashed.transform(data.texts(self.columns))
        weighed = TfidfTransformer(sublinear_tf=True).fit_transform(counts)
        count = max(1, min(self.components, len(data) - 1, self.buckets - 1))
        found = TruncatedSVD(count, random_state=self.seed % 2**32).fit_transform(weighed)
        return torch.from_numpy(found).float().to(data.device)
