"""HarmonicSet: the stored variables are the spectrum of a time series."""

from __future__ import annotations

import copy
import math
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from typing_extensions import Self

from hf_distill.data.batch import Batch
from hf_distill.data.series_spec import SeriesSpec
from hf_distill.errors import UserError
from hf_distill.options import NonNegativeInt, PositiveInt
from hf_distill.synthetic.base import Bits, Packed, described
from hf_distill.synthetic.series import SeriesSet


class HarmonicSet(SeriesSet):
    """One free complex amplitude per frequency bin and channel: a change moves the whole series and not one place.

    ``x = irfft(real + i imag, n=M, norm="ortho")`` along the time axis. With this norm a bin's size does not depend on
    M, and the squares of series and two-sided spectrum have the same sum. The imaginary part of bin 0, and of bin M/2
    where M is even, stands for nothing and stays zero, so that a spectrum has exactly as many numbers as its series.

    Source: Hong et al., Harmonic Dataset Distillation for Time Series Forecasting (AAAI 2026).

    Args:
        length: Time steps, ``M``.
        harmonics: Bins of each channel that are stored, those with the most energy in the series that the set starts
            from; the others are zero. null stores all ``M // 2 + 1``.
        half_precision: Store real and imaginary parts in 16 bits each, which moves each by a two-thousandth at most;
            they are learned in 32.
        wrap: Time steps by which the published series goes on after its end with its beginning, since what a spectrum
            describes is periodic. With ``lookback + horizon - 1`` every step starts a window, and ``M`` may be shorter
            than one.

    Examples:
        >>> import torch
        >>> from hf_distill import HarmonicSet, SeriesSpec
        >>> spec = SeriesSpec(channels=("load",), mean=(10.0,), std=(2.0,), features={}, lookback=24, horizon=12)
        >>> synthetic = HarmonicSet(length=48, harmonics=4)
        >>> synthetic.initialize(torch.randn(48, 1), torch.arange(48), spec)
        >>> synthetic.bins, synthetic().x.shape
        (25, torch.Size([48, 1]))
    """

    citation = """@inproceedings{hong2026harmonic,
  title = {Harmonic Dataset Distillation for Time Series Forecasting},
  author = {Hong, Seungha and Jang, Sanghwan and Kweon, Wonbin and Kim, Suyeon and Lee, Gyuseok and Yu, Hwanjo},
  booktitle = {AAAI Conference on Artificial Intelligence},
  year = {2026}
}"""

    kept: Tensor

    def __init__(
        self,
        *,
        length: PositiveInt = 384,
        harmonics: PositiveInt | None = None,
        half_precision: bool = False,
        wrap: NonNegativeInt = 0,
    ) -> None:
        super().__init__(length=length)
        self.harmonics = harmonics
        self.half_precision = half_precision
        self.wrap = wrap

    @property
    def stored_steps(self) -> int:
        """See :class:`SeriesSet`; of a sparse set, two numbers a bin, and those in half precision are half a number."""
        numbers = self.length if self.harmonics is None else 2 * self.harmonics
        return numbers * self._value_bits // 32

    @property
    def _value_bits(self) -> int:
        return 16 if self.half_precision else 32

    @property
    def bins(self) -> int:
        """Frequency bins of a channel, ``F = M // 2 + 1``."""
        return self.length // 2 + 1

    def shapes(self, spec: SeriesSpec, size: int) -> dict[str, tuple[int, ...]]:
        """See :class:`SeriesSet`."""
        return dict.fromkeys(("real", "imag"), (size // 2 + 1, spec.num_channels))

    def initialize(self, x: Tensor, y: Tensor, spec: SeriesSpec, w: Tensor | None = None) -> None:
        """See :class:`SeriesSet`."""
        self.check(spec)
        self._spec = spec
        shape = (self.bins, x.shape[1])
        self.real = nn.Parameter(torch.zeros(shape, device=x.device))
        self.imag = nn.Parameter(torch.zeros(shape, device=x.device))
        self.register_buffer("kept", torch.ones(shape, dtype=torch.bool, device=x.device))
        self.assign(x)
        if self.harmonics is not None:
            self._choose(self.harmonics)
            self.project()

    @torch.no_grad()
    def assign(self, x: Tensor) -> None:
        """See :class:`SeriesSet`; of a sparse set, the bins that it keeps, and of a wrapped series, the beginning."""
        # In double precision: what is stored is then the nearest spectrum.
        spectrum = torch.fft.rfft(x[: self.length].detach().double(), dim=0, norm="ortho")
        self.real.copy_(spectrum.real)
        self.imag.copy_(spectrum.imag)
        self.project()

    def check(self, spec: SeriesSpec) -> None:
        """See :class:`SeriesSet`; refuse a number of harmonics that there is not."""
        super().check(spec)
        if self.harmonics is not None and not 1 <= self.harmonics <= self.bins:
            raise UserError(
                f"synthetic.harmonics is {self.harmonics}; {self.length} time steps have 1 to {self.bins} of them"
            )

    def _remedy(self, spec: SeriesSpec) -> str:
        return f"{super()._remedy(spec)}, or synthetic.wrap to {spec.window - self.length} or more"

    def energy(self) -> Tensor:
        """Return the energy of every bin ``(F, N)``; its sum is that of the squared series."""
        twice = torch.full((self.bins, 1), 2.0, device=self.real.device)
        twice[0] = 1
        if self.length % 2 == 0:
            twice[-1] = 1
        return (self.real.detach().square() + self.imag.detach().square()) * twice

    def sparse(self, harmonics: int) -> Self:
        """Return a copy that keeps only so many bins of each channel, those with the most energy now."""
        other = copy.deepcopy(self)
        other.harmonics = harmonics
        other.check(self.spec)
        other._choose(harmonics)
        other.project()
        return other

    def _choose(self, harmonics: int) -> None:
        top = self.energy().topk(harmonics, 0).indices
        self.kept = torch.zeros_like(self.kept).scatter_(0, top, True)

    def codes(self) -> dict[str, Tensor]:
        """Return ``{"real": (F, N), "imag": (F, N)}``."""
        return {"real": self.real, "imag": self.imag}

    def decode(self, codes: dict[str, Tensor]) -> Batch:
        """See :class:`Synthetic`."""
        spectrum = torch.complex(codes["real"], codes["imag"])
        series = torch.fft.irfft(spectrum, n=self.length, dim=0, norm="ortho")
        return self._batch(_repeated(series, self.wrap))

    @torch.no_grad()
    def advance(self, share: float) -> None:
        """See :class:`Synthetic`: after the last step, what is stored in half precision is rounded."""
        if self.half_precision and share == 1:
            for part in (self.real, self.imag):
                part.copy_(part.half())

    @torch.no_grad()
    def project(self) -> None:
        """Set to zero what is not stored and what stands for nothing."""
        self.imag[0] = 0
        if self.length % 2 == 0:
            self.imag[-1] = 0
        if self.harmonics is not None:
            self.real.mul_(self.kept)
            self.imag.mul_(self.kept)

    def pack(self) -> Packed:
        """Return the spectrum as float32, or as float16 where it is stored in half precision, one row a channel.

        A whole spectrum is the real parts of all bins and then the imaginary parts of bins ``1 .. (M - 1) // 2``: M
        numbers. A sparse one has two columns: ``bins``, the numbers of the bins in increasing order with
        ``ceil(log2(F))`` bits each, highest bit first, filled up with zeros to whole bytes; and ``codes``, the real and
        the imaginary part of each in turn.
        """
        real, imag = self.real.detach().cpu(), self.imag.detach().cpu()
        dtype = f"<f{self._value_bits // 8}"
        meta = {
            "kind": type(self).__name__,
            **described(self),
            "dtype": dtype,
            "harmonics": self.harmonics,
            "normalized": True,
        }
        if self.harmonics is None:
            rows = torch.cat((real, imag[1 : (self.length + 1) // 2])).T.contiguous().numpy().astype(dtype)
            return Packed({"codes": [row.tobytes() for row in rows]}, {**meta, "shape": [self.length]})
        kept = self.kept.cpu().T.nonzero()[:, 1].reshape(-1, self.harmonics)  # N, K
        pairs = torch.stack((real.T.gather(1, kept), imag.T.gather(1, kept)), 2).numpy().astype(dtype)
        bins = [np.packbits(_to_binary(row, self._index_bits)) for row in kept.numpy()]
        layout = {
            "codes": {"dtype": dtype, "shape": [self.harmonics, 2]},
            "bins": {"dtype": "u1", "shape": [len(bins[0])]},
        }
        columns = {"bins": [row.tobytes() for row in bins], "codes": [row.tobytes() for row in pairs]}
        return Packed(columns, {**meta, "bits_per_bin": self._index_bits, "columns": layout})

    def reading(self) -> dict[str, Any]:
        """See :class:`Synthetic`."""
        return {"inputs": "spectrum", "length": self.length, "wrap": self.wrap}

    @property
    def _index_bits(self) -> int:
        return _index_bits(self.bins)

    def bits(self) -> Bits:
        """Return 32 or 16 bits for each of the M numbers of a channel; of a sparse set two for each kept bin, and the
        bins' numbers beside.
        """
        channels, value = self.real.shape[1], self._value_bits
        if self.harmonics is None:
            return Bits(data=channels * self.length * value, labels=0)
        index = math.ceil(self.harmonics * self._index_bits / 8) * 8
        return Bits(data=channels * self.harmonics * 2 * value, labels=0, side=channels * index)


def harmonics_within(bits: int, length: int) -> int:
    """Return how many bins of a channel fit into so many bits in half precision, of a set of so many time steps."""
    bins = length // 2 + 1
    return min(bits // (32 + _index_bits(bins)), bins)


def _index_bits(bins: int) -> int:
    return math.ceil(math.log2(bins))


def _repeated(series: Tensor, wrap: int) -> Tensor:
    """Return a series ``(M, N)`` that goes on with its beginning, as often as need be, for ``wrap`` steps."""
    return series[torch.arange(len(series) + wrap, device=series.device) % len(series)] if wrap else series


def _to_binary(numbers: np.ndarray, width: int) -> np.ndarray:
    return ((numbers[:, None] >> np.arange(width)[::-1]) & 1).astype(np.uint8)
