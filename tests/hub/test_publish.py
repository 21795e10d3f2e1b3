"""The real client against the loopback Hub."""

from __future__ import annotations

import numpy as np
import pytest
from huggingface_hub import DatasetCard

from hf_distill.errors import ArtifactError, HubError, UserError
from hf_distill.hub import DistilledDataset
from hf_distill.hub.publish import check_repo_id
from tests.hub.conftest import EVALUATION, Elsewhere, image_spec, make
from tests.hub_repos import File
from tests.hub_server import LoopbackHub

DEFAULT = "data/train-00000-of-00001.parquet"


def test_push_then_load_elsewhere(hub: LoopbackHub, images: DistilledDataset, elsewhere: Elsewhere) -> None:
    address = images.push_to_hub("owner/tiny")
    assert hub.repos["owner/tiny"].titles() == ["Publish the distilled dataset", "initial commit"], "one commit"
    assert address.startswith(f"{hub.url}/datasets/owner/tiny/commit/")
    read = elsewhere("""
import json, numpy as np
from datasets import load_dataset
plain = load_dataset("owner/tiny", split="train")
stream = load_dataset("owner/tiny", split="train", streaming=True)
codes = load_dataset("owner/tiny", "codes", split="train", streaming=True)
print(json.dumps({
    "plain": [np.asarray(image).tolist() for image in plain["img"]], "labels": plain["kind"][:],
    "stream": [np.asarray(row["img"]).tolist() for row in stream],
    "codes": [np.frombuffer(row["codes"], "<f4").tolist() for row in codes],
    "names": plain.features["kind"].names,
}))
""")
    assert read["plain"] == read["stream"] == images.stored[:, 0].tolist()
    assert read["labels"] == images.y.tolist() and read["names"] == list(images.spec.classes)
    assert read["codes"] == images.x.flatten(1).tolist()


def test_a_pull_request_leaves_the_branch_as_it_is(
    hub: LoopbackHub, images: DistilledDataset, tmp_path, capsys
) -> None:
    from hf_distill.cli.main import run

    images.push_to_hub("owner/tiny")
    before = hub.repos["owner/tiny"].files()
    folder = str(images.save_pretrained(tmp_path / "set"))
    words = [
        "--create_pr=true",
        "--license=mit",
        "--tags=[cats]",
        "--author=Ann",
        "--title=Tiny",
        "--commit_message=Ask",
    ]
    assert run(["push", folder, "--repo_id=owner/tiny", *words]) == 0
    assert capsys.readouterr().out.strip() == f"{hub.url}/datasets/owner/tiny/discussions/1"
    repo = hub.repos["owner/tiny"]
    assert repo.files() == before and repo.titles("refs/pr/1")[0] == "Ask"
    head = DatasetCard(repo.files("refs/pr/1")["README.md"].decode()).data
    assert (head.license, head.pretty_name) == ("mit", "Tiny") and "cats" in head.tags
    assert DistilledDataset.from_pretrained(folder).about == {}, "the folder is as it was"


def test_push_and_from_pretrained(hub: LoopbackHub, images: DistilledDataset) -> None:
    images.push_to_hub("owner/tiny", commit_message="First")
    loaded = DistilledDataset.from_pretrained("owner/tiny")
    np.testing.assert_array_equal(loaded.stored, images.stored)
    assert loaded.codes()["codes"].tolist() == images.x.tolist()
    assert loaded.folder is None
    assert hub.repos["owner/tiny"].titles()[0] == "First"
    assert 'load_dataset("owner/tiny"' in hub.repos["owner/tiny"].files()["README.md"].decode()


def test_the_repository_equals_the_folder(hub: LoopbackHub, images: DistilledDataset, tmp_path) -> None:
    folder = images.save_pretrained(tmp_path / "set")
    (folder / "checkpoints").mkdir()
    (folder / "checkpoints" / "state").write_text("weights")
    DistilledDataset.from_pretrained(folder).push_to_hub("owner/tiny")
    files = hub.repos["owner/tiny"].files()
    del files[".gitattributes"], files["README.md"]  # the card names the repository
    names = [path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()]
    assert sorted(files) == sorted({*names} - {"README.md", "checkpoints/state"})
    assert all((folder / name).read_bytes() == data for name, data in files.items())


def test_a_second_push_removes_stale_files_alone(hub: LoopbackHub, images: DistilledDataset) -> None:
    images.add_evaluation(EVALUATION)
    images.push_to_hub("owner/tiny")
    repo = hub.repos["owner/tiny"]
    added = {"data/train-00001-of-00002.parquet": File(b"old", True), "data/notes.txt": File(b"mine", False)}
    hub.commit(repo, "main", "by hand", repo.commits[repo.branches["main"]].files | added)
    other = make(image_spec(), seed=1)
    other.push_to_hub("owner/tiny")
    files = repo.files()
    assert "evaluation.json" not in files and "data/train-00001-of-00002.parquet" not in files
    assert files["data/notes.txt"] == b"mine"
    assert len(repo.titles()) == 4, "one commit a push"
    np.testing.assert_array_equal(DistilledDataset.from_pretrained("owner/tiny").stored, other.stored)


def test_revisions(hub: LoopbackHub, images: DistilledDataset) -> None:
    images.push_to_hub("owner/tiny")
    other = make(image_spec(), seed=1)
    for _ in range(2):
        other.push_to_hub("owner/tiny", revision="ipc-2/b")
    np.testing.assert_array_equal(DistilledDataset.from_pretrained("owner/tiny").stored, images.stored)
    loaded = DistilledDataset.from_pretrained("owner/tiny", revision="ipc-2/b")
    np.testing.assert_array_equal(loaded.stored, other.stored)
    with pytest.raises(HubError, match="no branch, tag or commit 'nowhere'"):
        DistilledDataset.from_pretrained("owner/tiny", revision="nowhere")


def test_private(hub: LoopbackHub, images: DistilledDataset, monkeypatch: pytest.MonkeyPatch) -> None:
    images.push_to_hub("owner/secret", private=True)
    images.push_to_hub("owner/open")
    assert hub.repos["owner/secret"].private and not hub.repos["owner/open"].private
    with pytest.raises(UserError, match="exists and is public"):
        images.push_to_hub("owner/open", private=True)
    monkeypatch.delenv("HF_TOKEN")
    with pytest.raises(HubError, match=r"no Hub dataset owner/secret, or it is private.*hf auth login"):
        DistilledDataset.from_pretrained("owner/secret")
    assert len(DistilledDataset.from_pretrained("owner/secret", token="hf_loopback")) == 6


def test_without_a_token_or_a_permission(
    hub: LoopbackHub, images: DistilledDataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(HubError, match="forbidden/tiny: your access token has no permission") as caught:
        images.push_to_hub("forbidden/tiny")
    assert "\n" not in str(caught.value)
    monkeypatch.delenv("HF_TOKEN")
    with pytest.raises(HubError, match="hf auth login") as caught:
        images.push_to_hub("owner/tiny")
    assert "\n" not in str(caught.value)
    assert hub.repos == {}


@pytest.mark.parametrize("name", ["tiny", "/tiny", "a/b/c", "owner/", "owner/a--b", "owner/ä", "owner/x.git"])
def test_bad_names(name: str) -> None:
    with pytest.raises(UserError) as caught:
        check_repo_id(name)
    assert repr(name) in str(caught.value) and "\n" not in str(caught.value)


def test_refuses_a_repository_with_something_else(hub: LoopbackHub, images: DistilledDataset) -> None:
    images.push_to_hub("owner/tiny")
    repo = hub.repos["owner/tiny"]
    hub.commit(repo, "main", "by hand", {"README.md": File(b"# x", False), "data/train.csv": File(b"a,b", False)})
    with pytest.raises(UserError, match=r"something other than a distilled dataset \(found data/train.csv\)"):
        images.push_to_hub("owner/tiny")
    with pytest.raises(ArtifactError, match=r"distillation.json is missing"):
        DistilledDataset.from_pretrained("owner/tiny")


def test_missing_and_unreachable(hub: LoopbackHub, images: DistilledDataset, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(HubError, match="no Hub dataset owner/nothing"):
        DistilledDataset.from_pretrained("owner/nothing")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(HubError, match="owner/never: the Hub cannot be reached"):
        DistilledDataset.from_pretrained("owner/never")
    with pytest.raises(HubError, match="owner/never: the Hub cannot be reached"):
        images.push_to_hub("owner/never")


def test_a_lost_upload_is_noticed(hub: LoopbackHub, images: DistilledDataset) -> None:
    images.push_to_hub("owner/tiny")
    repo = hub.repos["owner/tiny"]
    files = dict(repo.commits[repo.branches["main"]].files)
    files[DEFAULT] = File(files[DEFAULT].data[:-10], True)
    hub.commit(repo, "main", "by hand", files)
    with pytest.raises(ArtifactError, match=DEFAULT):
        DistilledDataset.from_pretrained("owner/tiny")
