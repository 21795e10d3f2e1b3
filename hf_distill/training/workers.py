"""Workers: processes in which trainings run side by side, each on one thread of the CPU."""

from __future__ import annotations

import os
import signal
import sys
import tempfile
import threading
import time
import warnings
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_EXCEPTION, Future, wait
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from pickle import PicklingError
from typing import Any, TypeVar

import numpy as np
import torch

from hf_distill.allocator import keep_freed_memory
from hf_distill.errors import UserError
from hf_distill.networks.cost import one_thread

Task = TypeVar("Task")
Result = TypeVar("Result")
Advance = Callable[[int], object]
Function = Callable[[Task, Advance], Result]
"""Does a task; tells as it goes how much is done."""

# A worker takes 300 MB: more of them are not worth their memory.
_MOST = 16
# Seconds for which workers wait for more to do.
_IDLE = 60
# Seconds between two looks at how far they are.
_LOOK = 0.5
_ENVIRONMENT = {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "TORCHINDUCTOR_COMPILE_THREADS": "1"}


def count_workers() -> int:
    """Return how many workers there may be: the cores of this process, and no more than torch may take threads.

    So ``OMP_NUM_THREADS`` and ``torch.set_num_threads`` count, and what a container or ``taskset`` leaves.
    """
    threads = torch.get_num_threads()
    if threads == 1:
        return 1
    from joblib import cpu_count

    return min(threads, cpu_count(), _MOST)


def side_by_side(
    function: Function[Task, Result], tasks: Sequence[Task], workers: int, progress: Advance | None = None
) -> list[Result]:
    """Do tasks in workers and return their results in order; the same whatever the number of workers.

    Two threads on one network are little faster than one, and each of its calls waits for the slower of the two: five
    to ten times as long where anything else runs on the machine. Workers wait for nobody. They begin with an
    interpreter of their own (nothing is forked), are kept for the next call, and end with this process.

    Args:
        function: It runs on one thread. Where it or a task cannot be pickled, all is done in this process.
        tasks: What to do; workers get copies.
        workers: How many; one does everything in this process.
        progress: Called in this process with what the tasks have done since the last call.

    Raises:
        UserError: A worker was ended from outside.
    """
    if workers == 1 or len(tasks) == 1:
        return _one_by_one(function, tasks, progress)
    try:
        return _with_workers(function, tasks, min(workers, len(tasks)), progress)
    except _Impossible as error:
        warnings.warn(f"networks are trained one after the other, for lack of worker processes: {error}", stacklevel=2)
        with one_thread(True):
            return _one_by_one(function, tasks, progress)


class _Impossible(Exception):
    """There are no workers, or they cannot be given the tasks."""


class _Stopped(Exception):
    """Another task has failed, and nobody waits for this one."""


def _one_by_one(function: Function[Task, Result], tasks: Sequence[Task], progress: Advance | None) -> list[Result]:
    return [function(task, progress or (lambda count: None)) for task in tasks]


def _with_workers(
    function: Function[Task, Result], tasks: Sequence[Task], workers: int, progress: Advance | None
) -> list[Result]:
    from joblib.externals.loky import get_reusable_executor
    from joblib.externals.loky.process_executor import TerminatedWorkerError

    try:
        executor = get_reusable_executor(workers, timeout=_IDLE, env=_ENVIRONMENT, initializer=_begin)
    except (ImportError, OSError) as problem:  # a system without semaphores or processes
        raise _Impossible(str(problem)) from problem
    try:
        # Memory that workers keep for reuse looks leaked, and they are replaced.
        with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder, warnings.catch_warnings():
            warnings.filterwarnings("ignore", "A worker stopped while some jobs", UserWarning)
            path = Path(folder) / "done"
            done = np.memmap(path, np.int64, "w+", shape=len(tasks) + 1)
            futures = [executor.submit(_do, function, task, str(path), place) for place, task in enumerate(tasks)]
            error = _wait(futures, done, progress)
    except BaseException:
        executor.shutdown(wait=True, kill_workers=True)
        raise
    if error is None:
        return [future.result() for future in futures]
    if isinstance(error, TerminatedWorkerError):
        raise UserError(
            "a process that trained networks was ended from outside, by the system perhaps because memory was short: "
            "with OMP_NUM_THREADS=1 in the environment networks are trained one after the other"
        ) from error
    if isinstance(error, (BrokenProcessPool, PicklingError)):
        executor.shutdown(wait=True, kill_workers=True)
        raise _Impossible(str(error).splitlines()[0]) from error
    raise error


def _wait(
    futures: Sequence[Future[Result]], done: np.memmap[Any, np.dtype[np.int64]], progress: Advance | None
) -> BaseException | None:
    """Wait for all tasks, or return the error of the first failed one, as if they had been done one after another."""
    seen = 0
    waited = futures
    while True:
        pending = wait(waited, _LOOK, FIRST_EXCEPTION).not_done
        count = int(done[:-1].sum())
        if progress is not None and count > seen:
            progress(count - seen)
            seen = count
        failed = next((k for k, future in enumerate(futures) if future.done() and future.exception()), None)
        if failed is not None:
            waited = futures[:failed]
            pending = {future for future in waited if not future.done()}
        if not pending:
            break
    if failed is None:
        return None
    # Workers are kept, the next call may well be another try: they end what nobody waits for.
    done[-1] = 1
    error = futures[failed].exception()
    for future in futures:
        future.cancel()
    wait(futures)
    return error


def _begin() -> None:
    """Set up a worker."""
    # Ctrl-C reaches all processes of a terminal: the first one decides.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    torch.set_num_threads(1)
    sys.path.append(os.getcwd())  # where a user's own network may be
    keep_freed_memory()
    threading.Thread(target=_end_with, args=(os.getppid(),), daemon=True).start()


def _end_with(parent: int) -> None:
    """End this process when the one that began it has ended, however it did."""
    while os.getppid() == parent:
        time.sleep(1)
    os._exit(1)


def _do(function: Function[Task, Result], task: Task, path: str, place: int) -> Result:
    done = np.memmap(path, np.int64, "r+")

    def advance(count: int) -> None:
        done[place] += count
        if done[-1]:
            raise _Stopped

    return function(task, advance)
