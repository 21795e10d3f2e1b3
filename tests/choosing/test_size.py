import pytest

from hf_distill.choosing.size import Size, parse_size
from hf_distill.errors import UserError


@pytest.mark.parametrize(
    "text, size",
    [("50kB", Size(bytes=5e4)), ("1.5 MB", Size(bytes=1.5e6)), ("2KiB", Size(bytes=2048)), ("100B", Size(bytes=100))],
)
def test_bytes(text, size):
    assert parse_size(text) == size


@pytest.mark.parametrize("text, share", [("1%", 0.01), ("0.5 %", 0.005), ("100%", 1.0)])
def test_shares(text, share):
    assert parse_size(text) == Size(share=pytest.approx(share))


@pytest.mark.parametrize("text", ["", "10", "0%", "0kB", "-1%", "101%", "1e9", "10 apples", "kB", "nan%", "1,5MB"])
def test_what_is_no_size_is_refused(text):
    with pytest.raises(UserError, match=r"50kB.*1%"):
        parse_size(text)
