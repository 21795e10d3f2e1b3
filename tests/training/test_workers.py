"""Tasks in worker processes give what they give here, whatever becomes of the workers."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import time

import pytest
import torch

from hf_distill.errors import DivergenceError, UserError
from hf_distill.training.workers import count_workers, side_by_side


def square(task, advance):
    advance(task)
    while task > 9:
        time.sleep(0.1)
        advance(0)
    if task < 0:
        time.sleep(-task / 10)
        raise DivergenceError(f"number {task}")
    return task**2, torch.get_num_threads(), os.getpid()


def following(task, advance):
    return next(task)


def end(task, advance):
    os._exit(3)


def test_results_are_in_order_and_progress_adds_up():
    steps: list[int] = []
    results = side_by_side(square, [3, 1, 2], 2, steps.append)
    assert [result[0] for result in results] == [9, 1, 4] and sum(steps) == 6
    assert all(threads == 1 and pid != os.getpid() for _, threads, pid in results)
    assert side_by_side(square, [3, 1], 1)[0][2] == os.getpid()


@pytest.mark.slow
def test_the_first_failed_task_speaks_whichever_is_the_first_to_fail():
    with pytest.raises(DivergenceError, match="number -4"):
        side_by_side(square, [1, -4, -1, 2], 2)
    before = {pid for _, _, pid in side_by_side(square, [1] * 8, 2)}
    with pytest.raises(DivergenceError, match="number -1"):  # and what would take for ever is ended
        side_by_side(square, [-1, 10, 11], 2)
    assert {pid for _, _, pid in side_by_side(square, [1] * 8, 2)} <= before


@pytest.mark.slow
def test_what_cannot_be_sent_is_done_here():
    with pytest.warns(UserWarning, match="one after the other"):
        assert side_by_side(following, [iter("a"), (letter for letter in "b")], 2) == ["a", "b"]


@pytest.mark.slow
def test_a_worker_that_ends_is_an_error():
    with pytest.raises(UserError, match="ended from outside"):
        side_by_side(end, [1, 2], 2)


def test_workers_are_as_many_as_threads(monkeypatch):
    before = torch.get_num_threads()
    monkeypatch.setattr("joblib.cpu_count", lambda: 5)
    try:
        for threads, count in ((1, 1), (3, 3), (8, 5)):
            torch.set_num_threads(threads)
            assert count_workers() == count
    finally:
        torch.set_num_threads(before)


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="a process there does not know that its parent ended")
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
def test_workers_end_with_the_process_that_began_them(how, tmp_path):
    """A script without a guard of its main part, which every new interpreter would run again."""
    script = tmp_path / "script.py"
    script.write_text(
        textwrap.dedent(
            """
            import os, time
            from hf_distill.training.workers import side_by_side
            def wait(task, advance):
                print("begun", os.getpid(), flush=True)
                time.sleep(600)
            side_by_side(wait, [1, 2], 2)
            """
        )
    )
    process = subprocess.Popen(
        [sys.executable, script],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert process.stdout is not None and process.stderr is not None
    pids = [int(process.stdout.readline().split()[1]) for _ in range(2)]
    os.killpg(process.pid, how) if how == signal.SIGINT else process.send_signal(how)
    process.wait(30)
    ending = time.monotonic() + 30
    while any(_lives(pid) for pid in pids) and time.monotonic() < ending:
        time.sleep(0.2)
    assert not any(_lives(pid) for pid in pids)
    if how == signal.SIGINT:
        assert process.stderr.read().strip().endswith("KeyboardInterrupt")


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_without_semaphores_all_is_done_here(monkeypatch):
    def refuse(*args, **kwargs):
        raise OSError("no semaphores")

    monkeypatch.setattr("joblib.externals.loky.get_reusable_executor", refuse)
    with pytest.warns(UserWarning, match="for lack of worker processes: no semaphores"):
        assert [result[0] for result in side_by_side(square, [1, 2], 2)] == [1, 4]
