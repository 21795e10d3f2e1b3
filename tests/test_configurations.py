import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from hf_distill.configurations import comment, configurations, locate, located, summary, takes
from hf_distill.errors import UserError

ROOT = Path(__file__).parents[1]


def test_every_file_is_known_by_its_name():
    assert {path.name for path in configurations().values()} == {
        path.name for path in (ROOT / "configs").glob("*.yaml")
    }


@pytest.mark.parametrize("name", sorted(configurations()))
def test_every_file_says_what_it_is_in_a_sentence(name):
    text = configurations()[name].read_text()
    assert 20 < len(summary(text)) < 300 and summary(text) in comment(text)
    assert yaml.safe_load(text)["data"]["class_path"] in ("RealData", "RowsData", "SeriesData")


@pytest.mark.parametrize("word", ["dm_digits", "dm_digits.yaml", "configs/dm_digits.yaml", "configs/dm_digits"])
def test_a_name_stands_for_the_file_anywhere(word, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert locate(word) == str(configurations()["dm_digits"])
    argv = ["a", "--config", word, f"--config={word}", "--seed=1", "--config"]
    found = str(configurations()["dm_digits"])
    assert located(argv) == ["a", "--config", found, f"--config={found}", "--seed=1", "--config"]


def test_a_file_goes_before_a_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("dm_digits").write_text("seed: 1")
    assert locate("dm_digits") == "dm_digits"
    assert locate("/some/where/mine.yaml") == "/some/where/mine.yaml"  # the parser says that there is none


def test_a_folder_of_data_does_not_hide_a_configuration_of_its_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "uma_beam").mkdir()
    (tmp_path / "mine").mkdir()
    assert locate("uma_beam") == str(configurations()["uma_beam"])
    with pytest.raises(UserError, match="no file 'mine', and no configuration of that name"):
        locate("mine")


def test_a_slip_is_one_line_with_names_that_are_close():
    with pytest.raises(UserError, match=r"no file 'dm_digit'.*did you mean dm_digits"):
        locate("dm_digit")


def test_a_summary_ends_with_its_sentence():
    text = '# Of Zhao et al. Nothing more, 2 samples. "paper" quotes it.\n# Takes 36 s on two cores.\ndata: {}\n'
    assert summary(text) == "Of Zhao et al. Nothing more, 2 samples"
    assert takes(text) == "36 s on two cores" and "Takes" not in comment(text)


@pytest.mark.slow
def test_a_wheel_holds_them(tmp_path):
    source = tmp_path / "source"
    subprocess.run(["git", "clone", "-q", ROOT, source], check=True)
    pip = [sys.executable, "-m", "pip", "-q", "--disable-pip-version-check"]
    subprocess.run([*pip, "wheel", source, "--no-deps", "-w", tmp_path], check=True)
    (wheel,) = tmp_path.glob("*.whl")
    subprocess.run([*pip, "install", wheel, "--no-deps", "--target", tmp_path / "site"], check=True)
    code = "from hf_distill.configurations import configurations as c; print(len(c()), c()['dm_digits'])"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, env={"PYTHONPATH": str(tmp_path / "site")}, capture_output=True
    )
    count, path = done.stdout.decode().split()
    assert int(count) == len(configurations()) and Path(path).is_relative_to(tmp_path / "site")
