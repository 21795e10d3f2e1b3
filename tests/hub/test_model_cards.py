"""The cards of the reference runs are what the library renders today."""

import json
from pathlib import Path

import pytest

from hf_distill.hub.card import render_card

CARDS = sorted((Path(__file__).parents[2] / "model_cards").iterdir())


@pytest.mark.parametrize("folder", CARDS, ids=lambda folder: folder.name)
def test_the_card_is_fresh(folder):
    record = json.loads((folder / "distillation.json").read_text())
    assert render_card(record) == (folder / "README.md").read_text()
