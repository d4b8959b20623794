"""Files of poses that do not change."""

from __future__ import annotations

from pathlib import Path

import pytest
from sdm_core.errors import ObservationError
from sdm_core.perception.point_cloud import Extrinsics
from sdm_core.perception.static_transforms import StaticTransform, read_transforms, write_transforms

GOOD = "{parent: base, child: camera, translation: [1, 2, 3], rotation_xyzw: [0, 0, 0, 1]}"


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    transforms = [
        StaticTransform("base", "camera", Extrinsics((0.0, 0.6, 0.0, 0.8), (1.25, -0.5, 0.75))),
        StaticTransform("hand", "wrist", Extrinsics((0.0, 0.0, 0.0, 1.0), (0.0, 0.1, 0.0))),
    ]
    write_transforms(tmp_path / "cell.yaml", transforms, "calibrated\non a Friday")
    assert read_transforms(tmp_path / "cell.yaml") == transforms
    assert (tmp_path / "cell.yaml").read_text().startswith("# calibrated\n# on a Friday\ntransforms:\n")


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("transforms: [", "not valid YAML"),
        ("[]", "file: .* mend this entry"),
        ("transforms: [" + GOOD.replace("[1, 2, 3]", "[1, 2]") + "]", r"transforms\.0\.translation"),
        ("transforms: [" + GOOD.replace("child", "kid") + "]", r"transforms\.0\.child"),
        ("transforms: [" + GOOD.replace("[1, 2, 3]", "[1, 2, .nan]") + "]", r"transforms\.0\.translation"),
        ("transforms: [" + GOOD.replace("[0, 0, 0, 1]", "[0, 0, 0, 2]") + "]", "quaternion of norm 2"),
    ],
)
def test_a_malformed_file_is_one_clear_line(text: str, named: str, tmp_path: Path) -> None:
    (tmp_path / "cell.yaml").write_text(text)
    with pytest.raises(ObservationError, match=named):
        read_transforms(tmp_path / "cell.yaml")


def test_a_missing_file_names_what_makes_it(tmp_path: Path) -> None:
    with pytest.raises(ObservationError, match=r"cell.yaml: No such file or directory; .*sdm-calibrate"):
        read_transforms(tmp_path / "cell.yaml")
