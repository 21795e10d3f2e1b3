"""Sending an artifact, or what commands write beside sets, to the Hub in one commit, and fetching an artifact."""

from __future__ import annotations

import fnmatch
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from huggingface_hub import CommitOperationAdd, CommitOperationDelete, HfApi, snapshot_download
from huggingface_hub.errors import HFValidationError
from huggingface_hub.utils import validate_repo_id

from hf_distill.connection import hub_requests
from hf_distill.errors import HubError, UserError
from hf_distill.hub import record
from hf_distill.text import printable, shorten

# Seconds that a few small requests may take, and a whole download; and bytes that a second of an upload moves at least.
_BRIEF, _DOWNLOAD, _SLOWEST = 300.0, 3600.0, 20_000
#: Files of an earlier artifact that a new one may lack.
_TABLES = ("data/train-*.parquet", "codes/train-*.parquet", "labels/train-*.parquet")
_STALE = (*_TABLES, f"{record.PICTURES}/*.png", record.EVALUATION)


def check_repo_id(repo_id: str) -> None:
    """Refuse what cannot be the name of a Hub repository.

    Raises:
        UserError: There is no namespace, or the name breaks the Hub's rules.
    """
    if repo_id.count("/") != 1 or not all(repo_id.split("/")):
        raise UserError(
            f"{repo_id!r} is no Hub dataset: write namespace/name, with your user or organization name first"
        )
    record.check_name(repo_id.split("/")[1])
    try:
        validate_repo_id(repo_id)
    except HFValidationError as error:
        raise UserError(f"{repo_id!r} cannot name a Hub dataset: {shorten(printable(str(error)))}") from error


@dataclass(frozen=True)
class Commit:
    """What a commit says.

    Attributes:
        message: Its title.
        description: What else.
        create_pr: It is a pull request.
    """

    message: str | None = None
    description: str | None = None
    create_pr: bool = False


@dataclass(frozen=True)
class Contents:
    """What a repository of ours holds.

    Attributes:
        what: In words.
        marker: The file that every one has.
        stale: Files of an earlier one that a new one may lack, as patterns.
        repo_type: What it is on the Hub.
    """

    what: str = "distilled dataset"
    marker: str = record.RECORD
    stale: tuple[str, ...] = _STALE
    repo_type: str = "dataset"


def push(
    files: Mapping[str, Path | bytes],
    repo_id: str,
    private: bool,
    revision: str | None,
    token: str | None,
    said: Commit,
    contents: Contents | None = None,
) -> str:
    """Make the repository where needed and send files, by their paths in it, in one commit; return its address.

    ``HfApi.upload_folder`` is not used: where xet is installed it splits a folder into several commits.

    Raises:
        UserError: The repository holds something else, or it is public where a private one was asked for.
        HubError: The token is missing or may not write, the Hub refused or cannot be reached; see
            :func:`hf_distill.connection.hub_requests`.
    """
    api, ours = HfApi(token=token), contents or Contents()
    kind = ours.repo_type
    with hub_requests(repo_id, revision=revision, token=token, seconds=_BRIEF):
        # None and not False: an organization may make its repositories private by default.
        api.create_repo(repo_id, repo_type=kind, private=private or None, exist_ok=True)
        if revision is not None:
            api.create_branch(repo_id, repo_type=kind, branch=revision, exist_ok=True)
        info = api.repo_info(repo_id, repo_type=kind, revision=revision)
    present = _present(info, repo_id)
    if private and not info.private:
        raise UserError(f"{repo_id} exists and is public: make it private on its settings page or choose another name")
    foreign = [name for name in present if name not in (".gitattributes", record.CARD)]
    if foreign and ours.marker not in present:
        found = shorten(printable(", ".join(foreign[:3])))
        raise UserError(
            f"{repo_id} holds something other than a {ours.what} (found {found}): "
            "choose another name or another revision"
        )
    stale = [name for name in present if name not in files and any(fnmatch.fnmatch(name, old) for old in ours.stale)]
    size = sum(len(data) if isinstance(data, bytes) else data.stat().st_size for data in files.values())
    with hub_requests(repo_id, revision=revision, token=token, seconds=_BRIEF + size / _SLOWEST):
        commit = api.create_commit(
            repo_id,
            repo_type=kind,
            revision=revision,
            parent_commit=info.sha,
            commit_message=said.message or f"Publish the {ours.what}",
            commit_description=said.description,
            create_pr=said.create_pr,
            operations=[
                *(CommitOperationDelete(path_in_repo=name) for name in stale),
                *(CommitOperationAdd(path_in_repo=name, path_or_fileobj=data) for name, data in files.items()),
            ],
        )
        return printable(str(commit.pr_url or commit.commit_url))


def files_of(folder: Path) -> dict[str, Path | bytes]:
    """Return all files of a folder by their paths in it."""
    return {path.relative_to(folder).as_posix(): path for path in sorted(folder.rglob("*")) if path.is_file()}


def _present(info: Any, repo_id: str) -> list[str]:
    """Return the names of a repository's files; without them and the commit a push could destroy what is there."""
    names = [sibling.rfilename for sibling in info.siblings] if isinstance(info.siblings, list) else None
    if names is None or not isinstance(info.sha, str) or not all(isinstance(name, str) for name in names):
        raise HubError(f"{repo_id}: the Hub's answer is none that can be read, without its files or their commit")
    return names


def fetch(repo_id: str, revision: str | None = None, token: str | None = None) -> Path:
    """Download an artifact to the Hub cache and return its folder there.

    Raises:
        UserError: It is neither a folder nor the name of a Hub dataset.
        HubError: There is no such dataset, it may not be read, or the Hub cannot be reached.
    """
    if repo_id.count("/") != 1 or repo_id.startswith((".", "/", "~")):
        raise UserError(f"no folder {repo_id}, and it is no Hub dataset (namespace/name) either")
    check_repo_id(repo_id)
    # Of a folder of data, the tables alone: whatever else is there could be of any size.
    single = (record.CARD, record.RECORD, record.PREVIEW, record.EVALUATION, *record.TABLES.values(), record.LABELS)
    patterns = [*single, f"{record.PICTURES}/*.png"]
    try:
        with hub_requests(repo_id, revision=revision, token=token, seconds=_DOWNLOAD):
            return Path(
                snapshot_download(repo_id, repo_type="dataset", revision=revision, token=token, allow_patterns=patterns)
            )
    except HubError as error:  # most often the slip of a folder's name, outputs/NAME
        raise HubError(f"no folder {repo_id}; {error}") from error
