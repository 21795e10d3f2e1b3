import pytest

from hf_distill.cli import configs, parts
from hf_distill.configurations import configurations
from hf_distill.errors import UserError
from hf_distill.parts import Part, concrete


def test_every_configuration_is_listed(capsys):
    configs.run([])
    text = capsys.readouterr().out
    assert all(f"\n{name} (" in f"\n{text}" for name in configurations())
    configs.run(["dm_digits"])
    assert capsys.readouterr().out == configurations()["dm_digits"].read_text()


def test_every_part_is_listed_once_with_a_line(capsys):
    parts.run([])
    lines = [line.split(maxsplit=1) for line in capsys.readouterr().out.splitlines() if line.startswith("  ")]
    assert sorted(name for name, _ in lines) == sorted(cls.__name__ for cls in set(concrete(Part)))
    assert all(len(text) > 15 for _, text in lines)


@pytest.mark.parametrize("cls", sorted(set(concrete(Part)), key=lambda cls: cls.__name__), ids=lambda cls: cls.__name__)
def test_every_part_is_explained(cls):
    text = parts.explained(cls)
    assert f"class_path: {cls.__name__}" in text and "typing" not in text and "<" not in text.split("As YAML")[1]


def test_options_are_said_in_words(capsys):
    parts.run(["ConvNet"])
    text = capsys.readouterr().out
    assert "  width: 128                           # int, 1 to 16384" in text
    assert "  norm: instance                       # instance, batch, none" in text


def test_a_group_is_listed_and_a_slip_is_one_line(capsys):
    parts.run(["Quantizer"])
    text = capsys.readouterr().out
    assert "UniformQuantizer" in text and "ConvNet" not in text
    with pytest.raises(UserError, match="did you mean ConvNet"):
        parts.run(["Convnet"])
