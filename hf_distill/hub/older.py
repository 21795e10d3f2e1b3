"""Descriptions of parts as older versions wrote them."""

from __future__ import annotations

from typing import Any

# The parts of recipes by their older names, with the options that stood beside them and what these were by default.
_OLD_NUMBERS = ("lr", "momentum", "weight_decay", "temperature")
_OLD_PARTS: dict[str, dict[str, tuple[str, dict[str, float]]]] = {
    "optimizer": {
        "sgd": ("SGD", {"lr": 0.01, "momentum": 0.9, "weight_decay": 5e-4}),
        "adam": ("Adam", {"lr": 0.01, "weight_decay": 5e-4}),
        "adamw": ("AdamW", {"lr": 0.01, "weight_decay": 5e-4}),
        "forecasters": ("Adam", {"lr": 1e-3}),
    },
    "schedule": {"step": ("StepDecay", {}), "cosine": ("Cosine", {}), "constant": ("Constant", {})},
    "loss": {
        "cross_entropy": ("CrossEntropy", {}),
        "kl": ("KL", {"temperature": 1.0}),
        "mse_gt": ("LogitError", {}),
    },
}


def upgraded(values: Any, key: str = "") -> Any:
    """Return a description with its training recipes as they are written now.

    Older versions named optimizer, schedule and loss beside their numbers: ``optimizer: adamw, lr: 0.001``.

    Args:
        values: The description, JSON.
        key: The option that it is the value of.
    """
    if isinstance(values, list):
        return [upgraded(value) for value in values]
    if not isinstance(values, dict):
        return values
    made = {name: upgraded(value, name) for name, value in values.items()}
    if str(made.get("class_path")).rpartition(".")[2] == "ForecastingEvaluator" and "init_args" in made:
        _name_baselines(made["init_args"])
    kind = str(made.get("class_path", key)).rpartition(".")[2]
    options = made.get("init_args") if "class_path" in made else made
    if kind in ("Recipe", "ForecastRecipe", "recipe") and isinstance(options, dict):
        old = {name: options.pop(name) for name in _OLD_NUMBERS if name in options}
        if old and "optimizer" not in options:
            options["optimizer"] = "forecasters" if kind == "ForecastRecipe" else "sgd"
        for option, names in _OLD_PARTS.items():
            if isinstance(options.get(option), str) and options[option] in names:
                part, defaults = names[options[option]]
                taken = {name: old.get(name, default) for name, default in defaults.items()}
                options[option] = {"class_path": part, "init_args": taken}
    return made


def _name_baselines(options: dict[str, Any]) -> None:
    """Turn the numbers of networks on a series' baselines, of which 0 was none, into the baselines' names."""
    old = {"start": "start", "selected": "selected_seeds", "random": "random_draws"}
    if "baselines" not in options and any(name in options for name in (*old.values(), "full_seeds")):
        options["baselines"] = [name for name, number in old.items() if options.get(number, 1)]
        options["full"] = options.pop("full_seeds", 1)
        for number in ("start", "selected_seeds"):
            options.pop(number, None)
        if not options.get("random_draws", 1):
            del options["random_draws"]
