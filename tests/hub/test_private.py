"""Local paths are published by their last part alone, and nothing else is touched."""

from dataclasses import replace
from pathlib import Path

import pytest

from hf_distill.hub.private import publishable_record, without_private_paths
from tests.hub.conftest import EVALUATION, image_spec, make


@pytest.mark.parametrize(
    ("value", "published"),
    [
        ("/home/me/secret/train.csv", "train.csv"),
        ("~/secret/generator", "generator"),
        ("~me/secret/generator/", "generator"),
        ("./secret/x", "x"),
        ("../secret/x", "x"),
        ("secret/deep/x.parquet", "x.parquet"),
        ("C:\\Users\\me\\x.csv", "x.csv"),
        ("/", "local"),
        ("~", "local"),
        ("owner/name", "owner/name"),
        ("digits", "digits"),
        ("here/data", "data"),
        ("hf://datasets/owner/name", "hf://datasets/owner/name"),
    ],
)
def test_paths(value, published, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("here/data").mkdir(parents=True)
    assert without_private_paths({"data": {"init_args": {"path": value}}}) == {
        "data": {"init_args": {"path": published}}
    }
    assert without_private_paths(without_private_paths({"path": value})) == {"path": published}


def test_a_record_keeps_names_of_classes_and_loses_paths_wherever_they_stand():
    spec = replace(image_spec(classes=("/m/01", "~x", "../y")), source={"path": "/home/me/pets", "license": "mit"})
    config = {"method": {"init_args": {"pipeline": "/data/models/dit"}}, "list": ["/a/b", 3, None]}
    evaluation = {**EVALUATION, "features": {"protocol": {"extractor": {"init_args": {"model": "/m/dino"}}}}}
    record = {"spec": spec.to_dict(), "config": config, "recipe": {}, "evaluation": evaluation}
    published = publishable_record(record)
    assert published["spec"]["classes"] == ("/m/01", "~x", "../y")
    assert published["spec"]["source"] == {"path": "pets", "license": "mit"}
    assert published["config"] == {"method": {"init_args": {"pipeline": "dit"}}, "list": ["b", 3, None]}
    assert published["evaluation"]["features"]["protocol"]["extractor"]["init_args"]["model"] == "dino"
    assert published["evaluation"]["rows"] == EVALUATION["rows"]


def test_a_saved_set_tells_no_path(tmp_path):
    made = make(image_spec(), config={"data": {"init_args": {"path": str(tmp_path / "secret" / "x.csv")}}})
    folder = made.save_pretrained(tmp_path / "set")
    made.add_evaluation({"protocol": {"networks": [{"init_args": {"model": str(tmp_path / "secret")}}]}, "rows": []})
    for file in folder.rglob("*"):
        assert file.is_dir() or str(tmp_path).encode() not in file.read_bytes()
