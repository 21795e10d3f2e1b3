"""HashedTextFeatures: words of texts by their hashes, without any model."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from hf_distill.data.rows import RowsData
from hf_distill.errors import UserError
from hf_distill.features.row_features import RowFeatures
from hf_distill.options import PositiveInt, Seed


class HashedTextFeatures(RowFeatures):
    """Latent semantic analysis of all text in a row: hashed words and pairs, weighed by rarity, by their components.

    scikit-learn's ``HashingVectorizer``, ``TfidfTransformer`` and ``TruncatedSVD``, fitted to 65,536 rows at most. It
    needs no vocabulary. For ``RowsData``.

    Args:
        columns: Columns whose text counts, nested ones too; null for all.
        buckets: Hashes of words.
        components: Directions that are kept, fewer where there are fewer rows.
        pairs: Count pairs of neighbouring words too.
        seed: Of the decomposition.
        cache: Keep the features below datasets' cache folder, for the next time.

    Examples:
        >>> from datasets import Dataset
        >>> from hf_distill import HashedTextFeatures, RowsData
        >>> table = Dataset.from_dict({"text": ["red wine", "white wine", "blue sea", "deep sea"]})
        >>> HashedTextFeatures(components=2, cache=False).of_rows(RowsData.from_dataset(table).setup()).shape
        torch.Size([4, 2])
    """

    def __init__(
        self,
        *,
        columns: list[str] | None = None,
        buckets: PositiveInt = 2**16,
        components: PositiveInt = 64,
        pairs: bool = False,
        seed: Seed = 0,
        cache: bool = True,
    ) -> None:
        self.columns = columns
        self.buckets = buckets
        self.components = components
        self.pairs = pairs
        self.seed = seed
        self.cache = cache

    def fitted(self, some: RowsData) -> Callable[[RowsData], Tensor]:
        """See :class:`Extractor`.

        Raises:
            UserError: There is no text, or scikit-learn is missing.
        """
        try:
            from sklearn.decomposition import TruncatedSVD
            from sklearn.feature_extraction.text import HashingVectorizer, TfidfTransformer
            from sklearn.pipeline import make_pipeline
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
        count = max(1, min(self.components, len(some) - 1, self.buckets - 1))
        decomposed = TruncatedSVD(count, random_state=self.seed % 2**32)
        made = make_pipeline(hashed, TfidfTransformer(sublinear_tf=True), decomposed).fit(some.texts(self.columns))
        return lambda rows: torch.from_numpy(made.transform(rows.texts(self.columns))).float().to(rows.device)
