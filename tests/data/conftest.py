import numpy as np
import pytest
from datasets import ClassLabel, Dataset, Features, Image, List, Value
from PIL import Image as PILImage


@pytest.fixture
def images():
    """Twelve grey 6x5 images of three classes; image i is filled with the value 10 * i."""
    return Dataset.from_dict(
        {
            "picture": [PILImage.fromarray(np.full((5, 6), 10 * i, np.uint8)) for i in range(12)],
            "kind": [i % 3 for i in range(12)],
        },
        features=Features({"picture": Image(), "kind": ClassLabel(names=["a", "b", "c"])}),
    )


@pytest.fixture
def vectors():
    """Eight vectors (i, 2 i, 7) of two classes with text labels."""
    return Dataset.from_dict(
        {"values": [[i, 2 * i, 7] for i in range(8)], "target": ["no" if i % 2 else "yes" for i in range(8)]},
        features=Features({"values": List(Value("float32")), "target": Value("string")}),
    )
