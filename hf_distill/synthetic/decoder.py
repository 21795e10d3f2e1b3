"""The documented decoder: numpy alone, from the rows of config ``codes`` to the exact samples."""

from __future__ import annotations

from typing import Any

from hf_distill.quantization.coding import GAIN, LEAST, SUM

_VALUES = {
    "uniform": (
        "side[:, :1] + (side[:, 1:] - side[:, :1]) * (np.arange({levels}, dtype='f4') / np.float32({top}))[codes]"
    ),
    "symmetric": "side * (2 * (np.arange({levels}, dtype='f4') / np.float32({top})) - 1)[codes]",
    "powers of two": "side * np.array({grid}, 'f4')[codes]",
    "learned": "np.take_along_axis(side, codes, 1)",
}
# Sets whose first variable holds the samples.
_AS_THEY_ARE = ("PixelSet", "VectorSet", "SoftVectorSet", "SeriesSet")


def with_own_decoder(meta: dict[str, Any]) -> dict[str, Any]:
    """Return a description of codes with the decoder that belongs to it.

    What a record brings as its decoder is a stranger's code, which a card of ours would tell people to run; the rest
    of the description has been checked when it was read.
    """
    if "variables" not in meta:
        return {key: value for key, value in meta.items() if key != "decoder"}
    return {**meta, "decoder": decoder_source(meta)}


def decoder_source(meta: dict[str, Any]) -> str:
    """Return Python lines that turn ``row``, the only row of config ``codes``, into the normalised samples ``x``.

    Classification sets also get their labels ``y``.
    """
    lines = []
    for name, about in meta["variables"].items():
        bits, shape = about["bits"], tuple(about["shape"])
        coding = about.get("coding")
        levels = {"levels": about["levels"], "top": about["levels"] - 1, "grid": about.get("grid")}
        count = 1
        for side in shape:
            count *= side
        lines += [
            f"side = np.frombuffer(row[{name + '_side'!r}], '<f2').reshape({tuple(about['side_shape'])}).astype('f4')",
            *(_coded(name, coding) if coding else _packed(name, count, bits)),
            f"{name} = {_VALUES[about['family']].format(**levels)}",
        ]
        if about["granularity"] == "channel":
            moved = (shape[1], shape[0], *shape[2:])
            lines.append(f"{name} = np.moveaxis({name}.reshape({moved}), 0, 1)")
        else:
            lines.append(f"{name} = {name}.reshape({shape})")
    if meta["of"] == "HarmonicSet":
        lines.append(f"x = np.fft.irfft(real + 1j * imag, {meta['length']}, axis=0, norm='ortho').astype('f4')")
        if meta.get("wrap"):
            lines.append(f"x = x[np.arange({meta['length'] + meta['wrap']}) % {meta['length']}]")
    elif meta["of"] == "CoarsePixelSet":
        full, small = tuple(meta["enlarged"][1:]), tuple(meta["variables"]["pixels"]["shape"][2:])
        lines += [
            f"centres = [np.clip((np.arange(n) + 0.5) * m / n - 0.5, 0, m - 1) for n, m in zip({full}, {small})]",
            f"rise, run = [1 - abs(c[:, None] - np.arange(m)).clip(0, 1) for c, m in zip(centres, {small})]",
            "x = (rise @ pixels @ run.T).astype('f4')",
        ]
    elif meta["of"] in _AS_THEY_ARE:
        lines.append(f"x = {next(iter(meta['variables']))}")
    else:
        names = ", ".join(meta["variables"])
        lines.append(f"# {meta['of']} is no set of hf_distill: its author knows what samples {names} stand for")
    about = meta.get("labels")
    if about is not None and "bits" in about:
        bits, count = about["bits"], about["count"]
        lines.append(f"y = np.unpackbits(np.frombuffer(row['label'], 'u1'))[:{count * bits}].reshape(-1, {bits})")
        lines.append(f"y = y @ (1 << np.arange({bits})[::-1])")
        if "top" in about:
            lines += [
                f"y, chosen = np.zeros((len(x), {about['classes']}), 'f4'), y.reshape(len(x), {about['top']})",
                "labels = labels.clip(0)",
                "np.put_along_axis(y, chosen, labels / labels.sum(1, keepdims=True).clip(1e-6), 1)",
            ]
    elif about is not None:
        lines.append(f"y = np.repeat(np.arange({about['classes']}), row['per_class'])")
    return "\n".join(lines)


def _packed(name: str, count: int, bits: int) -> list[str]:
    return [
        f"codes = np.unpackbits(np.frombuffer(row[{name!r}], 'u1'))[:{count * bits}].reshape(-1, {bits})",
        f"codes = (codes @ (1 << np.arange({bits})[::-1])).reshape(len(side), -1)",
    ]


def _coded(name: str, about: dict[str, Any]) -> list[str]:
    """Return the lines of :func:`hf_distill.quantization.coding.decode`."""
    (count, length), levels, lanes, near = about["shape"], about["levels"], about["lanes"], about["neighbours"]
    pad = max(near, default=0)
    powers = [levels**k for k in reversed(range(len(near)))]
    return [
        f"words = np.frombuffer(row[{name!r}], '<u2').astype('i8')",
        f"states, at = words[:{2 * lanes}:2] + (words[1:{2 * lanes}:2] << 16), {2 * lanes}",
        f"codes, counts = np.zeros(({count}, {pad + length}), 'i8'), np.ones(({levels ** len(near)}, {levels}), 'i8')",
        f"for first, t in np.ndindex({-(-count // lanes)}, {length}):",
        f"    block, t = codes[first * {lanes}:][:{lanes}], t + {pad}",
        "    state, each = states[:len(block)], np.arange(len(block))",
        f"    where = sum((block[:, t - d] * p for d, p in zip({near}, {powers})), 0 * each)",
        f"    share = 1 + counts[where] * {SUM - levels} // counts[where].sum(1, keepdims=True)",
        f"    share[:, 0] += {SUM} - share.sum(1)",
        f"    ends, slot = share.cumsum(1), state % {SUM}",
        "    block[:, t] = (slot[:, None] >= ends).sum(1)",
        "    share, ends = share[each, block[:, t]], ends[each, block[:, t]]",
        f"    state[:] = share * (state // {SUM}) + slot - ends + share",
        f"    short = state < {LEAST}",
        "    state[short], at = (state[short] << 16) + words[at:at + short.sum()], at + short.sum()",
        f"    np.add.at(counts, (where, block[:, t]), {GAIN})",
        f"codes = codes[:, {pad}:].reshape(len(side), -1)",
    ]
