"""A loopback work-alike of the Hub, with the standard library alone, for the real client.

It speaks what ``huggingface_hub`` and ``datasets`` ask for: repositories, branches, commits, large files, trees and
downloads with ranges. Repositories are in memory. Whoever sends a bearer token may write, but not to the namespace
``forbidden``; without one, private repositories look missing.
"""

from __future__ import annotations

import base64
import hashlib
import itertools
import json
import re
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from tests.hub_repos import Commit, File, Repo

_DATE = "2024-01-01T00:00:00.000Z"
_BINARY = (".parquet", ".png", ".safetensors")
_REPO = r"/api/(?:datasets|models)/(?P<repo>[^/]+/[^/]+)"


class LoopbackHub(ThreadingHTTPServer):
    """The server; ``url`` is what ``HF_ENDPOINT`` must be."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.lock = threading.RLock()
        self.numbers = itertools.count()
        self.clear()

    def clear(self) -> None:
        """Forget all repositories, and what was asked for; behave."""
        self.repos: dict[str, Repo] = {}
        self.blobs: dict[str, bytes] = {}
        #: Kinds of the requests in their order, and what is done to one instead of answering it; see hub_faults.
        self.asked: list[str] = []
        self.fault: Callable[[_Handler], bool] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def commit(self, repo: Repo, branch: str, title: str, files: dict[str, File]) -> str:
        parent = repo.branches.get(branch)
        sha = hashlib.sha1(f"{next(self.numbers)} {title}".encode()).hexdigest()
        repo.commits[sha] = Commit(title, parent, files)
        repo.branches[branch] = sha
        return sha


class _Refused(Exception):
    def __init__(self, status: int, code: str, message: str, **headers: str) -> None:
        self.status, self.code, self.message, self.headers = status, code, message, headers


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: LoopbackHub

    def log_message(self, *args: Any) -> None:
        pass

    def answer(self) -> None:
        # The body must be read in any case: what is left of it would be taken for the next request.
        self.body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if "chunked" in self.headers.get("Transfer-Encoding", ""):
            while size := int(self.rfile.readline().split(b";")[0], 16):
                self.body += self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
        url = urlsplit(self.path)
        self.query = parse_qs(url.query)
        self.kind = f"{self.command} {re.sub('[0-9a-f]{40,}', 'SHA', url.path)}"
        fault = self.server.fault
        self.server.asked.append(self.kind)
        if fault is not None and fault(self):
            return None
        try:
            with self.server.lock:
                for methods, pattern, function in _ROUTES:
                    match = pattern.fullmatch(url.path)
                    if match and self.command in methods:
                        return function(self, **match.groupdict())
            raise _Refused(404, "EntryNotFound", f"no route {self.command} {url.path}")
        except _Refused as refused:
            headers = {"X-Error-Code": refused.code, "X-Error-Message": refused.message, **refused.headers}
            self.send({"error": refused.message}, refused.status, headers)

    do_GET = do_HEAD = do_POST = do_PUT = answer

    def send(self, content: Any, status: int = 200, headers: dict[str, str] | None = None) -> None:
        data = content if isinstance(content, bytes) else json.dumps(content).encode()
        self.send_response(status)
        headers = {"Content-Type": "application/json", "Content-Length": str(len(data)), **(headers or {})}
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)

    @property
    def json(self) -> dict[str, Any]:
        return json.loads(self.body or b"{}")

    @property
    def token(self) -> bool:
        return "Bearer" in self.headers.get("Authorization", "")

    def repo(self, name: str) -> Repo:
        repo = self.server.repos.get(name)
        if repo is None or (repo.private and not self.token):
            raise _Refused(404 if self.token else 401, "RepoNotFound", "Repository not found")
        return repo

    def may_write(self, name: str) -> None:
        if not self.token:
            raise _Refused(401, "", "Invalid username or password.")
        if name.startswith("forbidden/"):
            raise _Refused(403, "", "You don't have the rights to write to this namespace")

    def sha(self, repo: Repo, revision: str | None) -> str:
        sha = repo.find(revision)
        if sha is None:
            raise _Refused(404, "RevisionNotFound", f"Invalid rev id: {revision}")
        return sha


_ROUTES: list[tuple[tuple[str, ...], re.Pattern[str], Any]] = []


def _route(methods: str, pattern: str) -> Any:
    def add(function: Any) -> Any:
        _ROUTES.append((tuple(methods.split()), re.compile(pattern), function))
        return function

    return add


@_route("POST", r"/api/repos/create")
def _create(handler: _Handler) -> None:
    asked, server = handler.json, handler.server
    name = f"{asked.get('organization') or 'tester'}/{asked['name']}"
    handler.may_write(name)
    answer = {"url": f"{server.url}/{name}", "name": name, "id": name}
    if name in server.repos:
        return handler.send({"error": "You already created this dataset repo", **answer}, 409)
    # Older clients send "private", newer ones "visibility".
    repo = server.repos[name] = Repo(bool(asked.get("private")) or asked.get("visibility") == "private")
    repo.place = name if asked.get("type", "model") == "model" else f"datasets/{name}"
    server.commit(repo, "main", "initial commit", {".gitattributes": File(b"*.parquet filter=lfs\n", False)})
    handler.send(answer)


@_route("POST", r"/api/validate-yaml")
def _validate(handler: _Handler) -> None:
    handler.send({"errors": [], "warnings": []})


@_route("GET", _REPO + r"(?:/revision/(?P<revision>[^/]+))?")
def _info(handler: _Handler, repo: str, revision: str | None) -> None:
    found = handler.repo(repo)
    sha = handler.sha(found, revision)
    siblings = [
        {"rfilename": path, "size": len(file.data), "blobId": file.oid}
        for path, file in sorted(found.commits[sha].files.items())
    ]
    about = {"id": repo, "author": repo.split("/")[0], "sha": sha, "private": found.private, "siblings": siblings}
    handler.send({"_id": "0" * 24, "lastModified": _DATE, "createdAt": _DATE, "gated": False, "tags": [], **about})


@_route("POST", _REPO + r"/branch/(?P<branch>[^/]+)")
def _branch(handler: _Handler, repo: str, branch: str) -> None:
    found = handler.repo(repo)
    handler.may_write(repo)
    if unquote(branch) in found.branches:
        raise _Refused(409, "", "Reference already exists")
    found.branches[unquote(branch)] = handler.sha(found, handler.json.get("startingPoint"))
    handler.send({})


@_route("GET", _REPO + r"/tree/(?P<revision>[^/]+)(?:/(?P<path>.*))?")
def _tree(handler: _Handler, repo: str, revision: str, path: str | None) -> None:
    found = handler.repo(repo)
    files = found.commits[handler.sha(found, revision)].files
    prefix = f"{unquote(path).rstrip('/')}/" if path else ""
    deep = handler.query.get("recursive", ["false"])[0].lower() in ("true", "1")
    entries: dict[str, dict[str, Any]] = {}
    for name, file in sorted(files.items()):
        if not name.startswith(prefix):
            continue
        parents = name[len(prefix) :].split("/")[:-1]
        for depth in range(1, len(parents) + 1 if deep else min(len(parents), 1) + 1):
            folder = prefix + "/".join(parents[:depth])
            oid = hashlib.sha1(folder.encode()).hexdigest()
            entries[folder] = {"type": "directory", "oid": oid, "size": 0, "path": folder}
        if deep or not parents:
            entries[name] = file.entry(name)
    if prefix and not entries:
        raise _Refused(404, "EntryNotFound", f"{path} does not exist on {revision}")
    handler.send(list(entries.values()))


@_route("POST", _REPO + r"/paths-info/(?P<revision>[^/]+)")
def _paths(handler: _Handler, repo: str, revision: str) -> None:
    found = handler.repo(repo)
    files = found.commits[handler.sha(found, revision)].files
    paths = handler.json["paths"] if handler.body.startswith(b"{") else parse_qs(handler.body.decode()).get("paths", [])
    handler.send([files[path].entry(path) for path in paths if path in files])


@_route("POST", _REPO + r"/preupload/(?P<revision>[^/]+)")
def _preupload(handler: _Handler, repo: str, revision: str) -> None:
    found = handler.repo(repo)
    handler.may_write(repo)
    files = found.commits[handler.sha(found, revision)].files
    answers = [
        {
            "path": asked["path"],
            "uploadMode": "lfs" if asked["path"].endswith(_BINARY) else "regular",
            "shouldIgnore": False,
            "oid": files[asked["path"]].oid if asked["path"] in files else None,
        }
        for asked in handler.json["files"]
    ]
    handler.send({"files": answers, "commitOid": found.find(revision)})


@_route("POST", r"/(?:datasets/)?(?P<repo>[^/]+/[^/]+)\.git/info/lfs/objects/batch")
def _batch(handler: _Handler, repo: str) -> None:
    handler.repo(repo)
    objects = []
    for asked in handler.json["objects"]:
        answer = {"oid": asked["oid"], "size": asked["size"]}
        if asked["oid"] not in handler.server.blobs:
            answer["actions"] = {"upload": {"href": f"{handler.server.url}/large/{asked['oid']}", "header": {}}}
        objects.append(answer)
    handler.send({"transfer": "basic", "objects": objects}, headers={"Content-Type": "application/vnd.git-lfs+json"})


@_route("PUT", r"/large/(?P<oid>[0-9a-f]{64})")
def _large(handler: _Handler, oid: str) -> None:
    if hashlib.sha256(handler.body).hexdigest() != oid:
        raise _Refused(400, "", "digest mismatch")
    handler.server.blobs[oid] = handler.body
    handler.send({})


@_route("POST", _REPO + r"/commit/(?P<revision>[^/]+)")
def _commit(handler: _Handler, repo: str, revision: str) -> None:
    found, branch = handler.repo(repo), unquote(revision)
    handler.may_write(repo)
    if branch not in found.branches:
        raise _Refused(404, "RevisionNotFound", f"Invalid rev id: {branch}")
    head, *operations = [json.loads(line) for line in handler.body.splitlines() if line.strip()]
    parent = found.branches[branch]
    if head["value"].get("parentCommit") not in (None, parent):
        raise _Refused(412, "", "A commit has happened since. Please refresh and try again.")
    files = dict(found.commits[parent].files)
    for operation in operations:
        value = operation["value"]
        if operation["key"] == "file":
            files[value["path"]] = File(base64.b64decode(value["content"]), False)
        elif operation["key"] == "lfsFile":
            files[value["path"]] = File(handler.server.blobs[value["oid"]], True)
        elif operation["key"] == "deletedFile":
            del files[value["path"]]
        else:
            raise _Refused(400, "", f"unknown operation {operation['key']}")
    place = f"{handler.server.url}/{found.place}"
    answer: dict[str, Any] = {"success": True, "hookOutput": ""}
    if handler.query.get("create_pr") == ["1"]:
        number = 1 + sum(name.startswith("refs/pr/") for name in found.branches)
        branch, found.branches[f"refs/pr/{number}"] = f"refs/pr/{number}", parent
        answer["pullRequestUrl"] = f"{place}/discussions/{number}"
    sha = handler.server.commit(found, branch, head["value"]["summary"], files)
    handler.send({**answer, "commitOid": sha, "commitUrl": f"{place}/commit/{sha}"})


@_route("GET HEAD", r"/(?:datasets/)?(?P<repo>[^/]+/[^/]+)/resolve/(?P<revision>[^/]+)/(?P<path>.+)")
def _download(handler: _Handler, repo: str, revision: str, path: str) -> None:
    found = handler.repo(repo)
    sha = handler.sha(found, revision)
    file = found.commits[sha].files.get(unquote(path))
    if file is None:
        raise _Refused(404, "EntryNotFound", "Entry not found", **{"X-Repo-Commit": sha})
    headers = {"X-Repo-Commit": sha, "ETag": f'"{file.sha256 if file.large else file.oid}"', "Accept-Ranges": "bytes"}
    if file.large:
        headers |= {"X-Linked-Etag": f'"{file.sha256}"', "X-Linked-Size": str(len(file.data))}
    headers["Content-Type"] = "application/octet-stream"
    asked = re.fullmatch(r"bytes=(\d*)-(\d*)", handler.headers.get("Range", ""))
    if asked is None:
        return handler.send(file.data, headers=headers)
    size = len(file.data)
    start = int(asked[1]) if asked[1] else max(0, size - int(asked[2]))
    stop = min(size, int(asked[2]) + 1) if asked[1] and asked[2] else size
    if start >= size:
        return handler.send(b"", 416, {"Content-Range": f"bytes */{size}"})
    headers["Content-Range"] = f"bytes {start}-{stop - 1}/{size}"
    handler.send(file.data[start:stop], 206, headers)
