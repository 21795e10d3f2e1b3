"""Repositories of the loopback Hub: files, commits and branches in memory."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote


@dataclass
class File:
    data: bytes
    large: bool

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.data).hexdigest()

    @property
    def oid(self) -> str:
        """Name of the git object: of the pointer file for large ones."""
        data = self.data
        if self.large:
            data = f"version https://git-lfs.github.com/spec/v1\noid sha256:{self.sha256}\nsize {len(data)}\n".encode()
        return hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()

    def entry(self, path: str) -> dict[str, Any]:
        entry: dict[str, Any] = {"type": "file", "oid": self.oid, "size": len(self.data), "path": path}
        if self.large:
            entry["lfs"] = {"oid": self.sha256, "sha256": self.sha256, "size": len(self.data), "pointerSize": 130}
        return entry


@dataclass
class Commit:
    title: str
    parent: str | None
    files: dict[str, File]


@dataclass
class Repo:
    private: bool
    place: str = ""
    branches: dict[str, str] = field(default_factory=dict)
    commits: dict[str, Commit] = field(default_factory=dict)

    def find(self, revision: str | None) -> str | None:
        """Return the commit of a branch or of a commit's name."""
        revision = unquote(revision or "main").removeprefix("refs/heads/")
        return self.branches.get(revision, revision if revision in self.commits else None)

    def titles(self, revision: str = "main") -> list[str]:
        """Return the commit titles of a branch, newest first."""
        titles, sha = [], self.find(revision)
        while sha is not None:
            titles.append(self.commits[sha].title)
            sha = self.commits[sha].parent
        return titles

    def files(self, revision: str = "main") -> dict[str, bytes]:
        """Return the files of a branch."""
        return {path: file.data for path, file in self.commits[self.find(revision) or ""].files.items()}
