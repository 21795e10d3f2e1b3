"""A set as Python and a notebook show it."""

from __future__ import annotations

import numpy as np

from hf_distill.hub import DistilledDataset
from hf_distill.hub.results import results_table
from tests.hub.conftest import EVALUATION, image_spec, make, vector_spec


def test_rows_and_columns() -> None:
    made = make(vector_spec())
    assert made[0] == made.to_dataset()[0] and made[1:3]["label"] == ["no", "yes"]
    assert [row["label"] for row in made] == made["label"][:] == ["no", "no", "yes", "yes"]
    frame = made.to_pandas()
    assert len(frame) == len(made) and np.allclose(np.stack(frame["features"]), made.stored)


def test_a_line_says_what_it_is() -> None:
    made = make(vector_spec(), config={"method": {"class_path": "Coreset"}})
    assert repr(made) == "DistilledDataset(4 training samples of table.parquet, by Coreset)"


def test_a_notebook_shows_the_picture_and_the_table() -> None:
    made: DistilledDataset = make(image_spec())
    assert "<table" not in made._repr_html_() and "data:image/png;base64," in made._repr_html_()
    made.add_evaluation(EVALUATION)
    text = made._repr_html_()
    assert ">91.2 ± 0.4 %</td>" in text and "better than random samples by 26.5 points" in text
    assert made.preview().tobytes() == make(image_spec()).preview().tobytes()


def test_a_strangers_name_is_no_markup() -> None:
    row = {**EVALUATION["rows"][0], "network": "<script>"}
    assert "<script>" not in results_table([row]).html()
