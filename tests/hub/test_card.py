from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import torch
import yaml
from huggingface_hub import DatasetCard

from hf_distill.errors import ArtifactError
from hf_distill.hub import DistilledDataset, render_card
from hf_distill.hub.card import card_data
from tests.hub.conftest import (
    EVALUATION,
    Elsewhere,
    audio_spec,
    columns_spec,
    frames_spec,
    image_spec,
    make,
    vector_spec,
    with_labels,
    with_values,
)


def scripts(card: str, folder: Path) -> list[str]:
    """The scripts of a card, with the set for its own test rows."""
    found = re.findall(r"```python\n(.*?)```", card, re.S)
    assert len(found) == 3
    return [re.sub("path/to/(this/folder|test/rows)", str(folder), text) for text in found]


def record_of(folder: Path) -> dict:
    return json.loads((folder / "distillation.json").read_text())


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make(image_spec()).save_pretrained(tmp_path_factory.mktemp("card") / "set")


@pytest.fixture
def record(folder: Path) -> dict:
    return record_of(folder)


def test_head_is_valid_and_complete(folder: Path) -> None:
    head = DatasetCard.load(folder / "README.md").data
    assert head.license == "cc-by-4.0"
    assert head.source_datasets == ["owner/pets"]
    assert head.task_categories == ["image-classification"]
    assert head.size_categories == ["n<1K"]
    assert head.pretty_name == "pets, distilled"
    assert {"dataset-distillation", "hf_distill"} <= set(head.tags)
    assert [config["config_name"] for config in head.configs] == ["codes", "default"]
    infos = {info["config_name"]: info for info in head.dataset_info}
    assert infos["default"]["splits"][0]["num_examples"] == 6
    names = infos["default"]["features"][1]["dtype"]["class_label"]["names"]
    assert names == {"0": "cat", "1": "dog|wolf", "2": "Äpfel: 1"}


def test_is_a_pure_function_of_the_record(folder: Path, record: dict) -> None:
    text = (folder / "README.md").read_text()
    assert render_card(record) == text == render_card(json.loads(json.dumps(record)))
    assert str(folder) not in text
    assert "owner/tiny" in render_card(record, "owner/tiny")


def test_numbers_stand_beside_every_baseline(record: dict) -> None:
    text = render_card({**record, "evaluation": EVALUATION})
    head, line = re.findall(r"^\| (?:network|ConvNet) .*$", text, re.M)
    assert head == (
        "| network | metric | labels | networks | distilled | random, equal bits | herding | class mean | bits |"
    ), "no column for the full data, which nobody measured"
    assert line == (
        "| ConvNet | accuracy | hard | 5 on 1 set | 91.2 ± 0.4 % | 64.7 ± 2.1 % | 80.1 ± 1.0 % | 87.5 ± 0.2 % | 1,300 |"
    )
    rows = [EVALUATION["rows"][0] | {"full_mean": 0.988, "metric": "loss"}]
    text = render_card({**record, "evaluation": {"protocol": {}, "rows": rows}})
    assert "full data" in text and "| 0.912 ± 0.004 |" in text and "| 0.988 |" in text
    assert "Not measured yet" in render_card(record)


def test_sizes(record: dict) -> None:
    text = render_card(record)
    source = 600 * (36 * 8 + 2)
    assert f"| {source:,} |" in text
    assert "| 1,740 | 218 | 1,728 + 12 + 0 | 100.0 |" in text


@pytest.mark.parametrize(
    ("licence", "expected"),
    [
        (None, {}),
        ("mit", {"license": "mit"}),
        (["mit", "cc0-1.0"], {"license": ["mit", "cc0-1.0"]}),
        ("Ask\nthe author", {"license": "other", "license_name": "Ask the author"}),
    ],
)
def test_licences(record: dict, licence: object, expected: dict) -> None:
    record["spec"]["source"]["license"] = licence
    head = yaml.safe_load(card_data(record).to_yaml())
    assert {key: head[key] for key in ("license", "license_name") if key in head} == expected


@pytest.mark.parametrize(("path", "revision"), [("digits", None), ("data/pets", None), ("/home/me/pets", "abc")])
def test_only_hub_sources_are_linked(record: dict, path: str, revision: str | None) -> None:
    record["spec"]["source"] |= {"path": path, "revision": revision}
    text = render_card(record)
    assert "source_datasets" not in text and "huggingface.co/datasets" not in text and "/home" not in text


def test_citations_and_odd_text(record: dict) -> None:
    record["citations"] = ["@article{a,\n  title = {{{B}}}\n}\n"]
    record["spec"]["source"]["path"] = None
    text = render_card(record)
    assert "```bibtex\n@article{a,\n  title = {{{B}}}\n}\n```" in text
    assert "an in-memory dataset" in text
    assert "dog\\|wolf" in text


@pytest.mark.slow
@pytest.mark.parametrize("spec", [with_values(vector_spec()), with_labels(image_spec())], ids=["values", "labels"])
def test_snippets_of_other_targets_run(spec, elsewhere: Elsewhere, tmp_path: Path) -> None:
    dataset = make(spec, per_class=6)
    folder = dataset.save_pretrained(tmp_path / "set")
    card = (folder / "README.md").read_text()
    load, train, decode = scripts(card, folder)
    learned, y, codes = elsewhere(f"""{load}{train}
learned = (out - y).abs().max() if y.shape[1] == 1 else ((out > 0) != truth.bool()).sum()
{decode.replace("x, y, w", "_, codes, w")}
import json
print(json.dumps([float(learned), y.tolist(), codes.tolist()]))
""")
    assert learned < 0.2, "the snippet's network learns the samples"
    assert torch.allclose(torch.tensor(y), dataset.y, atol=1e-5) and dataset.y.shape == (6, spec.num_outputs)
    assert torch.tensor(codes).shape == dataset.y.shape and "cross_entropy(" not in card
    assert ("| classes |" in card) is False


@pytest.mark.parametrize(
    "spec",
    [
        image_spec(3),
        *(pytest.param(spec, marks=pytest.mark.slow) for spec in (vector_spec(), audio_spec(), frames_spec(3, 3))),
        columns_spec(),
    ],
    ids=["images", "vectors", "sounds", "videos", "columns"],
)
def test_snippets_run_without_the_library(spec, elsewhere: Elsewhere, tmp_path: Path) -> None:
    dataset = make(spec)
    folder = dataset.save_pretrained(tmp_path / "set")
    load, train, decode = scripts((folder / "README.md").read_text(), folder)
    read, codes, labels, weights = elsewhere(f"""{load}{train}
out = {{"x": x.double().tolist(), "y": y.tolist(), "guess": network(x).argmax(1).tolist()}}
{decode}
print(json.dumps([out, x.tolist(), y.tolist(), w.tolist()]))
""")
    assert read["y"] == read["guess"] == dataset.y.tolist(), "the snippet's network learns the samples"
    assert codes == dataset.x.tolist() and labels == dataset.y.tolist() and weights == [1] * len(dataset)
    published = spec.form.load(spec, dataset.stored)
    assert abs(published.double().numpy() - read["x"]).max() < 1e-5


def test_a_coreset_is_of_real_samples(record: dict) -> None:
    record["config"] = {
        "method": {"class_path": "Coreset", "init_args": {"selector": {"class_path": "HerdingSelector"}}}
    }
    text = render_card(record)
    assert "6 real training samples (2 a class, 3 classes), chosen by herding, that stand for the 600" in text
    assert "copies of rows of the source" in text and "synthetic" not in text
    assert "coreset" in card_data(record).tags
    record["config"]["method"] = {"class_path": "GuidedDiffusion"}
    assert "6 generated training samples" in render_card(record)


def test_counts_are_true(record: dict) -> None:
    assert record["counts"] == [2, 2, 2]
    text = render_card({**record, "counts": [1, 0, 5]})
    assert "(0 to 5 a class, 3 classes)" in text
    assert "| samples of each | cat 1, dog\\|wolf 0, Äpfel: 1 5 |" in text
    del record["counts"]  # of older versions
    assert "(2 a class, 3 classes)" in render_card(record)
    with pytest.raises(ArtifactError, match="length of counts"):
        render_card({**record, "counts": [1]})


def test_the_first_lines_say_what_it_is_worth(record: dict) -> None:
    text = render_card({**record, "evaluation": EVALUATION})
    assert (
        "**In short:** 218 bytes of 8-bit pixels, 100 times smaller than the 21.8 kB of the source; a file of " in text
    )
    assert (
        "ConvNet: better than random samples by 26.5 points, better than the best chosen ones by 11.1 points." in text
    )


def test_its_maker_has_the_word(tmp_path: Path) -> None:
    about = {"title": "My | pets", "license": "mit", "author": "Ann <b>", "tags": ["cats"]}
    folder = make(image_spec(), about=about).save_pretrained(tmp_path / "set")
    assert DistilledDataset.from_pretrained(folder).about == about
    text, head = (folder / "README.md").read_text(), DatasetCard.load(folder / "README.md").data
    assert head.license == "mit" and head.pretty_name == "My | pets" and "cats" in head.tags
    assert "# My \\| pets\n" in text and "| licence | mit |" in text and "| author | Ann \\<b\\> |" in text


def test_what_was_measured_otherwise_stands_beside(tmp_path: Path) -> None:
    made = make(image_spec())
    made.save_pretrained(tmp_path / "set")
    row = EVALUATION["rows"][0]
    sketch = {"protocol": {"sketch": True}, "rows": [{**row, "mean": 0.5}]}
    whole, longer = EVALUATION, {"protocol": {"steps": 200}, "rows": [{**row, "mean": 0.95}]}
    for one in (sketch, whole, longer, sketch, longer):
        DistilledDataset.from_pretrained(tmp_path / "set").add_evaluation(one)
    kept = DistilledDataset.from_pretrained(tmp_path / "set")
    assert (kept.evaluation, kept.other_evaluations) == (longer, [whole, sketch])
    assert json.loads((tmp_path / "set" / "evaluation.json").read_text()) == longer
    text = (tmp_path / "set" / "README.md").read_text()
    places = [
        text.index(words)
        for words in ("95.0 ±", "another protocol<", "91.2 ±", "another protocol, a sketch<", "50.0 ±")
    ]
    assert places == sorted(places)
    kept.add_evaluation(whole, alone=True)
    assert DistilledDataset.from_pretrained(tmp_path / "set").other_evaluations == []
