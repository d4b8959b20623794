"""What a run sets up before it computes."""

from __future__ import annotations

import subprocess
import sys

import pytest

# Pages that the kernel hands out anew (minor faults) while the same 40 MB are taken and given back 20 times.
_FAULTS = """
import resource, torch
from sdm_training.compute import keep_freed_memory
{first}
def fill(): torch.full((10 << 20,), 1.0)
fill()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(20): fill()
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def _faults(first: str) -> int:
    done = subprocess.run(
        [sys.executable, "-c", _FAULTS.format(first=first)],
        check=True,
        capture_output=True,
        text=True,
        env={"OMP_NUM_THREADS": "1"},
    )
    return int(done.stdout)


@pytest.mark.skipif(sys.platform != "linux", reason="glibc's malloc")
def test_a_tensor_takes_the_memory_that_the_last_one_left() -> None:
    assert _faults("keep_freed_memory()") < _faults("") / 10
