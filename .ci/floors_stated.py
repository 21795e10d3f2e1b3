"""Compare the floors of pyproject.toml with the versions that were resolved for them."""

import re
import sys
from pathlib import Path


def main(project: str, resolved: str) -> None:
    """Fail where a floor was resolved to another version, or not at all."""
    versions = dict(re.findall(r"^([\w-]+)==(\S+)", Path(resolved).read_text(), re.M))
    wrong = []
    stated = Path(project).read_text().split("[project]")[1]  # what builds the package is not resolved
    for name, floor in re.findall(r'"([\w-]+)(?:\[\w+\])?>=([\d.]+)"', stated):
        found = versions.get(name)
        if found is not None and re.sub(r"(\.0)+$", "", found) != re.sub(r"(\.0)+$", "", floor):
            wrong.append(f"{name}>={floor} resolves to {found}")
    if wrong:
        sys.exit("floors that cannot be had: " + "; ".join(wrong))
    print("every floor can be had as it is stated")


if __name__ == "__main__":
    main(*sys.argv[1:])
