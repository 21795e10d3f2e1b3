import subprocess
import sys

import pytest

FAULTS = """
import resource, sys, torch
from hf_distill.allocator import keep_freed_memory
if sys.argv[1] == "keep" and not keep_freed_memory():
    print(-1); raise SystemExit
x = torch.ones(2**24)
x * 2
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(30):
    x * 2
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def faults(mode):
    return int(subprocess.check_output([sys.executable, "-c", FAULTS, mode], text=True))


@pytest.mark.slow
def test_repeated_results_cause_no_new_page_faults():
    kept = faults("keep")
    if kept < 0:
        pytest.skip("not glibc")
    assert kept * 4 < faults("plain")


HELD = """
import re
from hf_distill.allocator import keep_freed_memory
def held():
    return int(re.search(r"RssAnon:\\s+(\\d+)", open("/proc/self/status").read())[1]) // 1024
blocks = [bytearray(2**16) for _ in range(3200)]
last = bytearray(2**16)
del blocks
before = held()
print(-1 if not keep_freed_memory() else before - held())
"""


def test_what_was_freed_before_is_given_back():
    given = int(subprocess.check_output([sys.executable, "-c", HELD], text=True))
    if given < 0:
        pytest.skip("not glibc")
    assert given > 150  # MiB of 200; the last block keeps them from going by themselves
