"""Hand-eye calibration against cameras whose pose is known: boards are drawn, found, and solved for."""

from __future__ import annotations

import re
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers.board_images import K, checkerboard_texture, marker_texture, photograph, pose, postures
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation
from sdm_core.errors import SdmError
from sdm_core.perception.point_cloud import Extrinsics
from sdm_core.perception.static_transforms import StaticTransform, read_transforms, write_transforms
from sdm_policy_node.calibration.boards import Board, Checkerboard, MarkerGrid, board_in_camera
from sdm_policy_node.calibration.hand_eye import Mount, Sample, solve_hand_eye
from sdm_policy_node.calibration.program import main, parser, run
from sdm_policy_node.calibration.samples import CameraModel, SampleFolder, Shot

cv2 = pytest.importorskip("cv2", exc_type=ImportError)
CHECKERBOARD = Checkerboard(8, 5, 0.03)
MARKERS = MarkerGrid(5, 4, 0.04, 0.01)
CAMERA_IN_TOOL = pose(Rotation.from_euler("xyz", [5, -4, 92], degrees=True), (0.05, -0.03, 0.04))
CAMERA_IN_BASE = pose(Rotation.from_euler("xyz", [-140, 3, 88], degrees=True), (1.1, 0.05, 0.55))
BOARD_IN_BASE = pose(Rotation.from_euler("xyz", [178, 2, 30], degrees=True), (0.5, 0.1, 0.01))
BOARD_IN_TOOL = pose(Rotation.from_euler("xyz", [3, 90, 10], degrees=True), (0.02, 0.01, 0.1))


def texture_of(board: Board) -> tuple[NDArray[np.uint8], tuple[float, float]]:
    if isinstance(board, Checkerboard):
        return checkerboard_texture(board.columns, board.rows, board.square)
    assert isinstance(board, MarkerGrid)
    dictionary = cv2.aruco.getPredefinedDictionary(getattr(cv2.aruco, board.dictionary))
    grid = cv2.aruco.GridBoard((board.columns, board.rows), board.marker, board.gap, dictionary)
    return marker_texture(grid, board.marker)


def seen_poses(count: int, seed: int = 0) -> list[NDArray[np.float64]]:
    return postures(count, np.array([0.105, 0.06, 0.0]), seed)


def tool_for(mount: Mount, seen: NDArray[np.float64]) -> NDArray[np.float64]:
    """Where the tool must be for the camera to see the board so."""
    if mount == "eye_in_hand":
        return BOARD_IN_BASE @ np.linalg.inv(seen) @ np.linalg.inv(CAMERA_IN_TOOL)
    return CAMERA_IN_BASE @ seen @ np.linalg.inv(BOARD_IN_TOOL)


def truth(mount: Mount) -> NDArray[np.float64]:
    return CAMERA_IN_TOOL if mount == "eye_in_hand" else CAMERA_IN_BASE


def difference(found: NDArray[np.float64], true: NDArray[np.float64]) -> tuple[float, float]:
    """In mm and degrees."""
    wrong = np.linalg.inv(true) @ found
    turn = np.degrees(Rotation.from_matrix(wrong[:3, :3]).magnitude())
    return float(np.linalg.norm(found[:3, 3] - true[:3, 3])) * 1000, float(turn)


def drawn_samples(folder: Path, board: Board, mount: Mount, link: NDArray[np.float64] | None = None) -> SampleFolder:
    """A folder of pictures of the board in eight postures, and one of a bare wall."""
    texture, origin = texture_of(board)
    model = CameraModel(
        "camera_color_optical_frame", K, np.zeros(5), "camera_link", np.eye(4) if link is None else link
    )
    samples = SampleFolder(folder, model, "fr3_link0")
    for seen in seen_poses(8):
        samples.add(Shot(photograph(texture, origin, seen), tool_for(mount, seen)))
    samples.add(Shot(np.full((480, 640), 110, np.uint8), np.eye(4)))
    return samples


# -- boards --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("board", [CHECKERBOARD, MARKERS], ids=["checkerboard", "april tags"])
def test_a_board_is_found_where_it_was_drawn(board: Board) -> None:
    texture, origin = texture_of(board)
    for seen in seen_poses(4, seed=1):
        corners = board.find(photograph(texture, origin, seen))
        assert corners is not None
        found, pixels = board_in_camera(corners, K, np.zeros(5))
        millimetres, degrees = difference(found, seen)
        assert millimetres < 1.5
        assert degrees < 0.3
        assert pixels < 1.0


def test_a_wall_is_no_board() -> None:
    wall = np.full((480, 640), 110, np.uint8)
    assert CHECKERBOARD.find(wall) is None
    assert MARKERS.find(wall) is None


def test_a_grid_is_found_although_a_part_of_it_is_hidden() -> None:
    texture, origin = texture_of(MARKERS)
    (seen,) = seen_poses(1)
    image = photograph(texture, origin, seen)
    image[:, :300] = 110
    corners = MARKERS.find(image)
    assert corners is not None
    assert 8 <= len(corners.on_board) < 80
    assert difference(board_in_camera(corners, K, np.zeros(5))[0], seen)[0] < 3


def test_a_checkerboard_that_looks_the_same_upside_down_is_refused() -> None:
    with pytest.raises(SdmError, match="8×6 inner corners looks the same upside down"):
        Checkerboard(8, 6, 0.03)


def test_an_unknown_dictionary_is_named() -> None:
    with pytest.raises(SdmError, match=r"DICT_QR is unknown; .*DICT_APRILTAG_36h11"):
        MarkerGrid(2, 2, 0.04, 0.01, "DICT_QR").find(np.zeros((48, 64), np.uint8))


# -- hand and eye --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("mount", ["eye_in_hand", "eye_to_hand"])
def test_noisy_poses_give_the_camera_and_honest_residuals(mount: Mount) -> None:
    random, samples = np.random.default_rng(0), []
    for seen in seen_poses(30):
        noise = pose(Rotation.from_rotvec(np.radians(random.normal(0, 0.1, 3))), random.normal(0, 0.0005, 3))
        samples.append(Sample(tool_for(mount, seen), seen @ noise))
    found = solve_hand_eye(samples, mount)
    millimetres, degrees = difference(found.camera, truth(mount))
    assert millimetres < 2
    assert degrees < 0.2
    assert 0.4 < np.sqrt((found.errors_mm**2).mean()) < 1.5
    assert 0.1 < np.sqrt((found.errors_deg**2).mean()) < 0.3
    board = BOARD_IN_BASE if mount == "eye_in_hand" else BOARD_IN_TOOL
    assert difference(found.board, board)[0] < 2


def test_one_wrong_sample_spoils_little_and_shows_in_its_residual() -> None:
    samples = [Sample(tool_for("eye_to_hand", seen), seen) for seen in seen_poses(15)]
    slipped = samples[7].board_in_camera @ pose(Rotation.identity(), (0.03, 0.0, 0.0))
    samples[7] = Sample(samples[7].tool_in_base, slipped)
    found = solve_hand_eye(samples, "eye_to_hand")
    assert difference(found.camera, CAMERA_IN_BASE)[0] < 2
    assert int(found.errors_mm.argmax()) == 7
    assert found.errors_mm[7] > 20


def test_too_few_samples_and_turns_about_one_axis_are_refused() -> None:
    samples = [Sample(tool_for("eye_in_hand", seen), seen) for seen in seen_poses(4)]
    with pytest.raises(SdmError, match="4 samples are too few"):
        solve_hand_eye(samples, "eye_in_hand")
    start = seen_poses(1)[0]
    turned = [start @ pose(Rotation.from_euler("z", angle, degrees=True), (0, 0, 0)) for angle in range(0, 80, 10)]
    with pytest.raises(SdmError, match="the hand turned about one axis only"):
        solve_hand_eye([Sample(tool_for("eye_in_hand", seen), seen) for seen in turned], "eye_in_hand")


# -- the command ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("mount", "board", "options", "parent"),
    [
        ("eye_to_hand", CHECKERBOARD, [], "fr3_link0"),
        ("eye_in_hand", MARKERS, ["--board", "markers", "--size", "5x4", "--square", "0.04"], "fr3_hand_tcp"),
    ],
)
def test_pictures_become_the_file_that_the_nodes_read(
    mount: Mount, board: Board, options: list[str], parent: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    optical_in_link = pose(Rotation.from_quat([-0.5, 0.5, -0.5, 0.5]), (0.0, 0.015, 0.0))
    drawn_samples(tmp_path / "samples", board, mount, optical_in_link)
    output = tmp_path / "camera.yaml"
    found = run(parser().parse_args([str(tmp_path / "samples"), "-o", str(output), "--mount", mount, *options]))
    millimetres, degrees = difference(found.camera, truth(mount))
    assert millimetres < 2
    assert degrees < 0.2
    (transform,) = read_transforms(output)
    assert (transform.parent, transform.child) == (parent, "camera_link")
    link = pose(Rotation.from_quat(transform.pose.quaternion_xyzw), transform.pose.translation)
    np.testing.assert_allclose(link @ optical_in_link, found.camera, atol=1e-6)
    printed = capsys.readouterr().out
    assert "1 of 9 images do not show the board well" in printed
    assert "(root mean square; 1–3 mm are good)" in printed
    assert re.search(r"at most; the worst is 000[0-7]\.png\n", printed)
    assert "residuals of the board" in output.read_text()


def test_cameras_are_calibrated_one_after_the_other_into_one_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    drawn_samples(tmp_path / "samples", CHECKERBOARD, "eye_to_hand")
    output, before = tmp_path / "extrinsics.yaml", Extrinsics((0.0, 0.6, 0.0, 0.8), (1.25, -0.5, 0.75))
    left = StaticTransform("fr3_link0", "left_link", before)
    stale = [StaticTransform("fr3_hand_tcp", child, before) for child in ("camera_link", "camera_color_optical_frame")]
    write_transforms(output, [stale[0], left, stale[1]])
    found = run(parser().parse_args([str(tmp_path / "samples"), "-o", str(output)]))
    kept, camera = read_transforms(output)
    assert kept == left
    assert (camera.parent, camera.child) == ("fr3_link0", "camera_link")
    np.testing.assert_allclose(camera.pose.translation, found.camera[:3, 3], atol=1e-6)
    assert f"{output} places left_link, camera_link" in capsys.readouterr().out


@pytest.mark.parametrize("text", ["", "camera_namespace: camera\n", "transforms: [{parent: base, child: camera}]"])
def test_a_file_of_something_else_is_refused_before_anything_is_collected(text: str, tmp_path: Path) -> None:
    output = tmp_path / "cell.yaml"
    output.write_text(text)
    with pytest.raises(SdmError, match=r"^-o .*cell\.yaml is there, and no file of transforms .*; name another file$"):
        run(parser().parse_args([str(tmp_path / "samples"), "-o", str(output), "--collect", "15"]))
    assert output.read_text() == text
    assert not (tmp_path / "samples").exists()


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ([], "collect samples first"),
        (["--size", "8"], "--size 8 is not COLUMNSxROWS"),
        (["--size", "8x6"], "upside"),
        (["--collect", "4"], "^--collect 4 is too few; take 5 at least, better 15$"),
    ],
)
def test_what_cannot_be_calibrated_is_one_line_and_nothing_is_written(
    options: list[str], named: str, tmp_path: Path
) -> None:
    output = tmp_path / "camera.yaml"
    with pytest.raises(SdmError, match=named):
        run(parser().parse_args([str(tmp_path), "-o", str(output), *options]))
    assert not output.exists()


def test_a_camera_is_collected_from_in_the_namespace_that_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Refusing:
        """A collector that says where it was told to listen."""

        def __init__(self, *told: Any) -> None:
            raise SdmError(f"'{told[4]}' of '{told[7]}'")

    monkeypatch.setattr("sdm_policy_node.calibration.collector.Collector", Refusing)
    monkeypatch.setattr("sdm_policy_node.calibration.program.tool_node", lambda *_: nullcontext())
    words = f"{tmp_path}/samples -o {tmp_path}/out.yaml --collect 5 --camera left --camera-namespace /cell/eyes"
    with pytest.raises(SdmError, match=r"^'left' of '/cell/eyes'$"):
        run(parser().parse_args(words.split()))


def test_the_help_tells_what_counts_where_nothing_is_given(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        parser().parse_args(["--help"])
    told = " ".join(capsys.readouterr().out.split())
    for default in ("8x5", "0.03", "0.01", "DICT_APRILTAG_36h11", "fr3_hand_tcp"):
        assert f"default: {default})" in told


@pytest.mark.parametrize(
    ("samples", "line"), [(0, "nothing was collected"), (1, "what was collected stays in the folder")]
)
def test_an_interruption_tells_whether_anything_is_left(
    samples: int, line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def collect(*_: Any) -> None:
        model = CameraModel("optical", K, np.zeros(5), "optical", np.eye(4))
        for _sample in range(samples):
            SampleFolder(tmp_path / "samples", model, "fr3_link0").add(Shot(np.zeros((4, 4), np.uint8), np.eye(4)))
        raise KeyboardInterrupt

    monkeypatch.setattr("sdm_policy_node.calibration.program._collect", collect)
    with pytest.raises(SystemExit) as ended:
        main([str(tmp_path / "samples"), "-o", str(tmp_path / "out.yaml"), "--collect", "5"])
    assert ended.value.code == f"interrupted; {line}"


def test_a_malformed_folder_is_one_line(tmp_path: Path) -> None:
    model = CameraModel("optical", K, np.zeros(5), "optical", np.eye(4))
    SampleFolder(tmp_path, model, "fr3_link0").add(Shot(np.zeros((4, 4), np.uint8), np.eye(4)))
    text = (tmp_path / "samples.yaml").read_text()
    (tmp_path / "samples.yaml").write_text(text.replace("base: fr3_link0", "bass: fr3_link0"))
    with pytest.raises(SdmError, match=r"samples\.yaml: malformed \('base'\); collect the samples anew"):
        SampleFolder.load(tmp_path)
