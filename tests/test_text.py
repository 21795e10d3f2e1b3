"""Strangers' text is printed, not obeyed."""

import io

import pytest

from hf_distill.text import coloured, masked, printable, shorten


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain Ä 日本", "plain Ä 日本"),
        ("\x1b[31mred\x1b[0m", "\\x1b[31mred\\x1b[0m"),
        ("a\nb\t c", "a b c"),
        ("bell\x07 \x9b1m", "bell\\x07 \\x9b1m"),
        ("right\u202eleft", "right\\u202eleft"),
        ("half \ud800", "half \\ud800"),
    ],
)
def test_control_characters_are_written_out(text, shown):
    assert printable(text) == shown
    printable(text).encode()


def test_tokens_are_masked_and_names_are_not():
    token = "hf_" + "aB3" * 10
    assert masked(f"bad token {token}!") == "bad token hf_***!"
    assert masked(f"Authorization: Bearer {token}") == "Authorization: hf_***"
    assert masked("hf_distill and hf_hub_download stay") == "hf_distill and hf_hub_download stay"
    assert shorten("x" * 300) == "x" * 197 + "..." and shorten("short") == "short"


def test_colours_are_for_terminals_that_show_them(monkeypatch):
    class Terminal(io.StringIO):
        def isatty(self):
            return True

    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    assert coloured("error", "red", Terminal()) == "\x1b[1;31merror\x1b[0m"
    assert coloured("error", "red", io.StringIO()) == "error"
    monkeypatch.setenv("NO_COLOR", "1")
    assert coloured("error", "red", Terminal()) == "error"
    monkeypatch.delenv("NO_COLOR")
    monkeypatch.setenv("TERM", "dumb")
    assert coloured("error", "red", Terminal()) == "error"
