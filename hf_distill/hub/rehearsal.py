"""Publishing a made-up set before the work: what cannot be written or drawn is refused while nothing is lost."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

import pyarrow as pa

from hf_distill.data.base import Spec
from hf_distill.errors import DistillError, UserError
from hf_distill.hub.artifact import DistilledDataset
from hf_distill.hub.record import checked, read_record
from hf_distill.hub.writing import write_contents
from hf_distill.synthetic.base import Bits, Packed
from hf_distill.text import printable, shorten

# Classes that are written out: thousands take seconds in the card's YAML.
_FEW = 25


def rehearse(spec: Spec) -> None:
    """Write a set of two rows in a temporary folder, with its picture and its card, and read it back.

    Args:
        spec: What the samples are.

    Raises:
        UserError: A set of such data cannot be published; the message says what is in the way.
    """
    try:
        with tempfile.TemporaryDirectory() as folder:
            few = spec.with_few(_FEW)
            made_up = _made_up(few)
            write_contents(made_up, Path(folder), check="nothing")
            DistilledDataset._read(Path(folder))
            values = read_record(Path(folder))
            # Of all the names: are they JSON, text and different, and does the label column hold them?
            checked({**values, "counts": None, "spec": json.loads(json.dumps(spec.to_dict()))}, "what is known of it")
    except (
        DistillError,
        ArithmeticError,
        LookupError,
        TypeError,
        ValueError,
        RuntimeError,
        pa.ArrowException,
    ) as error:
        reason = str(error) if isinstance(error, DistillError) else f"{type(error).__name__}: {error}"
        raise UserError(f"a distilled set of this data could not be published: {shorten(printable(reason))}") from error


def _made_up(spec: Spec) -> DistilledDataset:
    """Return a set of two rows, the mean of the data, in the first and the last class."""
    x, y = spec.made_up()
    rows = [row.numpy().tobytes() for row in x]
    meta = {"dtype": "<f4", "shape": list(x.shape[1:]), "normalized": True}
    return DistilledDataset(spec, x, y, Packed({"codes": rows}, meta), Bits(data=32 * x.numel(), labels=0))
