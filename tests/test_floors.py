"""A package imports only from lower floors or from itself."""

import ast
import re
from pathlib import Path

import hf_distill

PACKAGE = Path(hf_distill.__file__).parent
FLOORS = {
    "clustering": 0,
    "decode": 0,
    "connection": 0,
    "errors": 0,
    "files": 0,
    "large": 0,
    "lazy": 0,
    "markdown": 0,
    "table": 0,
    "options": 0,
    "text": 0,
    "allocator": 0,
    "parts": 0,
    "progress": 0,
    "ranks": 0,
    "seeding": 0,
    "data": 1,
    "networks": 1,
    "augment": 1,
    "quantization": 1,
    "metrics": 1,
    "exchange": 2,
    "labels": 2,
    "training": 2,
    "robustness": 2,
    "synthetic": 3,
    "runs": 4,
    "features": 3,
    "experts": 3,
    "selection": 4,
    "initialization": 5,
    "learners": 4,
    "pools": 5,
    "batches": 6,
    "diffusion": 5,
    "objectives": 6,
    "hub": 6,
    "methods": 7,
    "evaluation": 7,
    "sweep": 8,
    "audit": 8,
    "choosing": 8,
    "comparison": 8,
    "cli": 9,
    "api": 10,
}


def imported_packages(path: Path) -> set[str]:
    """First part below hf_distill of everything that a file imports, inside functions and type checks too."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            names = (
                [f"{node.module}.{alias.name}" for alias in node.names]
                if node.module == "hf_distill"
                else [node.module]
            )
        else:
            continue
        found |= {name.split(".")[1] for name in names if name.startswith("hf_distill.")}
    return found & FLOORS.keys()


def test_imports_go_down():
    wrong = []
    for path in PACKAGE.rglob("*.py"):
        own = path.relative_to(PACKAGE).parts[0].removesuffix(".py")
        if own in FLOORS:
            wrong += [
                f"{path.relative_to(PACKAGE)} (floor {FLOORS[own]}) imports {other} (floor {FLOORS[other]})"
                for other in imported_packages(path)
                if (other != own and FLOORS[other] >= FLOORS[own] > 0) or (FLOORS[own] == 0 and FLOORS[other] > 0)
            ]
    assert not wrong


def test_every_package_has_a_floor():
    packages = {path.parent.name for path in PACKAGE.glob("*/__init__.py")}
    assert packages <= FLOORS.keys()


def test_the_library_imports_from_modules():
    """A package offers its public names to users, untyped: a type checker sees through what modules say alone."""
    wrong = []
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("hf_distill"):
                folder = PACKAGE.parent.joinpath(*node.module.split("."))
                if folder.is_dir() and "attach(" in (folder / "__init__.py").read_text():
                    found = [alias.name for alias in node.names if not list(folder.glob(f"{alias.name}*"))]
                    wrong += [f"{path.relative_to(PACKAGE)}: {name}" for name in found if name != "__version__"]
    assert not wrong


def test_nothing_above_the_data_asks_what_it_is():
    """Upper floors look into tables by kind or target: ``docs/architecture.md``, What a new part touches."""
    asks = re.compile(r"is_image|isinstance\([^)]*(Series|Data)Spec\b|isinstance\([^)]*(Series|Real)Data\b")
    wrong = [
        f"{path.relative_to(PACKAGE)}: {line.strip()}"
        for path in PACKAGE.rglob("*.py")
        if path.relative_to(PACKAGE).parts[0] != "data"
        for line in path.read_text().splitlines()
        if asks.search(line)
    ]
    assert not wrong
