"""Teachers: trained here, read from folders and files, in other units and orders of classes."""

import json

import pytest
import torch
from safetensors.torch import save_file

from hf_distill.augment import SiameseAugment
from hf_distill.cli.main import run
from hf_distill.data.real import RealData
from hf_distill.errors import DistillError, Interrupted, UserError
from hf_distill.features import NetworkFeatures
from hf_distill.hub.teacher_folder import save_teacher
from hf_distill.initialization import RelabeledSamples
from hf_distill.learners.task import task_of
from hf_distill.networks import CifarResNet, ConvNet
from hf_distill.pools import PretrainedNetworks
from hf_distill.runs.checkpoint import Checkpoints
from hf_distill.runs.interrupt import StopRequest
from hf_distill.runs.run_keeper import RunKeeper
from hf_distill.seeding import Streams
from hf_distill.synthetic import PixelSet
from hf_distill.training import Ensemble, Recipe, Teacher
from tests.evaluation.sets import CLASSES, table

TINY = ConvNet(width=4, depth=2, norm="batch")
BRIEF = Recipe(epochs=2, batch_size=32)


@pytest.fixture(scope="module")
def real():
    return RealData.from_dataset(table(90, 0), table(30, 1)).setup()


def saved(real, folder, **options):
    teacher = Teacher(network=TINY, recipe=BRIEF, **options)
    experts = teacher.experts(real)
    config = {"teacher": teacher.config(), "data": real.config(), "seed": 0}
    save_teacher(experts, folder, real.spec, config, {"accuracy": 0.5})
    return experts


def test_a_folder_holds_the_networks_of_an_ensemble(real, tmp_path):
    made = saved(real, tmp_path / "teacher", count=2)
    read = Teacher(path=str(tmp_path / "teacher")).experts(real)
    x = real.train.batch(torch.arange(6)).x
    assert len(read.networks) == 2 and torch.equal(read.probabilities(x), made.probabilities(x))
    assert read.identity()["sha256"] == made.identity()["sha256"]
    mean = (made.networks[0](x).softmax(1) + made.networks[1](x).softmax(1)) / 2
    torch.testing.assert_close(read.probabilities(x), mean)
    assert "accuracy: 0.5000" in (tmp_path / "teacher" / "README.md").read_text()


def test_one_process_trains_a_teacher_once_and_all_parts_have_it(real):
    teacher = Teacher(network=TINY, recipe=BRIEF)
    experts = teacher.experts(real)
    assert Teacher(network=TINY, recipe=BRIEF).experts(real) is experts
    assert Teacher(network=TINY, recipe=BRIEF, seed=1).experts(real) is not experts
    assert NetworkFeatures(teacher=teacher).fit(real).extract == experts.networks[0].features
    pool = PretrainedNetworks(teacher=teacher)
    assert pool.draw(task_of(real), PixelSet(), Streams(0)) is experts.networks[0]
    drawn = RelabeledSamples(teacher=teacher, soft=True).draw(real, 2, Streams(0))
    assert torch.equal(drawn.y, experts.probabilities(drawn.x))
    both = Ensemble(members=[teacher, Teacher(network=TINY, recipe=BRIEF, count=2)]).experts(real)
    assert len(both.networks) == 3 and both.networks[0] is experts.networks[0]


def test_units_and_order_of_classes_are_the_teachers(real, tmp_path):
    made = saved(real, tmp_path / "teacher")
    other = table(60, 2)
    names = ["top", "left", "right"]
    features = other.features.copy()
    features["label"] = type(features["label"])(names=names)
    other = other.map(lambda row: {"label": names.index(CLASSES[row["label"]])}, features=features)
    other = other.filter(lambda row: row["label"] > 0 or True)
    there = RealData.from_dataset(other).setup()
    assert there.spec.mean != real.spec.mean
    read = Teacher(path=str(tmp_path / "teacher")).experts(there)
    raw = there.train.raw(torch.arange(5))
    expected = made.probabilities(real.spec.normalize(raw))[:, [CLASSES.index(name) for name in names]]
    assert torch.allclose(read.probabilities(there.spec.normalize(raw)), expected, atol=1e-5)


def test_a_file_of_weights_under_other_names_of_the_head(real, tmp_path):
    network = CifarResNet(blocks=1, width=2).build(real.spec.shape, 3, 0).eval()
    state = {
        key.removeprefix("body.").replace("head.", "linear."): value for key, value in network.state_dict().items()
    }
    save_file(state, tmp_path / "weights.safetensors")
    options = {"path": str(tmp_path / "weights.safetensors"), "network": CifarResNet(blocks=1, width=2)}
    x = torch.randn(4, *real.spec.shape)
    read = Teacher(**options).experts(real)
    assert torch.equal(read.probabilities(x), network(x).softmax(1))
    # of other units: 0.5 +- 0.25 in [0, 1]
    moved = Teacher(**options, mean=[0.5], std=[0.25]).experts(real)
    pixels = real.train.raw(torch.arange(4)).float() / 255
    assert torch.allclose(
        moved.probabilities(real.spec.normalize(255 * pixels)), network((pixels - 0.5) / 0.25).softmax(1), atol=1e-5
    )


def test_what_is_no_teacher_of_the_data_is_refused_in_one_line(real, tmp_path):
    saved(real, tmp_path / "teacher")
    other = table(30, 2).rename_column("label", "place")
    features = other.features.copy()
    features["place"] = type(features["place"])(names=["a", "b", "c"])
    there = RealData.from_dataset(other.cast(features)).setup()
    with pytest.raises(UserError, match=r"knows the classes left, right, top \(3\), and not 'a' of the data"):
        Teacher(path=str(tmp_path / "teacher")).experts(there)
    larger = RealData.from_dataset(table(30, 2), image_size=16).setup()
    with pytest.raises(UserError, match=r"was trained on images \(1, 8, 8\)"):
        Teacher(path=str(tmp_path / "teacher")).experts(larger)
    with pytest.raises(UserError, match="no such file or folder"):
        Teacher(path="./nothing").experts(real)
    with pytest.raises(UserError, match=r"set teacher\.network"):
        Teacher(path=str(tmp_path / "teacher" / "model.safetensors")).experts(real)
    with pytest.raises(UserError, match=r"has no head.weight|holds another network"):
        Teacher(path=str(tmp_path / "teacher" / "model.safetensors"), network=CifarResNet(blocks=1)).experts(real)
    record = tmp_path / "teacher" / "teacher.json"
    values = json.loads(record.read_text())
    values["network"] = {"class_path": "CustomNetwork", "init_args": {"function": "os:getcwd"}}
    record.write_text(json.dumps(values))
    with pytest.raises(UserError, match="'CustomNetwork' is no Architecture of hf_distill that a file may name"):
        Teacher(path=str(tmp_path / "teacher")).experts(real)


class Stop:
    """Asks to stop when it is looked at for the eleventh time: after the fifth of six steps of a second network."""

    def __init__(self):
        self.seen = 0

    def __enter__(self):
        return self

    def __exit__(self, *error):
        pass

    @property
    def requested(self):
        self.seen += 1
        return self.seen == 11


def test_a_training_goes_on_in_the_middle_of_an_epoch(real, tmp_path):
    recipe = Recipe(epochs=2, batch_size=32, augment=SiameseAugment())
    teacher = Teacher(network=ConvNet(width=4, depth=2, norm="batch"), recipe=recipe, count=2)

    def trained(folder, stop, resume=False):
        def keeper(k):
            return RunKeeper(Checkpoints(tmp_path / folder / str(k), {}), 6, 4, stop, resume)

        return teacher.train(real, Streams(0), keeper_of=keeper)

    whole, stop = trained("whole", StopRequest()), Stop()
    with pytest.raises(Interrupted, match="stopped after step 5 of 6"):
        trained("again", stop)
    again = trained("again", stop, resume=True)
    assert again.identity() == whole.identity()


@pytest.mark.slow
def test_the_command_goes_on_where_it_was_stopped(tmp_path, capsys, monkeypatch):
    """A stop in the middle of an epoch of the second network: the same bytes as without it."""
    base = ["train-teacher", "--progress=false", "--teacher.network=CifarResNet", "--teacher.network.blocks=1"]
    base += ["--teacher.network.width=2", "--teacher.count=2", "--teacher.recipe.epochs=2", "--checkpoint_every=100"]
    base += ["--teacher.recipe.batch_size=512", "--teacher.recipe.augment=SiameseAugment"]
    assert run([*base, f"--output_dir={tmp_path / 'whole'}"]) == 0
    assert "2 teachers of 10 classes, accuracy" in capsys.readouterr().out
    monkeypatch.setattr("hf_distill.cli.teaching.StopRequest", Stop)
    command = [*base, f"--output_dir={tmp_path / 'again'}"]
    assert run(command) == 130
    assert "stopped after step 5 of 6; add --resume=true to go on" in capsys.readouterr().err
    assert run(command) == 2
    assert "add --resume=true to go on with it or --overwrite=true" in capsys.readouterr().err
    assert run([*command, "--resume=true"]) == 0
    for name in ("model-1-of-2.safetensors", "model-2-of-2.safetensors"):
        assert (tmp_path / "again" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()
    assert run(command) == 2
    assert "holds a trained teacher: add --overwrite=true" in capsys.readouterr().err


def test_a_teacher_of_the_hub_is_the_one_that_was_pushed(real, tmp_path, hub):
    made = saved(real, tmp_path / "teacher")
    assert run(["push", str(tmp_path / "teacher"), "--repo_id=owner/teacher"]) == 0
    read = Teacher(path="owner/teacher").experts(real)
    assert read.identity()["sha256"] == made.identity()["sha256"]
    with pytest.raises(DistillError, match="owner/nobody"):
        Teacher(path="owner/nobody").experts(real)


def test_a_classifier_of_transformers_is_a_teacher(real, tmp_path):
    transformers = pytest.importorskip("transformers")
    names = {0: "top", 1: "other", 2: "left", 3: "right"}  # in another order, and one more than the data have
    config = transformers.ResNetConfig(
        num_channels=1, depths=[1], hidden_sizes=[4], embedding_size=4, id2label=names, hidden_act="gelu"
    )
    model = transformers.ResNetForImageClassification(config).eval()
    model.save_pretrained(tmp_path / "model")
    transformers.ViTImageProcessor(image_mean=[0.5], image_std=[0.25]).save_pretrained(tmp_path / "model")
    read = Teacher(path=str(tmp_path / "model")).experts(real)
    pixels = real.train.raw(torch.arange(4)).float() / 255
    with torch.no_grad():
        logits = model((pixels - 0.5) / 0.25).logits[:, [2, 3, 0]]
    assert torch.allclose(read.probabilities(real.spec.normalize(255 * pixels)), logits.softmax(1), atol=1e-5)
