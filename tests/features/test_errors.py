import pytest
import torch
from datasets import Dataset

from hf_distill import MLP
from hf_distill.data.real import RealData
from hf_distill.data.rows import RowsData
from hf_distill.errors import UserError
from hf_distill.evaluation import RowsEvaluator
from hf_distill.features import ErrorFeatures, ForgettingFeatures, NetworkFeatures
from hf_distill.methods import Coreset, Run
from hf_distill.seeding import Streams
from hf_distill.selection import MergeReduceSelector, NormSelector
from hf_distill.selection.base import select_per_class
from hf_distill.training import Teacher


@pytest.fixture
def real():
    """Two classes by the sign of a number, and one row of each with the label of the other."""
    x = torch.linspace(-2, 2, 40)[:, None].tolist()
    labels = [int(value[0] > 0) for value in x]
    labels[3], labels[36] = 1, 0
    return RealData.from_dataset(Dataset.from_dict({"v": x, "label": labels}), label_column="label").setup()


@pytest.mark.parametrize("features", [ErrorFeatures(network=MLP(), networks=1, steps=60),
                                      ForgettingFeatures(network=MLP(), epochs=6)])  # fmt: skip
def test_rows_with_wrong_labels_are_found(real, features):
    index, weight = select_per_class(NormSelector(), real, 1, Streams(0), features)
    assert sorted(index.tolist()) == [3, 36] and weight.tolist() == [20, 20]


def test_values_have_no_errors_of_classes():
    table = Dataset.from_dict({"v": [[0.0], [1.0]], "label": [0.5, 0.1]})
    data = RealData.from_dataset(table, label_column="label", target="values").setup()
    with pytest.raises(UserError, match=r"^ErrorFeatures needs rows with one class each"):
        ErrorFeatures().fit(data)


@pytest.mark.parametrize("features, name", [
    (ErrorFeatures(), "ErrorFeatures"), (ForgettingFeatures(), "ForgettingFeatures"),
    (NetworkFeatures(), "NetworkFeatures"), (NetworkFeatures(teacher=Teacher()), "NetworkFeatures"),
])  # fmt: skip
@pytest.mark.parametrize("stream", [False, True])
def test_whole_rows_have_no_labels_to_train_on(features, name, stream):
    message = rf"^{name} trains on labels, and whole rows have none: choose PixelFeatures, or RealData$"
    # Nothing is opened before: there is no such source.
    data = RowsData(path="not/there", streaming=stream)
    with pytest.raises(UserError, match=message):
        Coreset(selector=MergeReduceSelector(), features=features, size=3).fit(data, Run(progress=False))
    with pytest.raises(UserError, match=message):
        RowsEvaluator(features=features).evaluate("not/there", data)


def test_networks_that_are_not_trained_look_at_whole_rows():
    rows = RowsData.from_dataset(Dataset.from_dict({"v": [[0.0, 1.0], [1.0, 2.0], [3.0, 1.0]]})).setup()
    assert NetworkFeatures(network=MLP(width=4), steps=0).of_rows(rows).shape == (3, 4)
