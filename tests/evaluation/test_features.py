"""FeatureMetrics: what users see of the distances, with the real evaluator."""

from __future__ import annotations

import json

import pytest
import torch

from hf_distill.data.real import RealData
from hf_distill.errors import UserError
from hf_distill.evaluation import ClassificationEvaluator, FeatureMetrics
from hf_distill.features import NetworkFeatures, PixelFeatures, PretrainedFeatures
from hf_distill.hub.artifact import DistilledDataset
from hf_distill.networks import MLP
from hf_distill.training import Recipe
from tests.evaluation.sets import distilled, table


def evaluator(**options):
    features = FeatureMetrics(**{"extractor": PixelFeatures()} | options)
    return ClassificationEvaluator(
        networks=[MLP(width=16)], seeds=2, recipe=Recipe(epochs=2), baselines=[], feature_metrics=features
    )


def rows(result):
    return {row["metric"]: row for row in result.features["rows"]}


def test_numbers_land_in_the_artifact_its_card_and_the_table(real, artifact):
    result = evaluator(extractor=NetworkFeatures(steps=60)).evaluate(artifact, real, progress=False)
    values = rows(result)
    assert list(values) == ["fid", "mmd", "representativeness", "diversity", "coverage"]
    for row in values.values():
        assert all(isinstance(row[key], float) for key in ("distilled", "random_mean", "random_std"))
    extractor = result.features["protocol"]["extractor"]
    assert extractor["network"]["class_path"] == "MLP" and extractor["test_accuracy"] == 1
    assert result.features["protocol"]["reference"] == "test split, 30 rows"
    assert "feature metric" in str(result) and "coverage" in str(result)
    kept = DistilledDataset.from_pretrained(artifact)
    kept.add_evaluation(result.to_dict())
    folder = kept.folder
    assert json.loads((folder / "evaluation.json").read_text())["features"] == result.features
    card = (folder / "README.md").read_text()
    assert "| feature metric | this set | random, equal count |" in card
    assert f"| fid | {values['fid']['distilled']:.4g} |" in card


def test_real_samples_are_perfect_beside_the_split_they_are_from(real, tmp_path):
    own = distilled(real, 4).save_pretrained(tmp_path / "own")
    values = rows(evaluator(reference="train").evaluate(own, real, progress=False))
    assert values["representativeness"]["distilled"] == pytest.approx(1)
    assert values["representativeness"]["random_mean"] == pytest.approx(1)
    new = rows(evaluator().evaluate(own, real, progress=False))
    assert new["representativeness"]["distilled"] < 1


def test_noise_is_told_from_real_samples(real, tmp_path):
    noise = distilled(real, 4)
    noise.x = torch.randn(noise.x.shape, generator=torch.Generator().manual_seed(0))
    made = rows(evaluator().evaluate(noise.save_pretrained(tmp_path / "noise"), real, progress=False))
    for name, better in (("fid", min), ("mmd", min), ("representativeness", max), ("coverage", max)):
        pair = made[name]["distilled"], made[name]["random_mean"]
        assert pair[0] != pair[1] and better(pair) == pair[1], name


def test_equal_seeds_give_equal_features(real, artifact):
    one, two = (
        evaluator(extractor=NetworkFeatures(steps=5)).evaluate(artifact, real, progress=False) for _ in range(2)
    )
    assert one.features == two.features
    other = evaluator(extractor=NetworkFeatures(steps=5, seed=1)).evaluate(artifact, real, progress=False)
    assert other.features["rows"] != one.features["rows"]


def test_a_vision_model_by_its_folder(real, artifact, tmp_path, monkeypatch):
    from transformers import ViTConfig, ViTModel

    options = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 16}
    ViTModel(ViTConfig(image_size=12, patch_size=4, num_channels=3, **options)).save_pretrained(tmp_path)
    numbers = {"size": {"height": 12, "width": 12}, "image_mean": [0.5] * 3, "image_std": [0.5] * 3}
    (tmp_path / "preprocessor_config.json").write_text(json.dumps(numbers))
    result = evaluator(extractor=PretrainedFeatures(model=str(tmp_path))).evaluate(artifact, real, progress=False)
    assert result.features["protocol"]["features"] == 16
    assert result.features["protocol"]["extractor"]["image_size"] == [12, 12]
    # Of training rows they are found once.
    space, index = PretrainedFeatures(model=str(tmp_path)), torch.tensor([3, 1])
    expected = space.fit(real).rows(real.train, index)
    assert torch.allclose(space.of_samples(real)(index), expected, atol=1e-5)
    monkeypatch.setattr(PretrainedFeatures, "fit", None)
    assert torch.allclose(space.of_samples(real)(index), expected, atol=1e-5)


@pytest.mark.parametrize(
    ("options", "per_class", "message"),
    [
        ({"metrics": ["fidelity"]}, 2, "feature metric 'fidelity' is unknown; choose some of fid, mmd"),
        ({}, 1, "leave diversity out of feature_metrics.metrics"),
        ({"max_rows": 1}, 2, "max_rows is 1"),
        ({"neighbours": 30}, 2, "neighbours is 30; it must be 1 or more and less than the 30"),
        ({"extractor": PretrainedFeatures(model="/no/such")}, 2, "cannot load a vision model from /no/such"),
    ],
)
def test_what_cannot_be_measured_is_refused(real, tmp_path, options, per_class, message):
    own = distilled(real, per_class).save_pretrained(tmp_path / "own")
    with pytest.raises(UserError, match=message):
        evaluator(**options).evaluate(own, real, progress=False)


def test_vectors_have_values_as_features(vector_real, tmp_path):
    own = distilled(vector_real, 3).save_pretrained(tmp_path / "own")
    assert evaluator().evaluate(own, vector_real, progress=False).features["protocol"]["features"] == 4


def test_an_even_choice_of_a_long_split(tmp_path):
    real = RealData.from_dataset(table(60, 0), table(30, 1)).setup()
    own = distilled(real, 2).save_pretrained(tmp_path / "own")
    result = evaluator(max_rows=12).evaluate(own, real, progress=False)
    assert result.features["protocol"]["reference"] == "test split, 12 rows"
