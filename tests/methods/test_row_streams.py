"""Coresets of streams of whole rows, and features of rows that are found once: by one process or two."""

from pathlib import Path

import datasets
import pyarrow.parquet as pq
import pytest
import torch
from accelerate import debug_launcher
from datasets import Dataset, load_dataset

from hf_distill.cli.main import run
from hf_distill.data.rows import RowsData
from hf_distill.errors import UserError
from hf_distill.features import ColumnFeatures, PcaFeatures
from hf_distill.methods import Coreset, Run
from hf_distill.ranks import Ranks
from hf_distill.selection import KMeansSensitivitySelector, MergeReduceSelector, RandomSelector

STREAM = MergeReduceSelector(centres=3, block=128, sampled=64)


def planted(rows: int = 1000) -> Dataset:
    """Rows around one point, with nested columns; one in a hundred is far away, each in a direction of its own."""
    vectors = torch.randn(rows, 4, generator=torch.Generator().manual_seed(0))
    vectors[::100] *= 40
    said = [[{"role": "user", "content": f"row {k}"}] for k in range(rows)]
    return Dataset.from_dict({"id": list(range(rows)), "said": said, "vector": vectors.tolist()})


def coreset(table, selector=STREAM, features=None, size=40):
    method = Coreset(selector=selector, features=features or ColumnFeatures(column="vector"), size=size)
    return method.fit(RowsData.from_dataset(table), Run(progress=False))


def test_a_stream_of_files_is_chosen_from_and_published_whole(tmp_path, monkeypatch):
    source = planted()
    for part in range(3):
        (tmp_path / "source").mkdir(exist_ok=True)
        source.shard(3, part, contiguous=True).to_parquet(tmp_path / "source" / f"train-{part}.parquet")
    monkeypatch.chdir(tmp_path)
    assert not run(["distill", "--config=coreset_stream", "--data.path=source", "--method.size=40",
          "--method.selector.block=128", "--method.selector.centres=3", "--method.features=ColumnFeatures",
          "--method.features.column=vector", "--output_dir=set"])  # fmt: skip
    numbers = load_dataset("set", "codes", split="train")["row"][:]
    assert numbers == sorted(set(numbers)) and len(numbers) == 40
    table = pq.read_table("set/data/train-00000-of-00001.parquet")
    own = source.with_format("arrow")[numbers].replace_schema_metadata(None)
    assert table.select(source.column_names).replace_schema_metadata(None).equals(own)
    # The far rows have nearly all of the cost, and stand for themselves.
    far = [25 * w for number, w in zip(numbers, table["weight"].to_pylist(), strict=True) if number % 100 == 0]
    assert len(far) >= 5 and sum(far) == pytest.approx(10, rel=0.3)
    card = (tmp_path / "set" / "README.md").read_text()
    assert "of the 1,000 rows" in card and "of 8 losses (kmeans)" in card


def test_a_stream_gives_what_its_table_gives():
    table = planted(300)
    stream = table.to_iterable_dataset()
    first, again = coreset(stream), coreset(stream)
    assert torch.equal(first.numbers, again.numbers) and first.spec.num_rows == 300
    assert first.spec.row_bits == pytest.approx(coreset(table, RandomSelector()).spec.row_bits, rel=0.05)
    uniform = coreset(stream, RandomSelector(), size=150)
    assert uniform.weight_part is None and 100 < uniform.numbers.float().mean() < 200
    # All rows, where so many are asked for; a space that is fitted is fitted to the first block.
    assert coreset(stream, size=300).numbers.tolist() == list(range(300))
    real = RowsData.from_dataset(stream, input_column="vector").setup()
    seen = torch.cat([part for _, part in PcaFeatures(components=2).blocks(real, 100)])
    assert seen.shape == (300, 2) and float(seen[100].norm()) > 10


@pytest.mark.parametrize("change, message", [
    ({"size": 301}, r"^method.size is 301, and in-memory has 300 rows"),
    ({"selector": KMeansSensitivitySelector()}, r"^KMeansSensitivitySelector needs all rows at once: choose Merge"),
    ({"features": ColumnFeatures(column="no")}, r"^there is no column 'no'; it has id, said, vector"),
])  # fmt: skip
def test_what_a_stream_cannot_give_is_refused(change, message):
    with pytest.raises(UserError, match=message):
        coreset(planted(300).to_iterable_dataset(), **change)


def test_features_are_found_once():
    table, calls = planted(60), []

    class Counted(ColumnFeatures):
        cache = True

        def fitted(self, some):
            calls.append(len(some))
            return super().fitted(some)

        def weights(self):
            return self.__dict__.get("version", 0)

    features = Counted(column="vector")
    data = RowsData.from_dataset(table).setup()
    first, again = features.of_rows(data), features.of_rows(data)
    assert calls == [60] and torch.equal(first, again) and torch.equal(first, torch.tensor(table["vector"][:]))
    features.version = 1  # other weights
    features.of_rows(data)
    features.of_rows(RowsData.from_dataset(table.select(range(50))).setup())  # other rows
    assert calls == [60, 60, 50]
    features.cache = False
    features.of_rows(data)
    features.of_rows(data)
    assert calls == [60, 60, 50, 60, 60]
    kept = list((Path(datasets.config.HF_DATASETS_CACHE) / "hf_distill_features").iterdir())
    assert not [path for path in kept if path.suffix == ".partial"]


def chosen():
    stream = coreset(planted().to_iterable_dataset())
    data = RowsData.from_dataset(planted(9000)).setup()
    seen = ColumnFeatures(column="vector").of_rows(data, Ranks.together())
    return stream.numbers, stream.decode(stream.codes()).w, seen


def on_a_rank(place):
    torch.set_num_threads(1)
    torch.save(chosen(), f"{place}/{torch.distributed.get_rank()}.pt")


@pytest.mark.slow
def test_two_ranks_choose_what_one_does(tmp_path):
    debug_launcher(on_a_rank, args=(str(tmp_path),), num_processes=2)
    for rank in (0, 1):
        assert all(map(torch.equal, torch.load(tmp_path / f"{rank}.pt"), chosen()))
