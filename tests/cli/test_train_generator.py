import re

import pytest

from hf_distill.cli.main import run
from hf_distill.diffusion import ClassConditionalPipeline
from hf_distill.files import locked


def test_trains_saves_and_replaces_only_when_told_to(tmp_path, capsys):
    place = tmp_path / "generator"
    command = ["train-generator", f"--output_dir={place}", "--progress=false"]
    command += ["--generator.steps=2", "--generator.channels=[8]", "--generator.batch_size=4"]
    assert run(command) == 0
    assert "a generator of 10 classes" in capsys.readouterr().out
    assert ClassConditionalPipeline.from_pretrained(place).labels["3"] == 3
    card = (place / "README.md").read_text()
    assert "trained on the 1,437 training images of `digits`" in card and "2 steps" in card
    untrained = re.search(r"noise that it predicts, test images \| (\d\.\d+) \|", card)
    assert 0.9 < float(untrained[1]) < 1.3, "two steps teach next to nothing: the error is that of predicting nothing"
    assert str(tmp_path) not in card and f"--output_dir={place.name} " in card
    assert (place / "samples.png").is_file()
    assert run(command) == 2
    assert "add --overwrite=true to replace it" in capsys.readouterr().err
    assert run([*command, "--overwrite=true"]) == 0
    (place / "model_index.json").unlink()
    assert run([*command, "--overwrite=true"]) == 2
    assert "holds something else than a generator" in capsys.readouterr().err
    assert not list(tmp_path.glob("*.partial"))


def test_nothing_of_the_users_is_lost(tmp_path, capsys):
    place = tmp_path / "generator"
    command = ["train-generator", f"--output_dir={place}", "--progress=false", "--overwrite=true"]
    command += ["--generator.steps=1", "--generator.channels=[8]", "--generator.batch_size=4"]
    mine = [tmp_path / "generator.partial" / "thesis.tex", place / "notes.txt"]
    assert run(command) == 0
    for path in mine:
        path.parent.mkdir(exist_ok=True)
        path.write_text("years of work")
    assert run([*command, "--seed=1"]) == 0
    assert all(path.read_text() == "years of work" for path in mine)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["generator", "generator.partial", "generator.run"]
    with locked(tmp_path / "generator.run"):
        assert run(command) == 2
    assert "another process is working in" in capsys.readouterr().err


@pytest.mark.parametrize("resume", ["true", "false"])
def test_a_run_that_ended_before_its_checkpoints_were_removed_is_finished(tmp_path, capsys, resume):
    """What a crash between the two leaves: the generator is whole, and so are the checkpoints."""
    place, checkpoints = tmp_path / "generator", tmp_path / "generator.run" / "checkpoints"
    command = ["train-generator", f"--output_dir={place}", "--progress=false", "--generator.checkpoint_every=1"]
    command += ["--generator.steps=2", "--generator.channels=[8]", "--generator.batch_size=4"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("hf_distill.runs.checkpoint.Checkpoints.clear", lambda self: None)
        assert run(command) == 0
    weights = (place / "unet" / "diffusion_pytorch_model.safetensors").read_bytes()
    assert len(list(checkpoints.iterdir())) == 2
    assert run([*command, f"--resume={resume}"]) == (0 if resume == "true" else 2)
    if resume == "true":
        assert (place / "unet" / "diffusion_pytorch_model.safetensors").read_bytes() == weights
        assert not checkpoints.exists()
