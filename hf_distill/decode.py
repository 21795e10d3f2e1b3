"""From the codes of a distilled dataset back to its exact samples, labels and weights. It needs numpy alone.

    import json
    from datasets import load_dataset
    from decode import decode

    rows = load_dataset("path/to/the/set", "codes", split="train")
    x, y, w = decode(json.load(open("path/to/the/set/distillation.json")), rows[:])

hf_distill writes this file beside the data and reads them with the same one.
"""

from __future__ import annotations

from typing import Any

import numpy as np

#: Entropy coding: the sum of a context's frequencies, the least that a state can be, and what a code adds to its count.
SUM, LEAST, GAIN = 1 << 14, 1 << 16, 2
#: Uniform numbers that a random view takes beside those that shuffle its patches.
ENOUGH = 7
#: What sets that say nothing of their inputs, those of older versions, do with their variables.
_INPUTS = dict.fromkeys(("PixelSet", "VectorSet", "SoftVectorSet", "GeneratedSet", "SeriesSet"), "as stored")
_INPUTS |= {"CoarsePixelSet": "enlarged", "HarmonicSet": "spectrum"}


class Damaged(ValueError):
    """The codes are not what their description says."""


def decode(record: dict[str, Any], rows: dict[str, list[Any]]) -> tuple[np.ndarray, np.ndarray | None, np.ndarray]:
    """Return inputs, labels and weights.

    Args:
        record: The content of ``distillation.json``.
        rows: The table of config ``codes``, a list of values by column; with that of config ``labels`` where there is
            one: ``{**codes, **labels}``.

    Returns:
        ``x``: samples ``(M, *shape)`` or a series ``(time steps, channels)``, in the networks' units: value less mean,
        by deviation, both of the source's training rows. ``y``: class indices ``(M,)``, class probabilities
        ``(M, classes)`` or, of sets with several views of a sample, ``(M, views, classes)``; of sets without classes
        numbers ``(M, outputs)``: values in such units, or for each label how likely it is; None for a series. ``w``:
        how much each sample counts, ``(M,)``, 1 on average.

    Raises:
        Damaged: The codes are not what the record says.
    """
    meta = record["codes"]["meta"]
    values = variables(meta, rows)
    x = inputs(meta, values, record["spec"])
    return x, labels(meta, rows, values), weights(meta, values, len(x))


def probabilities(record: dict[str, Any], rows: dict[str, list[Any]]) -> np.ndarray:
    """Return the class probabilities of the table of config ``labels`` alone, ``(M, views, classes)``.

    Args:
        record: The content of ``distillation.json``.
        rows: The table, a list of values by column.

    Raises:
        Damaged: They are not what the record says.
    """
    meta = record["codes"]["meta"]
    found = labels(meta, rows, variables(meta, rows, ("labels", "shares", "chosen")))
    if found is None or found.ndim != 3:
        raise Damaged("these are no labels of views")
    return found


def variables(
    meta: dict[str, Any], rows: dict[str, list[Any]], names: tuple[str, ...] | None = None
) -> dict[str, np.ndarray]:
    """Return the stored variables by name: of a quantized set their float32 values, else columns of bytes as arrays.

    Args:
        meta: How they are stored, ``record["codes"]["meta"]``.
        rows: See :func:`decode`.
        names: Those that are wanted; all of them if None.
    """
    texts = meta.get("texts", {}) | ({"tokens": meta["tokens"]} if "tokens" in meta else {})
    found = {name: _tokens(about, rows[name]) for name, about in texts.items() if names is None or name in names}
    if "variables" in meta:
        wanted = {name: about for name, about in meta["variables"].items() if names is None or name in names}
        return found | {name: _dequantized(name, about, rows) for name, about in wanted.items()}
    for name, values in rows.items():
        listed = isinstance(values[0], list) and name in meta.get("columns", {})  # in config labels
        if name not in texts and (listed or isinstance(values[0], bytes)) and (names is None or name in names):
            layout = meta.get("columns", {}).get(name, meta)
            kind = np.dtype(layout.get("dtype", "u1"))
            each = np.array(values, kind) if listed else np.stack([np.frombuffer(value, kind) for value in values])
            each = each.astype(kind.newbyteorder("="))
            found[name] = each.reshape(len(values), *layout.get("shape", (-1,)))
    return found


def reading(meta: dict[str, Any]) -> str | None:
    """Return how variables become inputs: ``enlarged`` or ``tones`` say; None where it is not known."""
    return meta["inputs"] if "inputs" in meta else _INPUTS.get(str(meta.get("of", meta.get("kind"))))


def inputs(meta: dict[str, Any], values: dict[str, np.ndarray], spec: dict[str, Any]) -> np.ndarray:
    """Return what the variables stand for: samples, or a series."""
    how = reading(meta)
    if how == "spectrum":
        return _series(meta, values)
    if how == "joined":
        return np.concatenate([values[name].reshape(len(values[name]), -1) for name in meta["joined"]], 1)
    stored = next((values[name] for name in ("codes", "pixels", "values", "tokens") if name in values), None)
    if how is None or stored is None:
        kind = meta.get("of", meta.get("kind"))
        raise Damaged(f"{kind} is no set of hf_distill: its author knows what {', '.join(values)} stand for")
    if how == "enlarged":
        return _enlarged(stored, meta["enlarged"])
    if how == "cosines":
        return (stored @ cosines(meta["steps"], stored.shape[-1]).T).astype("f4")
    if how == "motion":
        return _videos(stored, meta)
    if how == "tones":
        return _sounds(stored, meta)
    if not meta.get("normalized", True):
        mean, std = (np.array(spec[name], "f4").reshape(-1, 1, 1) for name in ("mean", "std"))
        return (stored.astype("f4") / np.float32(255) - mean) / std
    # A plain series has a row for each channel.
    return stored.T if spec["task"].startswith("time-series") and "variables" not in meta else stored


def labels(meta: dict[str, Any], rows: dict[str, list[Any]], values: dict[str, np.ndarray]) -> np.ndarray | None:
    """Return the labels, see :func:`decode`."""
    about = meta.get("labels", {})
    if not about and "labels" in values:  # of somebody's own set, by an older version
        return _distribution(values["labels"])
    if "top" in about:
        shares = values["labels"] if "labels" in values else values["shares"]
        chosen = values["chosen"] if "chosen" in values else _numbers(about, rows).reshape(shares.shape)
        y = np.zeros((*shares.shape[:-1], about["classes"]), "f4")
        np.put_along_axis(y, _below(chosen.astype("i8"), about["classes"]), _distribution(shares), -1)
        return y
    if "values" in about:
        return values["labels"]
    if "dense" in about:
        dense = values["labels"]
        if about["dense"] == "probabilities":
            return _distribution(dense)
        powers = np.exp(dense - dense.max(-1, keepdims=True))
        return powers / powers.sum(-1, keepdims=True)
    if "per_class" in rows:
        count = next(iter(meta["variables"].values()))["shape"][0]
        if rows["per_class"][0] * about["classes"] != count:
            raise Damaged(f"per_class is {rows['per_class'][0]}, and there are {count} samples: it is damaged")
        return np.repeat(np.arange(about["classes"]), rows["per_class"][0])
    return _numbers(about, rows) if "label" in rows else None


def weights(meta: dict[str, Any], values: dict[str, np.ndarray], count: int) -> np.ndarray:
    """Return the weights of so many samples, see :func:`decode`."""
    if "weights" not in meta:
        return np.ones(count, "f4")
    stored = values["weights"].reshape(-1).astype("f8").clip(1e-6)
    return (stored / stored.mean()).astype("f4")


def view_matrices(count: int, share: float, height: int, width: int) -> tuple[np.ndarray, np.ndarray]:
    """Return what makes views of images: the matrix of the lines of each, ``(views, H, H)``, and that of its columns.

    The first view is the image. Every other is a part of it, ``share`` of its height and width, enlarged to its size by
    linear interpolation; the places of the parts follow the additive recurrence of the plastic number.
    """
    found = []
    for step, full in ((0.7548776662466927, height), (0.5698402909980532, width)):
        part = max(1, round(share * full))
        starts = [round((0.5 + view * step) % 1 * (full - part)) for view in range(1, count)]
        found.append(np.stack([np.eye(full), *(_spread(full, part) @ np.eye(full)[at : at + part] for at in starts)]))
    return found[0], found[1]


def seen(x: np.ndarray, about: dict[str, Any], index: np.ndarray) -> np.ndarray:
    """Return views of images ``(M, C, H, W)``, of which each has a label, ``(B, C, H, W)``; the first is the image.

    Args:
        x: The images.
        about: ``record["codes"]["meta"]["labels"]["views"]``.
        index: Numbers of examples ``(B,)``: view ``e % count`` of image ``e // count``.
    """
    sample, view = np.divmod(index, about["count"])
    if "seed" not in about:
        rise, run = (part.astype("f4") for part in view_matrices(about["count"], about["share"], *x.shape[2:]))
        return rise[view][:, None] @ x[sample] @ run[view][:, None].swapaxes(-1, -2)
    u = numbers(about["seed"], view, sample, ENOUGH + about["patches"] ** 2)
    own = random_parts(x[sample], u, about)
    if about["mix"] != "none":
        partner = partners(about["seed"], view, sample, len(x))
        u_partner = numbers(about["seed"], view, partner, u.shape[1])
        share = partner_shares(u, about["mix"], *x.shape[2:])[:, None]
        own = own * (1 - share) + random_parts(x[partner], u_partner, about) * share
    own[view == 0] = x[sample[view == 0]]
    return own


def random_parts(x: np.ndarray, u: np.ndarray, about: dict[str, Any]) -> np.ndarray:
    """Return a random part of each image ``(B, C, H, W)``, enlarged to its size, by uniform numbers ``(B, n)``."""
    height, width = x.shape[2:]
    places = shuffled_places(u, about["patches"], height, width)
    x = np.take_along_axis(x.reshape(*x.shape[:2], -1), places[:, None], 2).reshape(x.shape)
    rise, run = part_matrices(u, about["least"], about["flip"], height, width)
    return rise[:, None] @ x @ run[:, None].swapaxes(-1, -2)


def part_matrices(u: np.ndarray, least: float, flip: float, height: int, width: int) -> tuple[np.ndarray, np.ndarray]:
    """Return what makes random parts of images: matrices of lines ``(B, H, H)`` and of columns ``(B, W, W)``.

    A part has ``least`` to 1 of the area and the proportions of the image, and lies anywhere in it. It is enlarged by
    linear interpolation and mirrored with probability ``flip``.
    """
    share, found = np.sqrt(least + u[:, 0] * (1 - least))[:, None], []
    for place, full in ((u[:, 1, None], height), (u[:, 2, None], width)):
        part = np.maximum(np.rint(share * full), 1)
        start = np.floor(place * (full - part + 1))
        centres = start + ((np.arange(full) + 0.5) * part / full - 0.5).clip(0, part - 1)
        found.append((1 - abs(centres[:, :, None] - np.arange(full)).clip(0, 1)).astype("f4"))
    rise, run = found
    return rise, np.where((u[:, 3] < flip)[:, None, None], run[:, ::-1], run)


def shuffled_places(u: np.ndarray, patches: int, height: int, width: int) -> np.ndarray:
    """Return which pixel comes to each place, ``(B, H * W)``, where ``patches`` by ``patches`` tiles change places."""
    places = np.arange(height * width)
    if patches == 1 or height % patches or width % patches:
        return np.broadcast_to(places, (len(u), len(places)))
    tiles = places.reshape(patches, height // patches, patches, width // patches).swapaxes(1, 2)
    order = u[:, ENOUGH:].argsort(1, kind="stable")
    tiles = tiles.reshape(patches**2, height // patches, width // patches)[order]
    tiles = tiles.reshape(len(u), patches, patches, height // patches, width // patches).swapaxes(2, 3)
    return tiles.reshape(len(u), -1)


def partner_shares(u: np.ndarray, mix: str, height: int, width: int) -> np.ndarray:
    """Return how much of each pixel ``(B, H, W)`` is that of another image: evenly (mixup), or in a box (CutMix)."""
    if mix == "mixup":
        return np.broadcast_to(u[:, 4, None, None], (len(u), height, width)).astype("f4")
    inside = []
    for place, full in ((u[:, 5, None], height), (u[:, 6, None], width)):
        box = np.rint(np.sqrt(u[:, 4, None]) * full)
        start = np.floor(place * full) - np.floor(box / 2)
        at = np.arange(full)
        inside.append((at >= start) & (at < start + box))
    return (inside[0][:, :, None] & inside[1][:, None]).astype("f4")


def partners(seed: int, view: np.ndarray, sample: np.ndarray, count: int) -> np.ndarray:
    """Return the image that each image is mixed with in some views: the one so many places on, the same for a view."""
    step = numbers(seed, view, np.full_like(view, -1), 1)[:, 0]
    return (sample + 1 + np.floor(step * (count - 1)).astype("i8")) % count


def numbers(seed: int, view: np.ndarray, sample: np.ndarray, count: int) -> np.ndarray:
    """Return numbers in [0, 1), float64 ``(B, count)``: functions of seed, view and sample, the same on every machine.

    A chain of SplitMix64's scrambler (Steele, Lea and Flood, OOPSLA 2014).
    """
    state = np.full((len(view), 1), seed, "u8")
    for part in (view[:, None], sample[:, None], np.arange(count)[None]):
        with np.errstate(over="ignore"):
            state = state ^ part.astype("i8").view("u8")
            state = state + np.uint64(0x9E3779B97F4A7C15)
            state = (state ^ (state >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
            state = (state ^ (state >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
            state = state ^ (state >> np.uint64(31))
    return (state >> np.uint64(11)) * 2.0**-53


def unpack(data: bytes, bits: int, count: int) -> np.ndarray:
    """Return so many whole numbers of ``bits`` bits each, one after another, highest bit first."""
    if len(data) != -(-count * bits // 8):
        raise Damaged(f"{len(data)} bytes are not {count} codes of {bits} bits: they are damaged")
    binary = np.unpackbits(np.frombuffer(data, "u1"))
    if binary[count * bits :].any():
        raise Damaged("bits after the last code are not zero: the codes are damaged")
    return binary[: count * bits].reshape(count, bits).astype("i8") @ (1 << np.arange(bits)[::-1])


def decode_words(data: bytes, about: dict[str, Any]) -> np.ndarray:
    """Return codes ``(n, length)`` that are entropy-coded by their neighbours.

    Interleaved range asymmetric numeral systems under an adaptive model: ``lanes`` rows are read side by side, a code
    of each at a time. A code's context are the codes before it in its row at the distances ``neighbours``; every
    context counts the codes that followed it.
    """
    (count, length), levels, lanes, near = about["shape"], about["levels"], about["lanes"], about["neighbours"]
    if len(data) % 2 or len(data) < 4 * lanes:
        raise Damaged("the bytes are not the codes that were coded: they are damaged")
    words = np.frombuffer(data, "<u2").astype("i8")
    states, at, pad = words[: 2 * lanes : 2] + (words[1 : 2 * lanes : 2] << 16), 2 * lanes, max(near, default=0)
    codes, counts = np.zeros((count, pad + length), "i8"), np.ones((levels ** len(near), levels), "i8")
    for first, place in np.ndindex(-(-count // lanes), length):
        block = codes[first * lanes :][:lanes]
        state, each, where = states[: len(block)], np.arange(len(block)), np.zeros(len(block), "i8")
        for distance in near:
            where = where * levels + block[:, pad + place - distance]
        share = frequencies(counts[where])
        ends, slot = share.cumsum(1), state % SUM
        code = (slot[:, None] >= ends).sum(1)
        own = share[each, code]
        state[:] = own * (state // SUM) + slot - ends[each, code] + own
        short = state < LEAST
        more = words[at : at + short.sum()]
        if len(more) < short.sum():
            raise Damaged("the bytes are not the codes that were coded: they are damaged")
        state[short] = (state[short] << 16) + more
        at += len(more)
        np.add.at(counts, (where, code), GAIN)
        block[:, pad + place] = code
    if at != len(words) or (states != LEAST).any():
        raise Damaged("the bytes are not the codes that were coded: they are damaged")
    return codes[:, pad:]


def frequencies(counts: np.ndarray) -> np.ndarray:
    """Return whole numbers of at least 1 that sum to ``SUM``, about as the counts ``(k, levels)``."""
    share = 1 + counts * (SUM - counts.shape[1]) // counts.sum(1, keepdims=True)
    share[:, 0] += SUM - share.sum(1)
    return share


def _dequantized(name: str, about: dict[str, Any], rows: dict[str, list[Any]]) -> np.ndarray:
    """Return the values of a quantized variable: of its codes, by the ranges or levels of each group of them."""
    shape, levels, data, raw = about["shape"], about["levels"], rows[name][0], rows[f"{name}_side"][0]
    coded = "coding" in about
    codes = decode_words(data, about["coding"]) if coded else unpack(data, about["bits"], int(np.prod(shape)))
    if len(raw) != 2 * int(np.prod(about["side_shape"])):
        raise Damaged(f"{name}_side has {len(raw)} bytes, which are not its ranges or levels: it is damaged")
    side = np.frombuffer(raw, "<f2").reshape(about["side_shape"]).astype("f4")
    if not np.isfinite(side).all():
        raise Damaged(f"{name}_side holds ranges or levels that are not finite: it is damaged")
    if codes.size and codes.max() >= levels:
        raise Damaged(f"{name} holds code {codes.max()}, and there are {levels} levels: it is damaged")
    codes = codes.reshape(len(side), -1)
    if about["family"] == "learned":
        values = np.take_along_axis(side, codes, 1)
    elif about["family"] == "powers of two":
        values = side * np.asarray(about["grid"], "f4")[codes]
    else:
        unit = np.arange(levels, dtype="f4") / np.float32(levels - 1)
        symmetric = about["family"] == "symmetric"
        values = side * (2 * unit - 1)[codes] if symmetric else side[:, :1] + (side[:, 1:] - side[:, :1]) * unit[codes]
    if about["granularity"] != "channel":
        return values.reshape(shape)
    return np.moveaxis(values.reshape(shape[1], shape[0], *shape[2:]), 0, 1)


def _tokens(about: dict[str, Any], rows: list[bytes]) -> np.ndarray:
    """Return numbers of tokens ``(M, length)``, filled up with zeros, of a text a row, or of all in one row."""
    bits = about["bits"]
    texts = [unpack(row, bits, about.get("count", len(row) * 8 // bits)) for row in rows]
    if "count" in about:
        texts = np.split(texts[0], np.flatnonzero(texts[0] == 0) + 1)[:-1]
    out = np.zeros((len(texts), about["length"]), "f4")
    for row, numbers in zip(out, texts, strict=True):
        numbers = numbers[: np.count_nonzero(numbers)]
        if len(numbers) > len(row):
            raise Damaged(f"a text has {len(numbers)} tokens, more than {len(row)}: it is damaged")
        row[: len(numbers)] = numbers
    return out


def _series(meta: dict[str, Any], values: dict[str, np.ndarray]) -> np.ndarray:
    """Return the series of a spectrum, which goes on with its beginning for ``wrap`` steps."""
    length, bins = meta["length"], meta["length"] // 2 + 1
    if "real" in values:
        spectrum = values["real"] + 1j * values["imag"]
    elif meta["harmonics"] is None:  # a row a channel: real parts, then the imaginary ones that are not zero
        spectrum = values["codes"][:, :bins].T.astype("c8")
        spectrum[1 : (length + 1) // 2] += 1j * values["codes"][:, bins:].T
    else:
        spectrum, width = np.zeros((bins, len(values["codes"])), "c8"), meta["bits_per_bin"]
        for channel, (packed, pairs) in enumerate(zip(values["bins"], values["codes"], strict=True)):
            kept = unpack(packed.tobytes(), width, meta["harmonics"])
            spectrum[kept, channel] = pairs[:, 0] + 1j * pairs[:, 1]
    x = np.fft.irfft(spectrum, length, axis=0, norm="ortho").astype("f4")
    return x[np.arange(length + meta.get("wrap", 0)) % length]


def _enlarged(pixels: np.ndarray, shape: list[int]) -> np.ndarray:
    """Return images of a shape ``(C, H, W)``, by linear interpolation between the centres of stored pixels."""
    rise, run = (_spread(full, small) for full, small in zip(shape[1:], pixels.shape[-2:], strict=True))
    return (rise @ pixels @ run.T).astype("f4")


def _videos(values: np.ndarray, meta: dict[str, Any]) -> np.ndarray:
    """Return videos ``(M, T, C, H, W)`` of a coarse video and a still image, both enlarged, which are added."""
    moving, (frames, *shape) = meta["moving"], meta["video"]
    coarse, still = np.split(values, [int(np.prod(moving))], 1)
    video = _enlarged(coarse.reshape(-1, *moving), shape)
    video = np.einsum("Tt,mtchw->mTchw", _spread(frames, moving[0]), video)
    if meta["still"][0]:
        video = video + _enlarged(still.reshape(-1, *meta["still"]), shape)
    return video.astype("f4")


def waves(tones: Any, frames: int, hop: int, rate: int) -> np.ndarray:
    """Return sine waves of so many Hz, float32 ``(frames, tones, hop)``, in phases that keep their sum even."""
    place = np.arange(len(tones))[:, None]
    turns = np.asarray(tones, "f8")[:, None] * np.arange(frames * hop) / rate + place**2 / (2 * len(tones))
    return np.sin(2 * np.pi * (turns % 1)).astype("f4").reshape(len(tones), frames, hop).swapaxes(0, 1)


def _sounds(levels: np.ndarray, meta: dict[str, Any]) -> np.ndarray:
    """Return the sounds of tones with some levels ``(M, tones, frames)``; amplitudes are linear between frames."""
    hop, frames = meta["hop"], levels.shape[2]
    amplitudes = np.exp(levels).transpose(2, 0, 1)
    each, rise = waves(meta["tones"], frames, hop, meta["sampling_rate"]), (np.arange(hop) / hop).astype("f4")
    sound = amplitudes @ (each * (1 - rise))
    sound[:-1] += amplitudes[1:] @ (each * rise)[:-1]
    return sound.swapaxes(0, 1).reshape(len(levels), -1)[:, : meta["samples"]].astype("f4")


def cosines(steps: int, count: int) -> np.ndarray:
    """Return the slowest cosines of series of so many steps, ``(steps, count)``, each of length one (DCT-II)."""
    waves = np.cos(np.pi / steps * (np.arange(steps)[:, None] + 0.5) * np.arange(count))
    return (waves / np.sqrt(np.square(waves).sum(0))).astype("f4")


def _spread(full: int, small: int) -> np.ndarray:
    """Return the matrix ``(full, small)`` of linear interpolation between the centres of ``small`` pixels."""
    centres = ((np.arange(full) + 0.5) * small / full - 0.5).clip(0, small - 1)
    return 1 - abs(centres[:, None] - np.arange(small)).clip(0, 1)


def _numbers(about: dict[str, Any], rows: dict[str, list[Any]]) -> np.ndarray:
    """Return the stored class numbers, one after another."""
    if "bits" in about:
        return _below(unpack(rows["label"][0], about["bits"], about["count"]), about["classes"])
    return np.array(rows["label"], "i8")


def _below(numbers: np.ndarray, classes: int) -> np.ndarray:
    if numbers.size and not 0 <= numbers.min() <= numbers.max() < classes:
        raise Damaged(f"labels name class {numbers.max()}, and there are {classes}: they are damaged")
    return numbers


def _distribution(shares: np.ndarray) -> np.ndarray:
    shares = shares.clip(0)
    return shares / shares.sum(-1, keepdims=True).clip(1e-6)
