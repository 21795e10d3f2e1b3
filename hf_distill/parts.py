"""Parts: objects whose constructor arguments are their whole configuration."""

from __future__ import annotations

import inspect
from abc import ABC
from collections.abc import Iterator, Mapping
from importlib import import_module
from typing import Any, get_args

from typing_extensions import Self

from hf_distill.errors import UserError
from hf_distill.lazy import homes, import_parts
from hf_distill.options import check_options


class Part(ABC):  # noqa: B024 - its subclasses have the abstract methods
    """An object that a YAML file can describe and that can describe itself.

    A part keeps each constructor argument under its own name and does nothing else in its constructor
    (scikit-learn's convention), so that ``part.config()`` rebuilds it. Data arrives later, through ``fit``,
    ``initialize`` or ``forward``. Arguments are checked against their declared types before the constructor runs
    (:mod:`hf_distill.options`), in Python as in YAML.

    No argument has a part for its default: null stands for it, and the constructor puts the part in its place. So
    Python and YAML mean the same by what they leave out, and ``config()`` says what that was.

    Attributes:
        citation: BibTeX entries of what the part is after, for the card of a set that it made.
    """

    citation: str = ""

    def __new__(cls, *args: Any, **kwargs: Any) -> Self:  # noqa: D102
        # Copies are made without arguments: what is not given is not looked at.
        try:
            given = inspect.signature(cls.__init__).bind_partial(None, *args, **kwargs).arguments
        except TypeError:  # unknown or too many: the constructor says it in Python's own words
            given = {}
        check_options(cls, {name: value for name, value in given.items() if name != "self"}, cls.__name__)
        return super().__new__(cls)

    @classmethod
    def foreign(cls, options: Mapping[str, Any]) -> list[str]:
        """Return those of an instance's options that name code, models or files of somebody's.

        A record may not bring them: whoever made a distilled dataset would decide what runs where it is measured.

        Args:
            options: Constructor arguments, as a description in JSON has them.
        """
        return []

    def citations(self) -> list[str]:
        """Return the BibTeX entries of this part and of all parts in it, each once."""
        found = [self.citation] if self.citation else []
        for name in inspect.signature(type(self).__init__).parameters:
            value = getattr(self, name, None)
            for part in value if isinstance(value, (list, tuple)) else [value]:
                found += part.citations() if isinstance(part, Part) else []
        return list(dict.fromkeys(found))

    def __repr__(self) -> str:
        """Return it as Python makes it, by the options that are not their defaults."""
        given = [
            f"{name}={getattr(self, name, None)!r}"
            for name, parameter in inspect.signature(type(self).__init__).parameters.items()
            if parameter.kind is parameter.KEYWORD_ONLY and getattr(self, name, None) != parameter.default
        ]
        return f"{type(self).__name__}({', '.join(given)})"

    def config(self) -> dict[str, Any]:
        """Describe this part as JSON: ``{"class_path": name, "init_args": {...}}``, nested parts included."""
        names = [
            name
            for name, parameter in inspect.signature(type(self).__init__).parameters.items()
            if name != "self"
            and parameter.kind in (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
        ]
        cls = type(self)
        # The library's own parts go by their names; a name alone would not find anyone else's again.
        own = cls.__module__.startswith("hf_distill.")
        path = cls.__name__ if own else f"{cls.__module__}.{cls.__qualname__}"
        return {"class_path": path, "init_args": {name: _to_json(getattr(self, name)) for name in names}}


def concrete(base: type[Part]) -> Iterator[type[Part]]:
    """Yield a base class and everything below it that can be made and belongs to this library, imported for it."""
    import_parts()
    if base is not Part and not inspect.isabstract(base) and base.__module__.startswith("hf_distill."):
        yield base
    for cls in base.__subclasses__():
        yield from concrete(cls)


def kinds(hint: Any) -> set[type[Part]]:
    """Return the classes of parts that a type mentions: ``list[Forecaster] | None`` mentions ``Forecaster``."""
    if inspect.isclass(hint) and issubclass(hint, Part):
        return {hint}
    return {kind for inner in get_args(hint) for kind in kinds(inner)}


def rebuilt(described: Any, base: type) -> Any:
    """Return the part that a description of a stranger's names: one of this library, with plain values.

    Args:
        described: What :meth:`Part.config` returns.
        base: What it must be.

    Raises:
        UserError: It is none, or brings code, models or files of somebody's.
    """
    name = described.get("class_path") if isinstance(described, dict) else None
    options = (described.get("init_args") or {}) if isinstance(described, dict) else {}
    cls: Any = getattr(import_module(homes()[name]), name) if name in homes() else None
    known = inspect.isclass(cls) and issubclass(cls, Part) and issubclass(cls, base) and isinstance(options, dict)
    if not known or cls.foreign(options):
        raise UserError(f"{name!r} is no {base.__name__} of hf_distill that a file may name")
    return cls(**{key: _rebuilt(value) for key, value in options.items()})


def _rebuilt(value: Any) -> Any:
    if isinstance(value, list):
        return [_rebuilt(item) for item in value]
    return rebuilt(value, Part) if isinstance(value, dict) and "class_path" in value else value


def differences(old: Any, new: Any, path: str = "") -> list[str]:
    """Return the places at which two descriptions, JSON, differ: ``["method.init_args.lr"]``."""
    if isinstance(old, dict) and isinstance(new, dict):
        keys = old.keys() | new.keys()
        return [item for key in keys for item in differences(old.get(key), new.get(key), f"{path}.{key}".strip("."))]
    return [] if old == new else [path]


def _to_json(value: Any) -> Any:
    if isinstance(value, Part):
        return value.config()
    if isinstance(value, dict):
        return {key: _to_json(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_to_json(item) for item in value]
    return value
