from hf_distill.cli.main import run
from hf_distill.diffusion import ClassConditionalPipeline


def test_trains_saves_and_replaces_only_when_told_to(tmp_path, capsys):
    place = tmp_path / "generator"
    command = ["train-generator", f"--output_dir={place}", "--progress=false"]
    command += ["--generator.steps=2", "--generator.channels=[8]", "--generator.batch_size=4"]
    assert run(command) == 0
    assert "a generator of 10 classes" in capsys.readouterr().out
    assert ClassConditionalPipeline.from_pretrained(place).labels["3"] == 3
    assert run(command) == 2
    assert "add --overwrite=true to replace it" in capsys.readouterr().err
    assert run([*command, "--overwrite=true"]) == 0
    (place / "model_index.json").unlink()
    assert run([*command, "--overwrite=true"]) == 2
    assert "holds something else than a generator" in capsys.readouterr().err
    assert not list(tmp_path.glob("*.partial"))
