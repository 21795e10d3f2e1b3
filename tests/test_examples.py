"""Examples of docstrings, which tests/test_package.py wants: Python gives what stands below it, YAML makes parts."""

from __future__ import annotations

import doctest
import functools

import pytest
import yaml

from hf_distill.cli.distill import build_parser
from hf_distill.lazy import homes
from tests.docstrings import example

# What they import takes longer than all others together.
_SLOW = ("hf_distill.diffusion.", "hf_distill.networks.transformers", "hf_distill.networks.forecasters.transformers")
NAMES = [pytest.param(name, marks=pytest.mark.slow if home.startswith(_SLOW) else ()) for name, home in homes().items()]


@functools.cache
def parser():
    return build_parser()


@pytest.mark.parametrize("name", NAMES)
def test_it_is_true(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    text = example(name)
    if text.startswith("In YAML:"):
        described = {"method": {"class_path": "Coreset"}, **yaml.safe_load(text.removeprefix("In YAML:"))}
        assert parser().instantiate(parser().parse_object(described)).method
        return
    test = doctest.DocTestParser().get_doctest(text, {"__name__": "example"}, name, None, 0)
    said: list[str] = []
    doctest.DocTestRunner().run(test, out=said.append)
    assert test.examples and not said, "".join(said)
