from __future__ import annotations

import json

import pytest

from hf_distill.evaluation.result import Evaluation, make_row, mean_std
from hf_distill.hub.results import results_table, verdict

ABOUT = {"network": "ConvNet", "metric": "accuracy", "labels": "hard", "seeds": 2, "bits": 5160}


def row(**scores):
    sizes = {name: {"samples": 10, "bits": 5160} for name in scores if name not in ("distilled", "full")}
    return make_row(scores, sizes, **ABOUT)


def test_standard_deviation_of_a_sample():
    assert mean_std([0.5, 0.7]) == (pytest.approx(0.6), pytest.approx(0.02**0.5))
    assert mean_std([0.5]) == (0.5, None)


def test_row():
    made = row(distilled=[0.8, 0.9], random=[0.5, 0.7], class_mean=[0.6, 0.6], full=[0.9, 1.0])
    assert made["mean"] == pytest.approx(0.85) and made["random_mean"] == pytest.approx(0.6)
    assert made["full_mean"] == pytest.approx(0.95)
    assert made["baselines"]["class_mean"] == {"mean": pytest.approx(0.6), "std": 0, "samples": 10, "bits": 5160}
    # a = 0.5 * 0.25 - 0.5 * 0.10
    assert made["label_robust_score"] == pytest.approx((2.718281828**0.075 - 2.718281828**-1) / 2.350402387)
    # With soft labels the full data and the set have different ones.
    scores = {"distilled": [0.8, 0.9], "random": [0.5, 0.7], "full": [0.9, 1.0]}
    soft = make_row(scores, {"random": {"samples": 10, "bits": 5160}}, **{**ABOUT, "labels": "soft"})
    assert "label_robust_score" not in soft


def test_table():
    rows = [row(distilled=[0.8, 0.9], random=[0.5, 0.7], class_mean=[0.6, 0.6]), row(distilled=[0.1, 0.1])]
    text = str(results_table(rows))
    head = " ".join(text.splitlines()[0].split())
    assert head == "network metric labels networks distilled random, equal bits class mean bits"
    assert "2 on 1 set" in text
    assert "2 on each of 3 sets" in str(results_table([{**rows[0], "sets": 3}]))
    full = {**row(distilled=[1.0], full=[0.9, 1.0]), "full_steps": 2000}
    # Two networks have a spread of 7.1 and 14.1 points, which is printed 3.04 times as wide.
    assert "95.0 ± 21.5 % (2,000 steps)" in str(results_table([full]))
    assert "85.0 ± 21.5" in text and "60.0 ± 43.0" in text and "5,160" in text
    assert "85.0 ± 7.1" in str(results_table([{**rows[0], "sets": 3}]))
    markdown = results_table(rows).markdown().splitlines()
    assert len(markdown) == 4 and all(line.startswith("| ") and line.endswith(" |") for line in markdown)
    assert str(Evaluation({}, rows)).startswith(text)


def test_saving_replaces_the_file(tmp_path):
    path = tmp_path / "evaluation.json"
    path.write_text("old")
    evaluation = Evaluation({"reported": "last epoch"}, [row(distilled=[0.5])])
    evaluation.save(path)
    assert json.loads(path.read_text()) == evaluation.to_dict()
    assert [p.name for p in tmp_path.iterdir()] == ["evaluation.json"]


def test_the_verdict_counts_what_is_beyond_the_spread():
    clear = row(distilled=[0.8, 0.8], random=[0.5, 0.5], kmeans=[0.6, 0.6], herding=[0.7, 0.7], full=[0.9, 0.9])
    assert verdict(clear) == (
        "ConvNet: better than random samples by 30.0 points, better than the best chosen ones by 10.0 points, "
        "75 % of the way from random to all data"
    )
    worse = row(distilled=[0.4, 0.4], random=[0.5, 0.5], kmeans=[0.3, 0.5])
    assert verdict(worse) == (
        "ConvNet: WORSE than random samples by 10.0 points, no better than the best chosen ones (within the spread)"
    )
    assert "about as good as random samples" in verdict(row(distilled=[0.4, 0.5], random=[0.4, 0.6]))
    assert verdict(row(distilled=[0.4])) == ""
    # Two networks say less than six that differ as much.
    few, many = ({**row(distilled=[0.8, 0.81], random=[0.77, 0.78]), "seeds": n} for n in (2, 6))
    assert "no better than random samples" in verdict(few) and "better than random samples by 3.0" in verdict(many)
    lost = {**row(distilled=[0.1, 0.12], random=[0.1, 0.1]), "guess": 0.11}
    assert verdict(lost).endswith("NO BETTER THAN GUESSING the most frequent class (11.0 %)")
    assert "GUESSING" not in verdict({**clear, "guess": 0.11})
    # More random draws than networks know their spread better.
    drawn = [row(distilled=[0.8, 0.81], random=[0.73, 0.77] * n) for n in (1, 3)]
    assert "no better than random samples" in verdict(drawn[0])
    assert drawn[1]["baselines"]["random"]["networks"] == 6 and "better than random samples by 5.5" in verdict(drawn[1])
    # Of errors, less is better.
    series = {**row(distilled=[0.4], random=[0.5], selected=[0.45], full=[0.3]), "metric": "mse"}
    assert "better than random samples by 0.100, better than the best chosen ones by 0.050, 50 % of" in verdict(series)


def test_a_sketch_says_so():
    assert "A sketch" in str(Evaluation({"sketch": True}, [row(distilled=[0.5])]))
    assert "A sketch" not in str(Evaluation({}, [row(distilled=[0.5])]))
