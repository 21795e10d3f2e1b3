"""Sending an artifact to the Hub in one commit, and fetching one."""

from __future__ import annotations

import contextlib
import fnmatch
from collections.abc import Iterator
from pathlib import Path

from huggingface_hub import CommitOperationAdd, CommitOperationDelete, HfApi, snapshot_download
from huggingface_hub.errors import (
    EntryNotFoundError,
    HfHubHTTPError,
    HFValidationError,
    HTTPError,
    LocalTokenNotFoundError,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)
from huggingface_hub.utils import validate_repo_id

from hf_distill.errors import UserError
from hf_distill.hub import record

_LOG_IN = "log in with `hf auth login` or pass a token"
#: Files of an earlier artifact that a new one may lack.
_STALE = ("data/train-*.parquet", "codes/train-*.parquet", f"{record.PICTURES}/*.png", record.EVALUATION)


def check_repo_id(repo_id: str) -> None:
    """Refuse what cannot be the name of a Hub dataset.

    Raises:
        UserError: There is no namespace, or the name breaks the Hub's rules.
    """
    if repo_id.count("/") != 1 or not all(repo_id.split("/")):
        raise UserError(
            f"{repo_id!r} is no Hub dataset: write namespace/name, with your user or organization name first"
        )
    try:
        validate_repo_id(repo_id)
    except HFValidationError as error:
        raise UserError(f"{repo_id!r} cannot name a Hub dataset: {str(error).splitlines()[0]}") from error


def push(
    folder: Path, repo_id: str, private: bool, revision: str | None, token: str | None, commit_message: str | None
) -> str:
    """Make the repository where needed and send the folder's files in one commit; return its address.

    ``HfApi.upload_folder`` is not used: where xet is installed it splits a folder into several commits.

    Raises:
        UserError: The token is missing or may not write, the repository holds something else, or it is public where
            a private one was asked for.
    """
    api = HfApi(token=token)
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    names = [path.relative_to(folder).as_posix() for path in files]
    with _explained(repo_id, revision):
        # None and not False: an organization may make its datasets private by default.
        api.create_repo(repo_id, repo_type="dataset", private=private or None, exist_ok=True)
        if revision is not None:
            api.create_branch(repo_id, repo_type="dataset", branch=revision, exist_ok=True)
        info = api.dataset_info(repo_id, revision=revision)
        if private and not info.private:
            raise UserError(
                f"{repo_id} exists and is public: make it private on its settings page or choose another name"
            )
        present = [sibling.rfilename for sibling in info.siblings or ()]
        foreign = [name for name in present if name not in (".gitattributes", record.CARD)]
        if foreign and record.RECORD not in present:
            raise UserError(
                f"{repo_id} holds something other than a distilled dataset (found {', '.join(foreign[:3])}): "
                "choose another name or another revision"
            )
        stale = [name for name in present if name not in names and any(fnmatch.fnmatch(name, old) for old in _STALE)]
        commit = api.create_commit(
            repo_id,
            repo_type="dataset",
            revision=revision,
            parent_commit=info.sha,
            commit_message=commit_message or "Publish the distilled dataset",
            operations=[
                *(CommitOperationDelete(path_in_repo=name) for name in stale),
                *(
                    CommitOperationAdd(path_in_repo=name, path_or_fileobj=path)
                    for name, path in zip(names, files, strict=True)
                ),
            ],
        )
    return commit.commit_url


def fetch(repo_id: str, revision: str | None = None, token: str | None = None) -> Path:
    """Download an artifact to the Hub cache and return its folder there.

    Raises:
        UserError: It is neither a folder nor a Hub dataset that may be read.
    """
    if repo_id.count("/") != 1 or repo_id.startswith((".", "/", "~")):
        raise UserError(f"no folder {repo_id}, and it is no Hub dataset (namespace/name) either")
    check_repo_id(repo_id)
    patterns = [entry if "." in entry else f"{entry}/*" for entry in record.ENTRIES]
    with _explained(repo_id, revision):
        return Path(
            snapshot_download(repo_id, repo_type="dataset", revision=revision, token=token, allow_patterns=patterns)
        )


@contextlib.contextmanager
def _explained(repo_id: str, revision: str | None) -> Iterator[None]:
    """Turn the client's errors into one line that says what to do."""
    try:
        yield
    # LocalTokenNotFoundError and the offline mode's error are OSErrors of the client's own.
    except (HTTPError, LocalTokenNotFoundError, EntryNotFoundError, ConnectionError) as error:
        # A download hides the answer behind "not in the cache".
        cause = error.__cause__ if isinstance(error.__cause__, HfHubHTTPError) else error
        raise UserError(_reason(cause, repo_id, revision)) from error


def _reason(error: BaseException, repo_id: str, revision: str | None) -> str:
    if isinstance(error, LocalTokenNotFoundError):
        return f"{repo_id}: no access token: {_LOG_IN}"
    if isinstance(error, RevisionNotFoundError):
        return f"{repo_id} has no branch, tag or commit {revision!r}"
    if isinstance(error, HfHubHTTPError):
        status = error.response.status_code
        detail = (error.server_message or "").splitlines()
        if status == 401 and not isinstance(error, RepositoryNotFoundError):
            return f"{repo_id}: the Hub does not accept the access token, or there is none: {_LOG_IN}"
        if status in (401, 404):
            return f"no Hub dataset {repo_id}, or it is private: check the name, or {_LOG_IN}"
        if status == 403:
            return f"{repo_id}: your access token has no permission for it: use a token that may write to it"
        if status == 412:
            return f"{repo_id} changed during the upload: push again"
        return f"{repo_id}: the Hub answered {status} {detail[0] if detail else ''}".strip()
    return f"{repo_id}: the Hub cannot be reached ({str(error).splitlines()[0] or type(error).__name__})"
