from __future__ import annotations

import sys

import numpy as np
import pytest
import torch
from datasets import ClassLabel, Dataset, Features, Value

from hf_distill.data import RealData
from hf_distill.data.kinds.text import TextKind
from hf_distill.data.kinds.tokenizer import loaded, texts_of, trained
from hf_distill.errors import UserError
from tests.texts import rows, small_texts

CLASS = ClassLabel(names=["a", "b"])


def data(columns, features=None, **options):
    made = Dataset.from_dict(columns, features=Features(features) if features else None)
    return RealData.from_dataset(made, **options)


def test_texts_are_read_as_numbers_of_tokens():
    real = small_texts()
    spec = real.spec
    assert (spec.task, spec.kind, spec.shape) == ("text-classification", "text", (12,))
    x = real.train.batch(torch.arange(40)).x
    texts = TextKind.texts(spec)
    assert x.dtype == torch.float32 and x.shape == (40, 12)
    # 9 tokens at least: a, the word, the thing, a comma, two to three of the ending, a mark.
    assert texts.decode(x[:1].int().numpy()) == ["a awful film, it was!".replace(",", " ,").replace("!", " !")]
    assert ((x > 0).sum(1) >= 7).all() and x.max() < texts.size == spec.about["tokens"]
    exact = np.mean([len(text.encode()) for text in rows()["review"]])
    assert spec.about["mean_bytes"] == pytest.approx(exact, abs=1e-3)
    assert torch.equal(real.test.batch(torch.arange(40)).x, x)


def test_long_texts_are_cut_and_it_is_said(caplog):
    real = small_texts(text_length=3)
    assert real.spec.shape == (3,)
    assert (real.train.batch(torch.arange(4)).x > 0).all()
    assert "of 100.0 % of its texts networks see only the first 3 tokens" in caplog.text


def test_memory_and_arrow_read_alike():
    one, two = small_texts(storage="memory"), small_texts(storage="arrow")
    assert one.spec == two.spec
    index = torch.tensor([7, 3, 11])
    assert torch.equal(one.train.batch(index).x, two.train.batch(index).x)
    assert one.train.samples(index).source.tolist() == [rows()["review"][place] for place in index.tolist()]


def test_a_stream_reads_alike():
    stream = RealData.from_dataset(rows().to_iterable_dataset(), text_length=12, vocabulary=120).setup()
    assert stream.spec.about == small_texts().spec.about
    assert stream.sample([0, 1], 2, torch.Generator()).x.shape == (4, 12)


@pytest.mark.parametrize(
    "columns, features, options, found",
    [
        ({"text": ["x y", "z"], "label": [0, 1]}, {"text": Value("string"), "label": CLASS}, {}, ("text", "label")),
        ({"s": ["x y", "z"], "label": ["no", "yes"]}, None, {}, ("s", "label")),
        ({"s": ["x", "z"], "idx": [0, 1], "label": [0, 1]}, None, {}, ("s", "label")),
        ({"s": ["x", "z"], "mood": ["no", "yes"]}, None, {"input_column": "s"}, ("s", "mood")),
        ({"s": ["x", "z"], "t": ["u", "v"], "label": [0, 1]}, None, {"input_column": "t"}, ("t", "label")),
        ({"s": ["x", "z"], "mood": ["no", "yes"]}, None, {"input_column": "s", "label_column": "mood"}, ("s", "mood")),
    ],
)
def test_columns_of_texts_are_found(columns, features, options, found):
    spec = data(columns, features, **options).setup().spec
    assert (spec.kind, spec.input_column, spec.label_column) == ("text", *found)


def test_numbers_beside_a_text_stay_the_input():
    real = data({"age": [1.0, 2.0], "name": ["x", "y"], "label": [0, 1]}).setup()
    assert real.spec.kind == "vector" and real.spec.columns == ("age",)


@pytest.mark.parametrize(
    "columns, options, message",
    [
        ({"s": ["x", "z"], "q": ["u", "v"], "label": [0, 1]}, {}, "several columns are .s, q."),
        ({"s": ["x", None], "label": [0, 1]}, {}, "row 1 has no text in column 's'"),
        ({"s": ["x", "y"], "label": [0, 1]}, {"image_size": 8}, "data.image_size is for images"),
        ({"x": [[1.0], [2.0]], "label": [0, 1]}, {"vocabulary": 90}, "data.vocabulary is for texts"),
        ({"x": [[1.0], [2.0]], "label": [0, 1]}, {"text_length": 9}, "data.text_length is for texts"),
        ({"x": [[1.0], [2.0]], "label": [0, 1]}, {"tokenizer": "x"}, "data.tokenizer is for texts"),
        ({"s": ["x", "y"], "mood": ["x", "y"]}, {"input_column": "s", "label_column": "s"}, "is the label"),
    ],
)
def test_refusals(columns, options, message):
    with pytest.raises(UserError, match=message):
        data(columns, **options).setup()


def test_training_a_tokenizer_is_repeatable():
    texts = rows()["review"][:]
    assert trained(texts, 120) == trained(texts, 120)
    made = texts_of(trained(texts, 40))
    assert made.size == 40
    assert made.encode(["Great 世"], 4)[0].tolist()[-1] == 0


def test_a_tokenizer_comes_from_a_folder(tmp_path):
    texts = rows()["review"][:]
    (tmp_path / "tokenizer.json").write_text(trained(texts, 60))
    real = small_texts(tokenizer=str(tmp_path))
    assert real.spec.about["tokenizer"] == loaded(str(tmp_path)) and real.spec.about["tokens"] == 60


def test_numbers_of_a_tokenizer_without_padding_in_front_count_from_one():
    tokenizers = pytest.importorskip("tokenizers")
    model = tokenizers.models.WordLevel({"good": 0, "bad": 1, "?": 2}, unk_token="?")
    made = tokenizers.Tokenizer(model)
    made.pre_tokenizer = tokenizers.pre_tokenizers.Whitespace()
    texts = texts_of(made.to_str())
    assert texts.size == 4 and texts.encode(["bad good"], 3).tolist() == [[2, 1, 0]]
    assert texts.decode(np.array([[2, 1, 0]])) == ["bad good"] and texts.token(1) == "good"


@pytest.mark.parametrize("path", ["/no/such/folder", "/no/such.json"])
def test_a_missing_tokenizer(path, monkeypatch):
    pytest.importorskip("transformers")
    with pytest.raises(UserError, match="cannot load a tokenizer from"):
        loaded(path)


def test_without_the_library(monkeypatch):
    monkeypatch.setitem(sys.modules, "tokenizers", None)
    with pytest.raises(UserError, match=r"texts need tokenizers: pip install 'hf-distill\[transformers\]'"):
        trained(["a b"], 20)


def test_a_text_is_a_share_of_tokens():
    real = small_texts()
    x = real.train.batch(torch.arange(3)).x
    flat = real.spec.form.flat(real.spec, x)
    assert flat.shape == (3, real.spec.about["tokens"]) and torch.allclose(flat.sum(1), torch.ones(3))
    assert (flat[0] > 0).sum() == len(set(x[0].tolist()) - {0.0})


def test_sizes_are_those_of_the_text():
    real = small_texts()
    spec, form = real.spec, real.spec.form
    assert form.stored_bits(spec, np.array(["ab", "é", ""], dtype=object)) == 8 * (3 + 3 + 1)
    assert form.sample_bits(spec) == round(8 * (spec.about["mean_bytes"] + 1))
    assert spec.bits_per_value == int(spec.about["tokens"] - 1).bit_length()


def test_a_record_names_no_tokenizer():
    assert RealData.foreign({"tokenizer": "someone/model"}) == ["tokenizer"]
    assert RealData.foreign({"tokenizer": None, "path": "x"}) == []
