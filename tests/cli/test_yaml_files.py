"""YAML that is no text, unfolds without end or is nested without end is one line, at once."""

import random
import time
from pathlib import Path

import pytest
import yaml

from hf_distill.cli.yaml_files import load_yaml
from tests.cli.conftest import CONFIG

LAUGHS = "\n".join(["a0: &a0 [x, x]", *(f"a{k}: &a{k} [{', '.join([f'*a{k - 1}'] * 9)}]" for k in range(1, 12))])


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("data: {path: Zürich}\n".encode("latin-1"), "not UTF-8"),
        ("data: {path: x}\n".encode("utf-16"), "not UTF-8"),
        (b"\xff\xfe\x00\x01", "not UTF-8"),
        (b"data: \x00\n", "cannot be read"),
        (LAUGHS.encode(), "unfold to more than"),
        (b"data: &a\n  path: *a\n", "refers to what it stands in"),
        (b"a: " + b"[" * 5000 + b"]" * 5000, "nested"),
        (b"a: {" * 3000, "cannot be read"),
        (b"a: [1", "cannot be read"),
        (b"a: 2024-99-99\n", "cannot be read"),
        (b"a: " + b"9" * 10_000, "cannot be read"),
        (b"a: !!python/object/apply:os.system ['touch marker']", "cannot be read"),
        (b"x" * 3_000_000, "more than the 2,000,000"),
    ],
)
def test_what_is_no_configuration(content, message, config, error_of):
    Path("bad.yaml").write_bytes(content)
    started = time.perf_counter()
    assert message in error_of(["distill", "--config", "bad.yaml"])
    assert time.perf_counter() - started < 10 and not Path("marker").exists()


@pytest.mark.parametrize("word", ["--data=" + LAUGHS, "--method=" + "[" * 5000, "--evaluator=&a {x: *a}"])
def test_values_of_the_command_line_are_no_better(word, config, error_of):
    error_of(["distill", "--config", config, word])


def test_null_bytes_and_endless_words(config, error_of):
    for word in (
        "--data.path=a\x00b",
        "--data.path=" + "x" * 5000,
        "--output_dir=" + "x" * 300,
        "--config=" + "y" * 5000,
    ):
        error_of(["distill", "--config", config, "--progress=false", word])


def test_ordinary_aliases_unfold():
    text = "base: &b {seeds: 3, networks: [a, b]}\none: *b\ntwo: {<<: *b, seeds: 4}\n"
    assert load_yaml(text) == yaml.safe_load(text)


def test_mutated_configurations_are_one_line(config, error_of):
    """Bytes of a good configuration are changed, dropped and doubled: it fails in one line, or is read as before."""
    good, draw = yaml.safe_dump(CONFIG).encode(), random.Random(0)
    for _ in range(40):
        data = bytearray(good)
        for _ in range(draw.randint(1, 4)):
            place = draw.randrange(len(data))
            data[place : place + draw.randint(0, 3)] = bytes(draw.randrange(256) for _ in range(draw.randint(0, 3)))
        Path("bad.yaml").write_bytes(bytes(data))
        # Refused before the work, whatever else was hit: there is no such split.
        error_of(["distill", "--config", "bad.yaml", "--data.split=nothing", "--progress=false"])
