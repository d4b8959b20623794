"""sdm-score: success as operators judged it, its interval, and how two policies compare."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from helpers.training import clouds_of, demonstrations, small_contract
from sdm_core.datasets.dataset import Episode, EpisodeStore
from sdm_core.errors import DatasetError
from sdm_policy_node import score

JUDGED = {"1": True, "0": False, "?": None}


def recorded(path: Path, outcomes: str) -> str:
    contract = small_contract()
    data = demonstrations((3,), contract)
    store = EpisodeStore.create(path, contract)
    for outcome in outcomes:
        store.append(Episode(data.state, data.action, clouds_of(data)), success=JUDGED[outcome])
    return str(path)


def test_the_judged_episodes_count_with_wilson_s_interval(tmp_path: Path) -> None:
    (line,) = score.run([recorded(tmp_path / "student.zarr", "1110?111100")])
    assert line.endswith("student.zarr: 7 of 10 succeeded: 70 % [40, 89]; 1 not judged")


def test_two_policies_are_compared_the_first_less_the_second(tmp_path: Path) -> None:
    student, teacher = recorded(tmp_path / "a", "1111110000"), recorded(tmp_path / "b", "?1110000000")
    assert score.run([student, teacher])[-1] == f"{student} − {teacher}: +30 points [-12, +60]"
    assert len(score.run([student, teacher, student + "/."])) == 3, "three are not compared"


def test_pairs_that_agree_tell_the_difference_more_narrowly(tmp_path: Path) -> None:
    student, teacher = recorded(tmp_path / "a", "1111110000"), recorded(tmp_path / "b", "1110000000")
    bounds = {
        paired: np.array(line.split("[")[1].split("]")[0].split(", "), float)
        for paired in (False, True)
        for line in score.run([student, teacher], paired)[-1:]
    }
    assert np.ptp(bounds[True]) < np.ptp(bounds[False])


def test_what_cannot_be_compared_is_one_line(tmp_path: Path) -> None:
    student, unjudged = recorded(tmp_path / "a", "10"), recorded(tmp_path / "b", "1?")
    with pytest.raises(DatasetError, match="b: episode 1 was not judged, and pairs need all; leave --paired out"):
        score.run([student, unjudged], paired=True)
    longer = recorded(tmp_path / "d", "101")
    with pytest.raises(DatasetError, match=r"a has 2 episodes and .*d 3: pairs need as many of both; leave --paired"):
        score.run([student, longer], paired=True)
    with pytest.raises(DatasetError, match="--paired compares two datasets, and 1 were named"):
        score.run([student], paired=True)
    with pytest.raises(DatasetError, match=str(tmp_path / "nowhere")):
        score.run([str(tmp_path / "nowhere")])
    nothing = recorded(tmp_path / "c", "??")
    assert score.run([student, nothing])[-1] == (
        f"{nothing}: none of 2 episodes was judged; keep them with recorder_node/label"
    )
