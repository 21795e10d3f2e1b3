from hf_distill.markdown import Markdown
from hf_distill.table import Table, columns


def test_a_table_for_a_terminal():
    table = Table(["name", "bits"], [["a", "1,300"], ["longer", "7"]], right=["bits"])
    assert str(table).splitlines() == ["name     bits", "------  -----", "a       1,300", "longer      7"]
    assert columns(["x", "y"], [3, 2], [False, True]) == "x     y"
    # What a terminal obeys is written out, and a name of any length takes 60 characters.
    assert str(Table(["\x1b[2J"], [["x" * 100]])).splitlines()[0] == "\\x1b[2J"
    assert len(str(Table(["a"], [["x" * 100]])).splitlines()[2]) == 60


def test_a_table_for_a_card():
    table = Table(["name", "bits"], [["a|b", "*7*"], [Markdown("`c`"), ""]], right=["bits"])
    assert table.markdown().splitlines() == ["| name | bits |", "| --- | ---: |", "| a\\|b | \\*7\\* |", "| `c` |  |"]


def test_empty_columns_are_left_out():
    table = Table(["a", "b", "c"], [["", "", "1"], ["", "", ""]], right=["c"])
    assert table.used().head == ["c"] and table.used().lines == [["1"], [""]] and table.used().right == ["c"]
    assert table.used(keep=["b"]).head == ["b", "c"]
