"""What users get when the Hub, or something on the way to it, fails; benchmarks/attack_hub.py tries all of it."""

from __future__ import annotations

import copy
import random
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import huggingface_hub
import pytest

from hf_distill import connection
from hf_distill.cli.main import run
from hf_distill.data.sources import open_source
from hf_distill.errors import ArtifactError, HubError, UserError
from hf_distill.hub import DistilledDataset, publish
from tests.hub.conftest import image_spec, make
from tests.hub_faults import FAULTS, TOKEN, failing
from tests.hub_server import LoopbackHub

_ENDLESS = ("slow", "silent")


@pytest.fixture(scope="module")
def sets() -> tuple[DistilledDataset, DistilledDataset]:
    return make(image_spec()), make(image_spec(), seed=1)


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Short limits and next to no pauses between two tries; nothing comes out of the cache."""
    monkeypatch.setattr(connection, "SILENCE", 0.3)
    monkeypatch.setattr(publish, "_BRIEF", 1.0)
    monkeypatch.setattr(publish, "_DOWNLOAD", 1.0)
    nap = SimpleNamespace(sleep=lambda seconds: time.sleep(min(seconds, 0.001)))
    monkeypatch.setattr(huggingface_hub.utils._http, "time", nap)
    monkeypatch.setattr(huggingface_hub.file_download, "time", nap)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path / "cache"))


def files(hub: LoopbackHub) -> dict[str, bytes]:
    return {name: data for name, data in hub.repos["owner/tiny"].files().items() if name != ".gitattributes"}


def refusal(call: Callable[[], Any]) -> str:
    """Run what may fail with one clean line, and return it; nothing where the client does without the answer."""
    try:
        call()
    except (HubError, ArtifactError) as error:  # a repository that looks empty holds no artifact
        said = str(error)
        assert said.isprintable() and len(said) < 600 and TOKEN not in said
        return said
    return ""


def cases(hub: LoopbackHub, call: Callable[[], Any], count: int) -> list[tuple[str, str]]:
    """Return some pairs of a request that a call makes and a fault, every request and every quick fault among them."""
    hub.asked.clear()
    call()
    kinds, faults = list(dict.fromkeys(hub.asked)), [name for name in FAULTS if name not in _ENDLESS]
    chance = random.Random(0)
    return [(kinds[at % len(kinds)], faults[at % len(faults)]) for at in chance.sample(range(10**6), count)] + [
        (kind, chance.choice(faults)) for kind in kinds
    ]


def test_a_push_that_fails_says_so_in_a_line_and_leaves_the_repository_whole(hub: LoopbackHub, sets: Any) -> None:
    old, new = sets
    new.push_to_hub("owner/tiny")
    after = files(hub)
    old.push_to_hub("owner/tiny")
    before = files(hub)
    kept = copy.deepcopy(hub.repos)
    failed = 0
    for kind, fault in cases(hub, lambda: new.push_to_hub("owner/tiny"), 5):
        hub.repos, hub.blobs = copy.deepcopy(kept), {}
        with failing(hub, kind, fault):
            failed += bool(refusal(lambda: new.push_to_hub("owner/tiny")))
        assert files(hub) in (before, after), (kind, fault)
    assert failed > 8


def test_a_fetch_that_fails_says_so_in_a_line(hub: LoopbackHub, sets: Any, monkeypatch, tmp_path: Path) -> None:
    sets[0].push_to_hub("owner/tiny")
    for at, (kind, fault) in enumerate(cases(hub, lambda: DistilledDataset.from_pretrained("owner/tiny"), 0)):
        monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path / str(at)))
        with failing(hub, kind, fault):
            assert refusal(lambda: DistilledDataset.from_pretrained("owner/tiny")), (kind, fault)


@pytest.mark.parametrize("fault", ["500", "HTML", "list", "dropped", "no keys"])
def test_a_source_that_cannot_be_read_says_so_in_a_line(hub: LoopbackHub, sets: Any, fault: str) -> None:
    sets[0].push_to_hub("owner/tiny")
    with failing(hub, "GET /api/datasets/owner/tiny/revision/SHA", fault):
        assert refusal(lambda: open_source(path="owner/tiny")).startswith("owner/tiny: ")


@pytest.mark.parametrize("fault", _ENDLESS)
@pytest.mark.parametrize("kind", ["POST /api/repos/create", "POST /api/datasets/owner/tiny/commit/main"])
def test_no_request_lasts_for_ever(hub: LoopbackHub, sets: Any, kind: str, fault: str) -> None:
    start = time.perf_counter()
    with failing(hub, kind, fault):
        assert refusal(lambda: sets[0].push_to_hub("owner/tiny"))
    assert time.perf_counter() - start < 5


def test_a_download_that_trickles_is_given_up(hub: LoopbackHub, sets: Any) -> None:
    sets[0].push_to_hub("owner/tiny")
    with failing(hub, "GET /datasets/owner/tiny/resolve/SHA/distillation.json", "slow"):
        assert "too slow" in refusal(lambda: DistilledDataset.from_pretrained("owner/tiny"))


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        ("401", "does not accept the access token"),
        ("403", "has no permission for it (Forbidden: \\x1b[31m tells hf_*** \\x1b]0;title"),
        ("403 quota", "beyond what the Hub lets this account store (Private repository storage limit reached"),
        ("413", "beyond what the Hub lets this account store"),
        ("412", "changed during the upload: push again"),
        ("429", "too many requests"),
        ("503", "a fault of its own, 503"),
        ("400", "the Hub answered 400 (bad request"),
        ("null", "none that can be read"),
        ("dropped", "cannot be reached"),
    ],
)
def test_what_the_line_says(hub: LoopbackHub, sets: Any, fault: str, expected: str) -> None:
    with failing(hub, "POST /api/datasets/owner/tiny/commit/main", fault):
        assert expected in refusal(lambda: sets[0].push_to_hub("owner/tiny"))


def test_a_card_that_the_hub_refuses(hub: LoopbackHub, sets: Any) -> None:
    def refuse(handler: Any) -> bool:
        wrong = {"errors": [{"message": "license must be one of \x1b[1m"}], "warnings": []}
        if handler.kind == "POST /api/validate-yaml":
            handler.send(wrong, 400)
        return bool(handler.kind == "POST /api/validate-yaml")

    hub.fault = refuse
    said = refusal(lambda: sets[0].push_to_hub("owner/tiny"))
    assert "refuses the dataset card" in said and "license must be one of \\x1b[1m" in said


def test_exit_codes(hub: LoopbackHub, sets: Any, tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    folder = str(sets[0].save_pretrained(tmp_path / "set"))
    sets[0].folder = None
    with failing(hub, "POST /api/repos/create", "500"):
        assert run(["push", folder, "--repo_id", "owner/tiny"]) == 1
    assert run(["push", folder, "--repo_id", "forbidden/tiny"]) == 1
    assert capsys.readouterr().err.count("\n") == 2
    assert run(["push", folder, "--repo_id", "no namespace"]) == 2
    with pytest.raises(UserError):
        DistilledDataset.from_pretrained("../nowhere")


def test_the_users_own_client_stays_in_use(hub: LoopbackHub, sets: Any) -> None:
    made = []

    def factory() -> Any:
        made.append(inner())
        return made[-1]

    inner = huggingface_hub.utils._http.default_client_factory
    before = huggingface_hub.utils._http._GLOBAL_CLIENT_FACTORY
    huggingface_hub.set_client_factory(factory)
    try:
        sets[0].push_to_hub("owner/tiny")
        assert made
    finally:
        huggingface_hub.set_client_factory(before)
