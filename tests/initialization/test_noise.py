from datasets import Dataset

from hf_distill.data import RealData
from hf_distill.initialization import NoiseSamples
from hf_distill.seeding import Streams


def test_classes_have_their_shares():
    rows = Dataset.from_dict({"v": [[float(row), 0.0] for row in range(12)], "label": [0] * 9 + [1] * 2 + [2]})
    for balance, counts in (("equal", [2, 2, 2]), ("natural", [5, 1, 0])):  # of 6: 4.5, 1 and 0.5
        batch = NoiseSamples().draw(RealData.from_dataset(rows, class_balance=balance).setup(), 2, Streams(0))
        assert batch.y.bincount(minlength=3).tolist() == counts and batch.x.shape == (6, 2)
