from __future__ import annotations

import pytest
import torch

from hf_distill.data.real import RealData
from tests.evaluation.sets import distilled, table, vectors


@pytest.fixture(autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def real() -> RealData:
    return RealData.from_dataset(table(60, 0), table(30, 1)).setup()


@pytest.fixture
def vector_real() -> RealData:
    return RealData.from_dataset(vectors(60, 0), vectors(30, 1)).setup()


@pytest.fixture
def artifact(real, tmp_path) -> str:
    return str(distilled(real, 2).save_pretrained(tmp_path / "artifact"))
