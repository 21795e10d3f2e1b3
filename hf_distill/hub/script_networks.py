"""Networks of a card's script, as lines of plain torch.

A record is a stranger's: numbers and known names of it are written into the script, and nothing else.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Mapping
from typing import Any

from hf_distill.data.kinds.mixed import MixedKind
from hf_distill.data.spec import DataSpec
from hf_distill.hub.lines import Unknown, number, options_of, whole
from hf_distill.networks.convnet import ConvNet
from hf_distill.networks.convnet1d import KERNEL, ConvNet1d
from hf_distill.networks.default import default_network
from hf_distill.networks.frames import FramesNetwork
from hf_distill.networks.listening import MelNetwork
from hf_distill.networks.mel import LogMel
from hf_distill.networks.mixed import MixedNetwork
from hf_distill.networks.mlp import MLP
from hf_distill.networks.text_net import TextNet

_DEEPEST = 64
_MOST_BANDS, _MOST_WINDOW, _WIDEST = 512, 20_000, 1024


def label_of(described: Mapping[str, Any]) -> str:
    """Return what a table calls a network of a description."""
    name, options = described["class_path"], described["init_args"]
    if name == "TextNet" and options.get("window"):
        return f"{name}-{options['window']}"
    if name != "MelNetwork":
        return name
    return f"Mel{(options.get('network') or {'class_path': 'ConvNet'})['class_path']}"


def network_lines(spec: DataSpec, described: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the lines that make the network of a description.

    Raises:
        Unknown: There are no words for it.
    """
    options = options_of(described, ConvNet, ConvNet1d, MLP, TextNet, MelNetwork, FramesNetwork, MixedNetwork)
    return _NETWORKS[described["class_path"]](spec, options)


def _conv_net(spec: DataSpec, options: Mapping[str, Any]) -> tuple[str, ...]:
    return _blocks(spec.shape, spec.num_outputs, options)


def _blocks(
    shape: tuple[int, ...], outputs: int, options: Mapping[str, Any], first: tuple[str, ...] = ()
) -> tuple[str, ...]:
    """Return a ConvNet for images of some shape, with further layers in front."""
    width, depth, norm = whole(options, "width"), whole(options, "depth", _DEEPEST), options["norm"]
    norms = {"instance": f"nn.GroupNorm({width}, {width}), ", "batch": f"nn.BatchNorm2d({width}), ", "none": ""}
    channels, *sides = shape
    padded = (channels, *sides) == (1, 28, 28)  # as the field does, to 32 pixels
    features = width * math.prod((side + 4 * padded) // 2**depth for side in sides)
    layers = [*first, f"*block({channels}{', 3' if padded else ''})", *[f"*block({width})"] * (depth - 1)]
    argument, padding = (", padding=1", "padding") if padded else ("", "1")
    return (
        f"def block(channels{argument}):",
        f"    return nn.Conv2d(channels, {width}, 3, padding={padding}), {norms[norm]}nn.ReLU(), nn.AvgPool2d(2)",
        "",
        "",
        f"network = nn.Sequential({', '.join(layers)}, nn.Flatten(), nn.Linear({features}, {outputs}))",
    )


def _conv_net_1d(spec: DataSpec, options: Mapping[str, Any]) -> tuple[str, ...]:
    width, depth = whole(options, "width"), whole(options, "depth", _DEEPEST)
    norms = {"instance": f"nn.GroupNorm({width}, {width}), ", "batch": f"nn.BatchNorm1d({width}), ", "none": ""}
    channels, steps = spec.shape
    blocks = [f"*block({channels})", *[f"*block({width})"] * (depth - 1)]
    return (
        "def block(channels):",
        f"    return nn.Conv1d(channels, {width}, {KERNEL}, padding={KERNEL // 2}), {norms[options['norm']]}nn.ReLU(), "
        "nn.AvgPool1d(2)",
        "",
        "",
        f"network = nn.Sequential({', '.join(blocks)}, nn.Flatten(), "
        f"nn.Linear({width * (steps // 2**depth)}, {spec.num_outputs}))",
    )


def _mel_network(spec: DataSpec, options: Mapping[str, Any]) -> tuple[str, ...]:
    """Return a ConvNet that sees the log-mel spectrogram of sounds: :class:`~hf_distill.networks.mel.LogMel`."""
    inner = ConvNet(width=32).config() if options["network"] is None else options["network"]
    rate = int(options["sampling_rate"] or spec.about["sampling_rate"])
    bands, span = whole(options, "bands", _MOST_BANDS), number(options, "span")
    frames = None if options["frames"] is None else whole(options, "frames")
    if number(options, "window") * rate > _MOST_WINDOW:
        raise Unknown
    ear = LogMel(spec.shape[0], rate, bands, frames, number(options, "window"), span)
    half, end = ear.width // 2, (ear.frames - 1) * ear.hop + ear.width - ear.width // 2 - ear.length
    return (
        f"class LogMel(nn.Module):  # images of {bands} bands of the mel scale and {ear.frames} frames, of -2 to 2",
        "    def __init__(self):",
        "        super().__init__()",
        f"        top = 2595 * np.log10(1 + {rate / 2} / 700)",
        f"        corners = 700 * (10 ** (np.linspace(0, top, {bands + 2}) / 2595) - 1)",
        f"        slopes, widths = corners - np.linspace(0, {rate // 2}, {half + 1})[:, None], np.diff(corners)",
        "        sides = -slopes[:, :-2] / widths[:-1], slopes[:, 2:] / widths[1:]",
        "        self.bands = torch.from_numpy(np.minimum(*sides).clip(0)).float()",
        "",
        "    def forward(self, x):",
        f"        framed = F.pad(x, ({half}, {end})).unfold(-1, {ear.width}, {ear.hop})",
        f"        spectrum = torch.fft.rfft(framed * torch.hann_window({ear.width}))",
        "        level = 10 * (spectrum.abs().square() @ self.bands).mT.clamp_min(1e-10).log10()",
        f"        loudest = level.amax((-1, -2), keepdim=True).clamp_min({span - 100:g})",
        f"        return ((level - loudest).clamp_min({-span:g}) / {span / 4:g} + 2)[:, None]",
        "",
        "",
        *_blocks((1, bands, ear.frames), spec.num_outputs, options_of(inner, ConvNet), ("LogMel()",)),
    )


def _frames_network(spec: DataSpec, options: Mapping[str, Any]) -> tuple[str, ...]:
    """Return blocks in space for every frame and blocks in space and time, as ``FramesNetwork`` makes them."""
    width = whole(options, "width", _WIDEST)
    frames, *deep, _ = FramesNetwork(width=width, norm=options["norm"]).build_body(spec.shape).children()
    features = 2 * width * math.prod(_deep_sizes(spec.shape))
    flat = next(frames.children()).children()
    return (
        "class Frames(nn.Module):  # a network for images, applied to every frame",
        "    def __init__(self, network):",
        "        super().__init__()",
        "        self.network = network",
        "",
        "    def forward(self, x):",
        "        return self.network(x.flatten(0, 1)).unflatten(0, x.shape[:2]).transpose(1, 2)",
        "",
        "",
        f"frames = Frames(nn.Sequential({', '.join(map(_layer, flat))}))",
        f"network = nn.Sequential(frames, {', '.join(map(_layer, deep))}, nn.Flatten(), "
        f"nn.Linear({features}, {spec.num_outputs}))",
    )


def _deep_sizes(shape: tuple[int, ...]) -> list[int]:
    sizes = [shape[0], shape[2] // 4, shape[3] // 4]
    for _ in range(2):
        sizes = [size // min(2, size) for size in sizes]
    return sizes


def _layer(layer: Any) -> str:
    """Return a layer of ours as torch makes it."""
    name = next(cls.__name__ for cls in type(layer).__mro__ if cls.__module__.startswith("torch.nn"))
    if name.startswith("Conv"):
        return f"nn.{name}({layer.in_channels}, {layer.out_channels}, 3, padding=1)"
    if name == "GroupNorm":
        return f"nn.GroupNorm({layer.num_groups}, {layer.num_channels})"
    return f"nn.{name}({layer.kernel_size})" if name.startswith("AvgPool") else f"nn.{name}()"


def _mlp(spec: DataSpec, options: Mapping[str, Any]) -> tuple[str, ...]:
    sizes = [math.prod(spec.shape), *[whole(options, "width")] * whole(options, "depth", _DEEPEST)]
    layers = [f"nn.Linear({before}, {after}), nn.ReLU()" for before, after in itertools.pairwise(sizes)]
    return (f"network = nn.Sequential(nn.Flatten(), {', '.join(layers)}, nn.Linear({sizes[-1]}, {spec.num_outputs}))",)


def _text_net(spec: DataSpec, options: Mapping[str, Any]) -> tuple[str, ...]:
    if options["window"] or options["tokens"] is not None:
        raise Unknown
    width, hidden, dropout = whole(options, "width"), whole(options, "hidden"), number(options, "dropout")
    dropped = f"nn.Dropout({dropout:g}), " if dropout else ""
    return (
        f'words = nn.EmbeddingBag({int(spec.about["tokens"])}, {width}, mode="mean", padding_idx=0)',
        "nn.init.normal_(words.weight, std=0.1)",
        f"head = nn.Linear({width}, {hidden}), nn.ReLU(), nn.Linear({hidden}, {spec.num_outputs})",
        f"network = nn.Sequential(words, {dropped}*head)",
    )


def _mixed_network(spec: DataSpec, options: Mapping[str, Any]) -> tuple[str, ...]:
    """Return a network for every column, the features of each brought to one width, and a head on all of them."""
    width, branches = whole(options, "width", _WIDEST), options["branches"] or {}
    parts, lines = MixedKind.parts(spec), []
    for place, part in enumerate(parts):
        own = network_lines(part, branches.get(part.input_column) or default_network(part).config())
        body = (f"    {line}" if line else "" for line in own)
        lines += [f"def branch_{place}():", *body, "    return network", "", ""]
    shapes = [list(map(int, part.shape)) for part in parts]
    return (
        *lines,
        "class Branches(nn.Module):  # a network for every column, the features of each brought to one width",
        "    def __init__(self):",
        "        super().__init__()",
        "        networks = []",
        f"        for branch in ({', '.join(f'branch_{place}' for place in range(len(parts)))},):",
        "            seed, state = torch.randint(2**31, ()), torch.get_rng_state()  # each draws by a seed of its own",
        "            torch.manual_seed(seed.item())",
        "            networks.append(branch())",
        "            torch.set_rng_state(state)",
        "        self.bodies = nn.ModuleList(network[:-1] for network in networks)",
        f"        self.joints = nn.ModuleList(nn.Linear(network[-1].in_features, {width}) for network in networks)",
        "",
        "    def forward(self, x):",
        "        found = []",
        f"        pieces = x.split({[math.prod(shape) for shape in shapes]}, 1)",
        f"        for body, joint, piece, shape in zip(self.bodies, self.joints, pieces, {shapes}):",
        "            piece = piece.long() if isinstance(body[0], nn.EmbeddingBag) else piece.unflatten(1, shape)",
        "            found.append(joint(body(piece)))",
        "        return torch.cat(found, 1).relu()",
        "",
        "",
        f"network = nn.Sequential(Branches(), nn.Linear({width * len(parts)}, {spec.num_outputs}))",
    )


_NETWORKS: dict[str, Callable[[DataSpec, Mapping[str, Any]], tuple[str, ...]]] = {
    "ConvNet": _conv_net,
    "ConvNet1d": _conv_net_1d,
    "MLP": _mlp,
    "TextNet": _text_net,
    "MelNetwork": _mel_network,
    "FramesNetwork": _frames_network,
    "MixedNetwork": _mixed_network,
}
