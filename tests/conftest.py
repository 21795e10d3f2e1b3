"""What all tests share: a machine without a network, a cache of its own, and the loopback Hub."""

from __future__ import annotations

import os
import sys
import tempfile
import threading
from collections.abc import Iterator

import pytest

from tests.hub_server import LoopbackHub

# The client reads these when it is imported, so they are set before any test module is.
_HUB = LoopbackHub()
_HOME = tempfile.TemporaryDirectory(prefix="hf_home_")
os.environ.update(
    HF_ENDPOINT=_HUB.url,
    HF_HOME=_HOME.name,
    HF_TOKEN="hf_loopback",
    HF_HUB_DISABLE_XET="1",
    HF_HUB_DISABLE_TELEMETRY="1",
    HF_HUB_DISABLE_PROGRESS_BARS="1",
    HF_DATASETS_DISABLE_PROGRESS_BARS="1",
    TOKENIZERS_PARALLELISM="false",
)
for _name in ("HF_HUB_OFFLINE", "HF_DATASETS_OFFLINE", "HF_HUB_CACHE", "HF_DATASETS_CACHE"):
    os.environ.pop(_name, None)
for _name in ("no_proxy", "NO_PROXY"):
    os.environ[_name] = "127.0.0.1,localhost"
threading.Thread(target=_HUB.serve_forever, daemon=True).start()


def pytest_configure(config: pytest.Config) -> None:
    import torch

    # Tiny networks: a second thread only costs.
    torch.set_num_threads(1)


def pytest_unconfigure(config: pytest.Config) -> None:
    _HUB.shutdown()
    _HOME.cleanup()


@pytest.fixture
def hub() -> Iterator[LoopbackHub]:
    """The loopback Hub, empty; ``HF_ENDPOINT`` names it."""
    _HUB.clear()
    yield _HUB
    _HUB.clear()


@pytest.fixture(autouse=True)
def same_draws() -> None:
    """Start every test at the same state of torch's generator: what passes once passes again."""
    import torch

    torch.manual_seed(0)


@pytest.fixture(autouse=True)
def fresh_accelerator_state() -> Iterator[None]:
    """Forget Accelerate's shared state: a launcher in a later test would take this process for its only one."""
    yield
    state = sys.modules.get("accelerate.state")
    if state is not None:
        state.AcceleratorState._reset_state(True)
