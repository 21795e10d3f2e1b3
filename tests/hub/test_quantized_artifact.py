"""A quantized set on the disk: its size, and reading it without this library."""

import json

import numpy as np
import pytest
import torch

from hf_distill.errors import ArtifactError
from hf_distill.hub import DistilledDataset
from hf_distill.hub.tables import TABLE_OVERHEAD
from hf_distill.quantization import LearnedLevels, UniformQuantizer
from hf_distill.synthetic import PixelSet, QuantizedSet
from tests.hub.conftest import image_spec


def saved(folder, quantizer, per_class=3, side=6):
    synthetic = QuantizedSet(synthetic=PixelSet(per_class=per_class), quantizer=quantizer)
    y = torch.arange(3).repeat_interleave(per_class)
    x = torch.randn(len(y), 1, side, side, generator=torch.Generator().manual_seed(0))
    synthetic.initialize(x, y, image_spec(side=side))
    DistilledDataset.from_synthetic(synthetic, config={"method": {}}).save_pretrained(folder)
    return synthetic


def decoding(card: str) -> str:
    """The card's lines that decode."""
    return next(part for part in card.split("```python\n") if "decode(record" in part).split("```")[0]


@pytest.mark.parametrize("bits", [1, 2, 3, 8])
def test_the_file_is_as_large_as_claimed(tmp_path, bits):
    # Random codes: there is nothing that parquet's compression could save.
    for per_class in (1, 300):
        folder = tmp_path / str(per_class)
        synthetic = saved(folder, UniformQuantizer(bits=bits), per_class, side=24)
        size = json.loads((folder / "distillation.json").read_text())["files"]["codes/train-00000-of-00001.parquet"]
        claimed = synthetic.bits().total / 8
        assert size["bytes"] <= 1.05 * claimed + TABLE_OVERHEAD


def test_the_card_decodes_the_exact_samples(tmp_path, elsewhere):
    synthetic = saved(tmp_path / "set", LearnedLevels(bits=2, granularity="class"))
    card = (tmp_path / "set" / "README.md").read_text()
    code = decoding(card).replace("path/to/this/folder", str(tmp_path / "set"))
    x, y = elsewhere(code + "\nprint(json.dumps([x.tolist(), y.tolist()]))")
    assert np.array_equal(np.array(x, "f4"), synthetic().x.detach().numpy())
    assert y == [0, 0, 0, 1, 1, 1, 2, 2, 2]
    assert "| `pixels` 9 x 1 x 6 x 6 | 2 | 4 | class | LearnedLevels |" in card


def test_a_coded_set_reads_back_here_and_by_its_card(tmp_path, elsewhere):
    quantizer = UniformQuantizer(bits=2, granularity="channel")
    synthetic = QuantizedSet(synthetic=PixelSet(per_class=40), quantizer=quantizer, coding="entropy")
    y = torch.arange(3).repeat_interleave(40)
    smooth = torch.linspace(-1, 1, 36).reshape(6, 6) * torch.linspace(0.5, 1, 120)[:, None, None]
    synthetic.initialize(smooth[:, None], y, image_spec(side=6))
    DistilledDataset.from_synthetic(synthetic, config={"method": {}}).save_pretrained(tmp_path / "set")
    loaded = DistilledDataset.from_pretrained(tmp_path / "set")
    assert loaded.bits["codes"] == synthetic.bits() and loaded.packed == synthetic.pack()
    assert loaded.bits["codes"].data < 0.5 * 120 * 36 * 2
    size = json.loads((tmp_path / "set" / "distillation.json").read_text())["files"]
    assert size["codes/train-00000-of-00001.parquet"]["bytes"] <= 1.05 * synthetic.bits().total / 8 + TABLE_OVERHEAD
    card = (tmp_path / "set" / "README.md").read_text()
    assert "| 2, entropy-coded | 4 |" in card
    code = decoding(card).replace("path/to/this/folder", str(tmp_path / "set"))
    x = elsewhere(code + "\nprint(json.dumps(x.tolist()))")
    assert np.array_equal(np.array(x, "f4"), synthetic().x.detach().numpy())


def test_the_set_reads_back_and_a_changed_file_is_refused(tmp_path):
    synthetic = saved(tmp_path / "set", LearnedLevels(bits=2))
    loaded = DistilledDataset.from_pretrained(tmp_path / "set")
    assert loaded.bits["codes"] == synthetic.bits() and loaded.packed == synthetic.pack()
    table = tmp_path / "set" / "codes" / "train-00000-of-00001.parquet"
    data = bytearray(table.read_bytes())
    data[40] ^= 1
    table.write_bytes(bytes(data))
    with pytest.raises(ArtifactError, match="was changed after it was written"):
        DistilledDataset.from_pretrained(tmp_path / "set")
