"""Cards of what commands write beside sets, and their way to the Hub."""

from __future__ import annotations

import json

import pytest
from datasets import load_dataset
from huggingface_hub import RepoCard

from hf_distill.cli.main import run
from hf_distill.hub.product import PLACE, write_product_card
from hf_distill.table import Table
from tests.hub_server import LoopbackHub

SOURCE = {"path": "owner/pets", "revision": "f" * 40, "split": "train", "license": "cc-by-4.0"}


@pytest.fixture
def folder(tmp_path):
    """A sweep of two rows."""
    rows = [{"kind": "in the loop", "mean": 0.5}, {"kind": "png", "mean": None}]
    (tmp_path / "sweep.json").write_text(json.dumps({"config": {}, "rows": rows}))
    (tmp_path / "rows").mkdir()
    (tmp_path / "rows" / "loop_2.json").write_text("{}")
    script = ["from datasets import load_dataset", f'print(load_dataset("{PLACE}", split="train")["mean"])']
    write_product_card(
        tmp_path,
        "sweep",
        title="pets | bits",
        said="What <b>bits</b> are worth.",
        source=SOURCE,
        script=script,
        config={"data": {"path": "/home/me/secret/pets"}},
        numbers=Table(["row", "result"], [["in the loop", "50.0 %"]]),
        command="hf-distill sweep --seed=1",
    )
    return tmp_path


def test_the_card_says_what_it_is(folder) -> None:
    card = RepoCard.load(folder / "README.md")
    assert card.data.license == "cc-by-4.0" and card.data.source_datasets == ["owner/pets"]
    assert {"hf_distill", "sweep"} <= set(card.data.tags)
    text = card.text
    assert "# pets \\| bits" in text and "What \\<b\\>bits\\</b\\> are worth." in text
    assert "| in the loop | 50.0 % |" in text and "$ hf-distill sweep --seed=1" in text
    assert "huggingface.co/datasets/owner/pets" in text and "secret" not in text


def test_it_is_pushed_and_read_elsewhere(hub: LoopbackHub, folder, capsys) -> None:
    words = ["--license=mit", "--author=Ann", "--tags=[cats]", "--title=Mine", "--commit_message=First"]
    assert run(["push", str(folder), "--repo_id=owner/bits", *words]) == 0
    assert capsys.readouterr().out.startswith(f"{hub.url}/datasets/owner/bits/commit/")
    repo = hub.repos["owner/bits"]
    assert sorted(repo.files()) == [".gitattributes", "README.md", "sweep.json"]
    assert repo.titles()[0] == "First"
    card = RepoCard(repo.files()["README.md"].decode())
    assert (card.data.license, card.data.tags[-1]) == ("mit", "cats")
    assert "# Mine\n" in card.text and "| author | Ann |" in card.text and "| licence | mit |" in card.text
    assert 'load_dataset("owner/bits"' in card.text and PLACE not in card.text
    assert load_dataset("owner/bits", split="train")["mean"] == [0.5, None]


def test_what_is_refused(hub: LoopbackHub, folder, tmp_path_factory, capsys) -> None:
    def refused(*words: str) -> str:
        assert run(["push", str(folder), "--repo_id=owner/bits", *words]) == 2
        return capsys.readouterr().err

    secret = tmp_path_factory.mktemp("other") / "secret.png"
    secret.write_bytes(b"mine")
    (folder / "picture.png").symlink_to(secret)
    assert "is a link that leads out of its folder" in refused()
    (folder / "picture.png").unlink()
    (folder / "README.md").unlink()
    assert "has no card README.md" in refused()
    assert "owner/bits" not in hub.repos
