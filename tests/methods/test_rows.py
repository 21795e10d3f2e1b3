"""Coresets of whole rows: what is published is what the source holds, to the byte."""

import json

import pyarrow.parquet as pq
import pytest
import torch
from datasets import Dataset, Features, Image, Value, load_dataset
from PIL import Image as PILImage

from hf_distill.cli.main import run
from hf_distill.data.rows import RowsData
from hf_distill.errors import UserError
from hf_distill.features import ColumnFeatures, EncoderFeatures, HashedTextFeatures, PcaFeatures
from hf_distill.hub import DistilledDataset
from hf_distill.methods import Coreset, Run
from hf_distill.seeding import seeded
from hf_distill.selection import KMeansSensitivitySelector

WORDS = ("wheat rain soil plough", "goal match team score", "bank loan rate fund")


def messages(rows: int = 60) -> Dataset:
    """Rows of nested messages, a number that may be missing, a column named weight and one of embeddings."""
    said = [
        [{"role": "user", "content": f"{WORDS[k % 3]} {k}"}, {"role": "bot", "content": f"é {k}"}] for k in range(rows)
    ]
    return Dataset.from_dict(
        {
            "messages": said,
            "score": [None if k % 7 == 0 else k / 3 for k in range(rows)],
            "weight": [f"{k} kg" for k in range(rows)],
            "vector": torch.randn(rows, 5, generator=torch.Generator().manual_seed(0)).tolist(),
        }
    )


def coreset(features, size=12, **options):
    return Coreset(selector=KMeansSensitivitySelector(centres=3), features=features, size=size, **options)


def test_nested_rows_are_published_as_they_are(tmp_path, monkeypatch):
    source = messages()
    source.to_parquet(tmp_path / "source.parquet")
    monkeypatch.chdir(tmp_path)
    assert not run(["distill", "--config=coreset_text", "--data.path=source.parquet", "--method.size=12",
          "--method.sensitivities=true", "--output_dir=set", "--method.selector.init_args.centres=3"])  # fmt: skip
    record = json.loads((tmp_path / "set" / "distillation.json").read_text())
    published = load_dataset("set", split="train")
    numbers = load_dataset("set", "codes", split="train")["row"][:]
    assert numbers == sorted(numbers) and len(set(numbers)) == 12
    # The source has a column of that name.
    assert published.column_names == [*source.column_names, "sensitivity", "sample_weight"]
    kept = published.select_columns(source.column_names)
    assert kept.features == source.features and kept[:] == source.select(numbers)[:]
    table = pq.read_table("set/data/train-00000-of-00001.parquet").select(source.column_names)
    own = pq.read_table("source.parquet").take(numbers)
    assert table.replace_schema_metadata(None).equals(own.replace_schema_metadata(None))
    assert sum(published["sample_weight"][:]) == pytest.approx(12, rel=1e-5)
    assert record["timing"]["certificate"]["size"] == 12 and record["timing"]["certificate"]["epsilon"] > 0
    assert "losses (kmeans) that the choice knew nothing of" in (tmp_path / "set/README.md").read_text()
    read = DistilledDataset.from_pretrained(tmp_path / "set")
    assert read.w.tolist() == published["sample_weight"][:] and len(read) == 12
    assert (
        "12 whole rows, chosen by their sensitivity for k-means, of the 60 rows"
        in (tmp_path / "set/README.md").read_text()
    )


def test_pictures_and_equal_weights():
    drawn = [PILImage.new("L", (4, 4), 4 * k) for k in range(20)]
    table = Dataset.from_dict({"name": [str(k) for k in range(20)], "picture": drawn}, features=Features(
        {"name": Value("string"), "picture": Image()}))  # fmt: skip
    made = Coreset(size=5).distill(RowsData.from_dataset(table), Run(seed=1, progress=False)).published()
    assert made.to_dataset().column_names == ["name", "picture"]  # a random choice has equal weights
    data = RowsData.from_dataset(table, input_column="picture")
    made = coreset(PcaFeatures(components=2), 5).distill(data, Run(progress=False)).published()
    numbers = made.packed.columns["row"]
    bytes_ = table.cast_column("picture", Image(decode=False))[numbers]["picture"]
    assert made.to_dataset().cast_column("picture", Image(decode=False))[:]["picture"] == bytes_


def test_text_of_one_topic_is_near_and_columns_are_read():
    data = RowsData.from_dataset(messages()).setup()
    seen = HashedTextFeatures(columns=["messages"], components=8).of_rows(data)
    distance = torch.cdist(seen, seen)
    own = torch.arange(60)[:, None] % 3 == torch.arange(60) % 3
    assert distance[own].mean() < 0.7 * distance[~own].mean()
    assert list(data.texts(["messages"]))[1] == "user\ngoal match team score 1\nbot\né 1"
    torch.testing.assert_close(ColumnFeatures(column="vector").of_rows(data), torch.tensor(data.table["vector"][:]))


@pytest.mark.parametrize("change, message", [
    ({"size": 61}, r"^method.size is 61, and in-memory has 60 rows"),
    ({"features": ColumnFeatures(column="no")}, r"^there is no column 'no'; it has messages, score, weight, vector"),
    ({"features": ColumnFeatures(column="weight")}, r"^column 'weight' holds no lists of numbers"),
    ({"features": HashedTextFeatures(columns=["no"])}, r"^there is no column 'no'"),
])  # fmt: skip
def test_what_cannot_be_chosen_is_refused(change, message):
    method = Coreset(**{"selector": KMeansSensitivitySelector(), "size": 5, "features": PcaFeatures(), **change})
    with pytest.raises(UserError, match=message):
        method.fit(RowsData.from_dataset(messages()), Run())


def test_embeddings_that_are_not_numbers_are_refused():
    table = Dataset.from_dict({"v": [[1.0, 2.0], [float("nan"), 0.0], [3.0, 4.0]]})
    with pytest.raises(UserError, match=r"^row 1 has a feature that is not finite"):
        coreset(ColumnFeatures(column="v"), 2).fit(RowsData.from_dataset(table), Run())
    with pytest.raises(UserError, match="has no column with text"):
        coreset(HashedTextFeatures(), 2).fit(RowsData.from_dataset(table), Run())


def test_an_encoder_of_a_folder(tmp_path, monkeypatch):
    transformers = pytest.importorskip("transformers")
    words = ["[UNK]", "[CLS]", "[SEP]", "[PAD]", "[MASK]", *sorted({word for text in WORDS for word in text.split()})]
    (tmp_path / "vocab.txt").write_text("\n".join(words))
    transformers.BertTokenizer(vocab=str(tmp_path / "vocab.txt")).save_pretrained(tmp_path / "model")
    config = transformers.BertConfig(
        vocab_size=len(words), hidden_size=8, num_hidden_layers=1, num_attention_heads=2, intermediate_size=8
    )
    with seeded(0):
        transformers.BertModel(config).save_pretrained(tmp_path / "model")
    data = RowsData.from_dataset(Dataset.from_dict({"text": [*WORDS, "wheat"]})).setup()
    found = EncoderFeatures(model=str(tmp_path / "model"), batch=4).of_rows(data)
    # Padding to the longest of a batch changes nothing.
    alone = EncoderFeatures(model=str(tmp_path / "model"), batch=1).of_rows(data)
    assert found.shape == (4, 8) and torch.allclose(found, alone, atol=1e-5) and found.std(0).min() > 0
    # What is known is not asked of the model again, but of another one.
    loaded, load = [], transformers.AutoModel.from_pretrained
    monkeypatch.setattr(transformers.AutoModel, "from_pretrained", lambda *a, **k: loaded.append(a) or load(*a, **k))
    again = EncoderFeatures(model=str(tmp_path / "model"), batch=4)
    assert torch.equal(again.of_rows(data), found) and not loaded
    with seeded(1):
        transformers.BertModel(config).save_pretrained(tmp_path / "model")
    assert not torch.allclose(again.of_rows(data), found, atol=1e-3) and len(loaded) == 1
    with pytest.raises(UserError, match=r"^cannot load a text model from .*nothing: "):
        EncoderFeatures(model=str(tmp_path / "nothing")).of_rows(data)
