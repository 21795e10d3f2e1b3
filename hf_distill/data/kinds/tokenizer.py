"""From texts to numbers of tokens and back, by a tokenizer that is trained on the texts or one of transformers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Any

import numpy as np

from hf_distill.errors import UserError
from hf_distill.files import user_path

#: The number of what fills short texts up to the common length.
PADDING = 0
_PAD, _UNKNOWN = "[PAD]", "[UNK]"
# Characters that have a token of their own, as a share of the vocabulary; rarer ones are unknown.
_ALPHABET = 0.25


class Texts:
    """A tokenizer as it is kept in a specification.

    Numbers are those of the tokenizer, where its padding has number 0, as BERT's have; else they are counted from 1.

    Args:
        described: What ``tokenizers`` writes of it, JSON.
    """

    def __init__(self, described: str) -> None:
        module = _tokenizers()
        try:
            self._tokenizer = module.Tokenizer.from_str(described)
        except Exception as error:  # tokenizers raises nothing narrower
            raise UserError(f"the tokenizer is none that tokenizers {module.__version__} reads: {error}") from error
        self._tokenizer.no_truncation()
        self._tokenizer.no_padding()
        first = self._tokenizer.id_to_token(0)
        self._shift = 0 if first is not None and first.strip("[]<>").upper() == "PAD" else 1
        self.vocabulary: dict[str, int] = self._tokenizer.get_vocab(with_added_tokens=True)
        self.size = self._shift + max(self.vocabulary.values()) + 1

    def encode(self, texts: Sequence[str], length: int) -> np.ndarray:
        """Return the numbers of the first tokens of texts, ``(N, length)`` int32, filled up with :data:`PADDING`."""
        out = np.full((len(texts), length), PADDING, np.int32)
        for row, found in zip(out, self._tokenizer.encode_batch_fast(list(texts)), strict=True):
            ids = found.ids[:length]
            row[: len(ids)] = ids
            row[: len(ids)] += self._shift
        return out

    def decode(self, ids: np.ndarray) -> list[str]:
        """Return the texts of numbers of tokens ``(N, L)``, without padding and marks of beginning and end."""
        rows = [[int(number) - self._shift for number in row if number != PADDING] for row in ids]
        return [text.strip() for text in self._tokenizer.decode_batch(rows, skip_special_tokens=True)]

    def token(self, number: int) -> str | None:
        """Return a token by its number, or None where there is none."""
        return self._tokenizer.id_to_token(number - self._shift) if number >= self._shift else None


@lru_cache(maxsize=8)
def texts_of(described: str) -> Texts:
    """Return the tokenizer of a description, made once."""
    return Texts(described)


def trained(texts: Iterable[str], vocabulary: int) -> str:
    """Train a tokenizer: pieces of words of small letters (WordPiece), in the way of BERT's.

    The same texts give the same tokenizer.

    Args:
        texts: What it is to be good at.
        vocabulary: Tokens at most, padding and the unknown one included.

    Returns:
        What ``tokenizers`` writes of it, JSON.
    """
    module = _tokenizers()
    kept = list(texts)
    normal = module.normalizers.BertNormalizer(lowercase=True)
    counts = Counter(character for text in kept for character in normal.normalize_str(text) if not character.isspace())
    common = sorted(counts, key=lambda character: (-counts[character], character))
    alphabet = sorted(common[: max(1, int(_ALPHABET * vocabulary))])
    teacher = _word_pieces(None)
    # Left to the trainer, the order of the alphabet differs from run to run, and with it what is joined first.
    fixed = [_PAD, _UNKNOWN, *alphabet, *(f"##{character}" for character in alphabet)]
    teacher.train_from_iterator(
        kept,
        module.trainers.WordPieceTrainer(
            vocab_size=max(vocabulary, 2), special_tokens=fixed[:vocabulary], limit_alphabet=0, show_progress=False
        ),
    )
    vocabulary_of = {
        token: number for token, number in teacher.get_vocab(with_added_tokens=True).items() if number < vocabulary
    }
    made = _word_pieces(vocabulary_of)
    made.add_special_tokens([_PAD])
    described: str = made.to_str()
    return described


def loaded(path: str) -> str:
    """Return the description of a tokenizer of transformers.

    Args:
        path: A folder with a ``tokenizer.json`` or the files of a model's tokenizer, or the name of a model.

    Raises:
        UserError: There is none, or it has no description in ``tokenizers``.
    """
    folder = user_path(path)
    file = folder / "tokenizer.json" if folder.is_dir() else folder
    if file.is_file() and file.suffix == ".json":
        described = file.read_text(encoding="utf-8")
        texts_of(described)
        return described
    try:
        from transformers import AutoTokenizer
    except ImportError as error:
        raise UserError("data.tokenizer needs transformers: pip install 'hf-distill[transformers]'") from error
    try:
        found = AutoTokenizer.from_pretrained(str(folder) if folder.is_dir() else path)
    except (OSError, ValueError, KeyError) as error:
        reason = str(error).strip().splitlines()[0]
        raise UserError(f"data.tokenizer: cannot load a tokenizer from {path}: {reason}") from error
    if not getattr(found, "is_fast", False):
        raise UserError(f"data.tokenizer: {path} has no fast tokenizer, of the library tokenizers: name another one")
    written: str = found.backend_tokenizer.to_str()
    return written


def _word_pieces(vocabulary: dict[str, int] | None) -> Any:
    module = _tokenizers()
    made = module.Tokenizer(module.models.WordPiece(vocabulary, unk_token=_UNKNOWN))
    made.normalizer = module.normalizers.BertNormalizer(lowercase=True)
    made.pre_tokenizer = module.pre_tokenizers.BertPreTokenizer()
    made.decoder = module.decoders.WordPiece(cleanup=False)
    return made


def _tokenizers() -> Any:
    try:
        import tokenizers
    except ImportError as error:
        raise UserError("texts need tokenizers: pip install 'hf-distill[transformers]'") from error
    return tokenizers
