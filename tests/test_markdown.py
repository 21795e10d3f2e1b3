"""Strangers' names on the card and on the terminal: text, whatever they are."""

from __future__ import annotations

import random
import re
import time
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from datasets import ClassLabel, Features, Image

from hf_distill.cli.show import run as show
from hf_distill.hub import render_card
from hf_distill.hub.record import read_record
from hf_distill.hub.results import evaluation_text, results_table
from hf_distill.markdown import as_json, cell, code, fenced
from hf_distill.text import printable, shorten
from tests.hub.conftest import EVALUATION, image_spec, make
from tests.hub.kinds import FEATURES
from tests.hub.test_series_format import make as make_series
from tests.hub.test_series_format import series_spec

NASTY = (
    *(
        "\x1b[2J",
        "\x00",
        "\r\n",
        "\n\n# head\n",
        "\u202e",
        "\x9b1m",
        "<script>",
        "<!--",
        "</details>",
        "<b>",
        "&lt;",
        "&#60;",
    ),
    *("[a](http://b)", "![a](b)", "https://evil.example/x", "www.evil.example", "me@evil.example", "`", "``", "```"),
    *(
        "|",
        "\\",
        "\\|",
        "\\`",
        "*a*",
        "_a_",
        "__a__",
        "~~a~~",
        "~~~",
        "$x$",
        "{{ 7 * 7 }}",
        "{% raw %}",
        "a",
        "Ä",
        " ",
        "'",
        '"',
    ),
)
ORDINARY = (
    *("cat", "dog", "Äpfel: 1", "n01440764", "tench, Tinca tinca", "apple_pie", "AT&T", "C#", "R&B", "x+y", "100 %"),
    *(
        "owner/pets-v2",
        "load 1",
        "ConvNet",
        "ShallowCNN (32)",
        "it's",
        "a - b",
        "#1",
        "3.5",
        "中文",
        "data/file.csv",
        "a=b",
    ),
)


def names(count: int) -> list[str]:
    chance = random.Random(0)
    return ["".join(chance.choices(NASTY, k=chance.randint(1, 6))) for _ in range(count)]


def parsed(text: str) -> list[Any]:
    """Return all tokens of a Markdown text, the inner ones too."""
    markdown_it = pytest.importorskip("markdown_it")
    tokens = markdown_it.MarkdownIt("commonmark").enable(["table", "strikethrough"]).parse(text)
    return [inner for token in tokens for inner in (token, *(token.children or ()))]


@pytest.mark.parametrize("write", [cell, code])
def test_a_name_is_one_cell_of_text(write: Any) -> None:
    for name in names(1500):
        tokens = parsed(f"| a | b |\n| --- | --- |\n| {write(name)} | end |\n")
        assert [token.type for token in tokens].count("td_open") == 2, name
        assert not {"html_inline", "html_block", "link_open", "image", "em_open", "strong_open", "s_open"} & {
            token.type for token in tokens
        }, name
        texts = [token.content for token in tokens if token.type in ("text", "text_special", "code_inline")]
        # Blanks at the ends of a cell are no part of it.
        assert "".join(texts[2:-1]).strip() == shorten(printable(name)).strip(), name
        # What is made a link in spite of having no markup.
        assert write is code or not re.search(r"\w://|www\.\w|\w@\w", write(name)), name


@pytest.mark.parametrize("name", ORDINARY)
def test_ordinary_names_are_as_they_were(name: str) -> None:
    assert cell(name) == name and code(name) == f"`{name}`"
    assert cell("dog|wolf") == "dog\\|wolf" and cell(None) == "" and cell("a \n b") == "a b"


def test_nothing_ends_a_block_of_code() -> None:
    for name in names(300):
        for block in (fenced(name, "bibtex"), f"```json\n{as_json({name: [name]})}\n```"):
            tokens = parsed(f"{block}\n\nend\n")
            assert [token.type for token in tokens if token.level == 0][:2] == ["fence", "paragraph_open"], name
            assert "\x1b" not in block and "\u202e" not in block


def hostile_card(name: str, folder: Path) -> str:
    """Return the card of a set that has a name wherever it can have one, after showing it on the terminal."""
    classes = (name, f"{name}2", f"{name}3")
    # The snippets need the columns' names as they are; and no table can have one with a zero.
    columns = [f"{name[:300]}{end}".replace("\0", "") for end in ("", "label")]
    features = Features({columns[0]: Image(), columns[1]: ClassLabel(names=list(classes))})
    about = dict.fromkeys(("path", "name", "revision", "split", "license"), name)
    spec = replace(
        image_spec(classes=classes),
        input_column=columns[0],
        label_column=columns[1],
        features=features.to_dict(),
        source=about,
    )
    row = {**EVALUATION["rows"][0], "network": name, "metric": name, "labels": name, "baselines": {name: {"mean": 0.5}}}
    extractor = {"class_path": name}
    measured = {
        "protocol": {name: name},
        "rows": [row],
        "features": {
            "protocol": {**FEATURES["protocol"], "extractor": extractor, "reference": name},
            "rows": [{**FEATURES["rows"][0], "metric": name}],
        },
    }
    config = {"method": {"class_path": name, "init_args": {name: name}}}
    dataset = make(spec, config=config, citations=[name], timing={name: name}, versions={name: name})
    dataset.add_evaluation(measured)
    dataset.save_pretrained(folder)
    show([str(folder)])
    return (folder / "README.md").read_text()


def outline(card: str) -> list[tuple[str, str]]:
    body = card.split("\n---\n", 1)[1]
    tokens = parsed(body)
    heads = [after.content for token, after in pairwise(tokens) if token.type == "heading_open"]
    html = [token.content for token in tokens if token.type.startswith("html")]
    kinds = [token.type for token in tokens if token.type in ("fence", "table_open", "link_open", "image")]
    return [
        *(("head", head) for head in heads[1:]),
        *(("html", each) for each in html),
        *((kind, "") for kind in kinds),
    ]


@pytest.mark.parametrize("name", ["".join(NASTY), "\n```\n# evil\n", "|`" * 30, "</details><script>alert(1)</script>"])
def test_a_card_of_such_names_has_the_outline_of_any_other(name: str, tmp_path: Path, capsys: Any) -> None:
    plain = hostile_card("plain", tmp_path / "plain")
    assert "plain" in capsys.readouterr().out
    card = hostile_card(name, tmp_path / "hostile")
    # The one link of the plain card is its source's, which is a name that the Hub could have.
    assert outline(card) == [part for part in outline(plain) if part[0] != "link_open"]
    assert "\x1b" not in capsys.readouterr().out and "\x1b" not in card.split("\n---\n", 1)[1]


def test_names_without_end_are_shortened_at_once(tmp_path: Path, capsys: Any) -> None:
    for name in ("m" * 2**14, "`|*<" * 2**12, "\n" * 2**14 + "中" * 2**14):
        start = time.process_time()
        card = hostile_card(name, tmp_path / "set")
        assert max(map(len, card.split("\n---\n", 1)[1].splitlines())) < 50_000
        assert len(capsys.readouterr().out) < 10_000
        channels = tuple(f"{place}{name}" for place in range(3))
        spec = series_spec()
        features = {new: spec.features[old] for new, old in zip(channels, spec.channels, strict=True)}
        spec = replace(spec, channels=channels, features={"date": spec.features["date"], **features})
        make_series(spec).save_pretrained(tmp_path / "series")
        assert render_card(read_record(tmp_path / "series"))
        assert time.process_time() - start < 10


def test_tables_of_results() -> None:
    evaluation = {"protocol": {}, "rows": [{**EVALUATION["rows"][0], "network": "\x1b[31ma|b\n" + "c" * 1000}]}
    text = evaluation_text(evaluation)
    assert text.count("\n") == 4 and "\\x1b[31ma|b c" in text and max(map(len, text.splitlines())) < 300
    assert "a\\|b" in results_table(evaluation["rows"]).markdown()
