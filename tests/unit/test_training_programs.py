"""The Hydra programs, from the shipped configuration files to exported and evaluated checkpoints."""

from __future__ import annotations

import itertools
import shutil
import signal
from pathlib import Path

import pytest
import torch
import yaml
from helpers.training import CPU, clouds_of, demonstrations, small_contract
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf
from sdm_core.checkpoint import Checkpoint
from sdm_core.contract import Contract, Rates
from sdm_core.datasets.dataset import Episode, EpisodeStore
from sdm_core.errors import SdmError, TaskError
from sdm_training.compute import ComputeSettings, set_up
from sdm_training.evaluation.closed_loop import Outcome
from sdm_training.evaluation.protocols import best5, final
from sdm_training.export.run_exports import ExportSettings, samplings_asked_for
from sdm_training.policy.policy import Policy
from sdm_training.policy.sampling import SamplingSettings
from sdm_training.programs.distill import DistillSettings, distill, prepare
from sdm_training.programs.evaluate import EvaluateSettings, checkpoint_folder, evaluate_checkpoint
from sdm_training.programs.export import ExportProgramSettings, export
from sdm_training.programs.train import TrainSettings, train_teacher
from sdm_training.programs.train import prepare as prepare_teacher
from sdm_training.runs.run_folder import STATE, RunFolder
from sdm_training.settings import SettingsError, SettingsType, build, composed_values, run_program
from sdm_training.training.run import seeded_policy

CONFIG = Path(__file__).parents[2] / "config"
COMMON = ("task=test/reach", "network.points=128")


def options(group: str) -> list[str]:
    return sorted(path.stem for path in (CONFIG / group).glob("*.yaml"))


def composed(program: str, settings: type[SettingsType], *overrides: str) -> SettingsType:
    with initialize_config_dir(str(CONFIG), version_base=None):
        config = compose(program, list(overrides))
    return build(settings, OmegaConf.to_container(config, resolve=True, throw_on_missing=True))


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def record(path: Path, contract: Contract, **provenance: object) -> None:
    data = demonstrations((9, 11), contract)
    store = EpisodeStore.create(path, contract)
    for rows in (slice(0, 9), slice(9, 20)):
        store.append(Episode(data.state[rows], data.action[rows], clouds_of(data)[rows]), provenance)


@pytest.fixture
def recorded(here):
    record(here / "data/test/reach.zarr", small_contract(256))
    return here


ONE_STEP = (*COMMON, "teacher.steps=1", "export.nfe=[1]")


@pytest.fixture(scope="module")
def once_taught(tmp_path_factory) -> Path:
    """A folder of demonstrations and of a teacher that was trained for a step: for copies, not for tests."""
    folder = tmp_path_factory.mktemp("taught")
    record(folder / "data/test/reach.zarr", small_contract(256))
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        train_teacher(composed("train", TrainSettings, *ONE_STEP))
    return folder


@pytest.fixture
def taught(here, once_taught):
    shutil.copytree(once_taught, here, dirs_exist_ok=True)
    return here


# Every method on every network: test_training_combinations.py.
@pytest.mark.parametrize("network", options("network"))
def test_every_shipped_network_configuration_is_valid(network):
    settings = composed("train", TrainSettings, "task=a/b", f"network={network}")
    assert settings.run == f"runs/a/b/dp3_{network}_seed0"
    assert settings.data == "data/a/b.zarr"


@pytest.mark.parametrize(("diffusion", "teacher"), list(itertools.product(options("diffusion"), options("teacher"))))
def test_every_shipped_teacher_configuration_is_valid(diffusion, teacher):
    settings = composed("train", TrainSettings, "task=a/b", f"diffusion={diffusion}", f"teacher={teacher}")
    assert settings.run == f"runs/a/b/{settings.teacher.model_dump()['method']}_small_seed0"


@pytest.mark.parametrize("distiller", options("distiller"))
def test_every_shipped_distiller_configuration_is_valid(distiller):
    settings = composed("distill", DistillSettings, "task=a/b", "network=joint", f"distiller={distiller}", "seed=3")
    assert settings.run == f"runs/a/b/{settings.distiller.model_dump()['method']}_joint_seed3"
    assert settings.teacher_run == f"runs/a/b/{settings.teacher_method}_joint_seed3"


def test_train_distill_and_export_make_checkpoints_that_name_their_origin(recorded):
    common = (*COMMON, "validation_episodes=1")
    train_teacher(composed("train", TrainSettings, *common, "teacher.steps=3", "loop.snapshots=3"))
    weights = recorded / "runs/test/reach/dp3_small_seed0/weights.safetensors"
    written = weights.stat().st_mtime_ns
    train_teacher(composed("train", TrainSettings, *common, "teacher.steps=3", "loop.snapshots=3", "export.nfe=[1]"))
    assert weights.stat().st_mtime_ns == written, "a finished run is only exported again"
    for method in ("sdm", "regression"):
        distill(composed("distill", DistillSettings, *common, f"distiller={method}", "distiller.steps=3"))
    runs = recorded / "runs/test/reach"
    exports = sorted(str(folder.relative_to(runs).parent) for folder in runs.glob("*/export*/model.onnx"))
    assert exports == [
        *(f"dp3_small_seed0/export_nfe{nfe}" for nfe in (1, 10, 2)),
        "regression_small_seed0/export",
        "sdm_small_seed0/export",
    ]
    student = Checkpoint.open(runs / "sdm_small_seed0/export")
    assert (student.metrics["method"], student.nfe, student.metrics["teacher"]) == ("sdm", 1, "dp3 seed 0")
    assert student.metrics["action_error"]["held_out"].keys() == {"demonstrations", "teacher"}
    training = yaml.safe_load((student.path / "training.yaml").read_text())
    assert training["config"]["distiller"]["update_ratio"] == 5
    assert training["dataset"]["sha256"] == student.metrics["dataset_sha256"]

    export(composed("export", ExportProgramSettings, f"run={runs / 'dp3_small_seed0'}", "export.nfe=[3]"))
    assert Checkpoint.open(checkpoint_folder(runs / "dp3_small_seed0", 3)).nfe == 3
    with pytest.raises(SettingsError, match=r"has no export, but export_nfe1, .*: choose nfe="):
        checkpoint_folder(runs / "dp3_small_seed0", None)


def test_a_teacher_may_bring_its_process_and_its_step_counts(recorded):
    options = (*COMMON, "teacher=edm", "teacher.steps=3")
    assert composed("train", TrainSettings, *options).export.nfe == (1, 19, 35)
    train_teacher(composed("train", TrainSettings, *options, "export.nfe=[1,5]"))
    run = RunFolder("runs/test/reach/edm_small_seed0")
    assert run.record()["policy"]["diffusion"]["kind"] == "edm"
    assert run.sampling().nfe == 19
    for nfe in (1, 5):
        checkpoint = Checkpoint.open(checkpoint_folder(run.path, nfe))
        assert (checkpoint.nfe, checkpoint.metrics["method"]) == (nfe, "edm")
        assert max(checkpoint.metrics["parity"].values()) < 0.02


@pytest.mark.parametrize(
    ("overrides", "nfe"),
    [
        (("teacher=dp3", "teacher.method=mine", "diffusion=edm", "export.nfe=[1]"), 10),
        (("teacher=edm", "export.nfe=[1,2]"), 2),
    ],
)
def test_step_counts_that_the_process_cannot_take_are_refused_before_the_training(recorded, overrides, nfe):
    with pytest.raises(SettingsError, match=f"^{nfe} network calls asked of EDM: .* give 1, 3, 5"):
        train_teacher(composed("train", TrainSettings, *COMMON, *overrides))
    assert not (recorded / "runs").exists()


def test_a_student_s_step_counts_are_refused_before_its_training_too(recorded):
    with pytest.raises(SettingsError, match=r"^1 network calls asked of the two-pass process: it takes 2"):
        distill(composed("distill", DistillSettings, *COMMON, "distiller=mip", "export.nfe=[1]"))
    assert not (recorded / "runs").exists()


def test_a_generator_of_one_call_has_no_step_counts(recorded):
    common = (*COMMON, "distiller=regression", "distiller.steps=1")
    with pytest.raises(SettingsError, match=r"^export\.nfe \[2\]: this policy is one call at the noise level 99"):
        distill(composed("distill", DistillSettings, *common, "export.nfe=[2]"))
    assert not (recorded / "runs").exists()
    distill(composed("distill", DistillSettings, *common, "export.nfe=[1]"))
    assert Checkpoint.open(checkpoint_folder(Path("runs/test/reach/regression_small_seed0"), 1)).nfe == 1


def test_step_counts_leave_the_rest_of_a_policy_s_sampling_as_it_is():
    own = SamplingSettings(nfe=2, noise_scale=0.0)
    assert samplings_asked_for(own, ExportSettings(nfe=(1,))) == {
        "export_nfe1": SamplingSettings(nfe=1, noise_scale=0.0)
    }


@pytest.mark.usefixtures("taught")
def test_a_checkpoint_is_not_evaluated_at_another_step_count_than_it_was_exported_at():
    folder = "checkpoint=runs/test/reach/dp3_small_seed0/export_nfe1"
    with pytest.raises(SettingsError, match="was exported at nfe 1, not 10: leave it out"):
        evaluate_checkpoint(composed("evaluate", EvaluateSettings, folder, "nfe=10", "results=null"))
    with pytest.raises(SettingsError, match="nfe belongs to protocol final"):
        composed("evaluate", EvaluateSettings, folder, "nfe=10", "protocol=best5")


def test_a_student_learns_from_the_episodes_that_its_teacher_learned_from(taught):
    others = (
        ("leave_out_failures=true", "false"),
        ("validation_episodes=1", "0"),
        ("camera_noise=d4xx", "null"),
        ("yaw_copies=2", "null"),
    )
    for other, same in others:
        key, _ = other.split("=")
        with pytest.raises(SettingsError, match=f"was trained with {key}={same}: distil with the same"):
            distill(composed("distill", DistillSettings, *COMMON, other))
    store = EpisodeStore.open(taught / "data/test/reach.zarr")
    store.append(
        Episode(
            store.read("state", slice(0, 9)), store.read("action", slice(0, 9)), store.read("point_cloud", slice(0, 9))
        )
    )
    with pytest.raises(SettingsError, match=r"trained on other episodes than data/test/reach\.zarr holds now"):
        distill(composed("distill", DistillSettings, *COMMON))


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (("teacher.steps=0",), r"steps.*greater than 0 \(given: 0\)"),
        (("teacher.state_dropout=50",), r"state_dropout.*less than 1 \(given: 50\)"),
        (("+teacher.epochs=3000",), "steps is 5000, epochs is 3000: give one, and null for the other"),
        (("loop.state_every=0",), r"state_every.*greater than 0 \(given: 0\)"),
        (("compute.threads=0",), r"'compute\.threads'.*greater than 0 \(given: 0\)"),
        (("teacher.optimiser.learning_rate=-1",), r"learning_rate.*greater than 0 \(given: -1\)"),
        (("teacher.optimiser.betas=[1.0,0.9]",), r"betas.*less than 1 \(given: 1\.0\)"),
        (("network.n_obs_steps=0",), r"'network\.n_obs_steps'.*greater than 0 \(given: 0\)"),
        (("network.n_action_steps=9",), "^configuration key 'network': .*n_action_steps 9 exceeds horizon 8$"),
        (("+network.past_actions=5",), "n_action_steps 4 exceeds horizon 8 without its 5 past actions$"),
        (("network.cloud_steps=3",), "cloud_steps 3 exceeds n_obs_steps 2: where clouds are centred, each needs the"),
    ],
)
def test_senseless_lengths_and_shares_of_a_training_are_refused(overrides, message):
    with pytest.raises(SettingsError, match=message):
        composed("train", TrainSettings, "task=test/reach", *overrides)


def test_clouds_in_the_base_frame_need_no_states_of_their_own():
    settings = composed("train", TrainSettings, "task=test/reach", "network.cloud_steps=3", "network.centred=false")
    assert settings.network.cloud_steps > settings.network.n_obs_steps


@pytest.mark.parametrize("device", ["gpu", "cuda:99", "vulkan"])
def test_a_device_that_is_not_there_is_one_line(device):
    with pytest.raises(SettingsError, match=f"^compute.device={device}: torch finds no such device here; give cpu"):
        set_up(ComputeSettings(device=device))


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (("seed0=-5",), r"'seed0'.*greater than or equal to 0 \(given: -5\)"),
        (("snapshot=2",), "snapshot belongs to protocol snapshot, not to final$"),
        (("protocol=best5", "snapshot=2"), "snapshot belongs to protocol snapshot, not to best5$"),
        (
            ("protocol=best5", "episodes=50"),
            "protocol best5 has 20 episodes of a snapshot, not 50; leave episodes out$",
        ),
        (("protocol=snapshot", "snapshot=0"), r"'snapshot'.*greater than 0 \(given: 0\)"),
    ],
)
def test_what_the_protocol_of_an_evaluation_does_not_read_is_refused(overrides, message):
    with pytest.raises(SettingsError, match=message):
        composed("evaluate", EvaluateSettings, "checkpoint=x", *overrides)


@pytest.mark.parametrize(("protocol", "episodes"), [("final", 100), ("snapshot", 100), ("best5", 20)])
def test_every_protocol_has_its_usual_episodes(protocol, episodes):
    settings = composed("evaluate", EvaluateSettings, "checkpoint=x", f"protocol={protocol}")
    assert settings.episodes == episodes


def test_a_one_step_policy_teaches_nobody(recorded):
    distill(composed("distill", DistillSettings, *COMMON, "distiller=regression", "distiller.steps=1"))
    with pytest.raises(SettingsError, match="regression_small_seed0 knows one noise level alone, it is a one-step"):
        distill(composed("distill", DistillSettings, *COMMON, "teacher_method=regression"))


@pytest.mark.usefixtures("taught")
def test_a_student_from_scratch_does_not_begin_as_its_teacher_did():
    settings = composed("distill", DistillSettings, *COMMON, "distiller.start=scratch")
    learner = prepare(settings, CPU).learner
    teacher = learner.get_submodule("teacher")
    assert isinstance(teacher, Policy)
    began = seeded_policy(teacher.settings, teacher.contract, settings.seed, CPU).denoiser.state_dict()
    drawn = {name: weights for name, weights in began.items() if weights.ndim > 1 and weights.any()}
    student = learner.policy.denoiser.state_dict()
    assert drawn
    assert not any(torch.equal(student[name], weights) for name, weights in drawn.items())


def test_a_student_of_weights_that_its_teacher_has_no_more_is_not_continued(taught):
    distill(composed("distill", DistillSettings, *COMMON, "distiller.steps=1"))
    shutil.rmtree(taught / "runs/test/reach/dp3_small_seed0")
    train_teacher(composed("train", TrainSettings, *COMMON, "teacher.steps=2", "export.nfe=[1]"))
    with pytest.raises(SettingsError, match="sdm_small_seed0 was trained with another 'teacher_sha256'"):
        distill(composed("distill", DistillSettings, *COMMON, "distiller.steps=1"))
    record_file = taught / "runs/test/reach/sdm_small_seed0/training.yaml"
    of_before = yaml.safe_load(record_file.read_text())
    del of_before["teacher_sha256"]
    record_file.write_text(yaml.safe_dump(of_before))
    distill(composed("distill", DistillSettings, *COMMON, "distiller.steps=1"))


@pytest.mark.usefixtures("taught")
def test_another_teacher_s_student_is_not_continued():
    train_teacher(composed("train", TrainSettings, *ONE_STEP, "teacher=edm"))
    distill(composed("distill", DistillSettings, *COMMON, "distiller.steps=1"))
    with pytest.raises(SettingsError, match=r"sdm_small_seed0 was trained with another 'teacher': .* with run="):
        distill(composed("distill", DistillSettings, *COMMON, "distiller.steps=1", "teacher_method=edm"))


@pytest.mark.parametrize(
    ("override", "line"),
    [
        (
            "teacher.stps=3",
            "train: Could not override 'teacher.stps'; To append to your config use +teacher.stps=3",
        ),
        (
            "+teacher.steps=3",
            "train: Could not append to config. An item is already at 'teacher.steps'; Either remove + prefix: "
            "'teacher.steps=3'; Or add a second + to add or override 'teacher.steps': '++teacher.steps=3'",
        ),
        (
            "teacher=slow",
            "train: In 'train': Could not find 'teacher/slow'; Available options in 'teacher': dp3, edm, fast, flow",
        ),
        ("network.encoder=${nope}", "train: Interpolation key 'nope' not found; full_key: network.encoder"),
    ],
)
def test_what_cannot_be_composed_is_told_with_its_key_and_remedy_in_one_line(override, line):
    with pytest.raises(SettingsError) as refused:
        composed_values("train", ["task=a/b", override])
    assert str(refused.value) == line


@pytest.mark.usefixtures("taught")
def test_a_teacher_with_another_network_is_refused():
    with pytest.raises(SettingsError, match=r"dp3_small_seed0 has another 'network\.horizon': give the same network="):
        distill(composed("distill", DistillSettings, *COMMON, "network.horizon=4"))


@pytest.mark.usefixtures("taught")
def test_a_student_has_its_teacher_s_process_and_is_told_no_other():
    with pytest.raises(SettingsError, match=r"dp3_small_seed0 has another 'diffusion\.kind', .* leave diffusion=… out"):
        distill(composed("distill", DistillSettings, *COMMON, "diffusion=edm"))
    with pytest.raises(SettingsError, match=r"^distiller 'regression' has no teacher .*: give diffusion="):
        distill(composed("distill", DistillSettings, *COMMON, "distiller=regression", "~diffusion"))


def test_a_teacher_of_average_velocities_is_not_trained_as_one_of_diffusion(recorded):
    with pytest.raises(SettingsError, match=r"^diffusion=meanflow: .* train it by sdm-distill distiller=meanflow"):
        train_teacher(composed("train", TrainSettings, *COMMON, "diffusion=meanflow", "teacher.steps=1"))
    assert not (recorded / "runs").exists()


def test_a_teacher_that_predicts_the_noise_is_not_distilled_at_pure_noise(recorded):
    with pytest.raises(SettingsError, match=r"^teacher\.method=dp3 is the name of .*prediction=x0.* has epsilon"):
        train_teacher(composed("train", TrainSettings, *ONE_STEP, "diffusion=epsilon"))
    with pytest.raises(SettingsError, match=r"^teacher\.method=edm is the name of .*kind=edm.* has discrete"):
        train_teacher(composed("train", TrainSettings, *ONE_STEP, "diffusion=x0", "teacher=edm"))
    assert not (recorded / "runs").exists()
    train_teacher(composed("train", TrainSettings, *ONE_STEP, "diffusion=epsilon", "teacher.method=dp3_eps"))
    for distiller in ("sdm", "manicm", "dmd2"):
        with pytest.raises(
            SettingsError, match=r"^at timestep 99 a network that predicts the noise cannot tell the action"
        ):
            distill(composed("distill", DistillSettings, *COMMON, f"distiller={distiller}", "teacher_method=dp3_eps"))
        assert not (recorded / f"runs/test/reach/{distiller}_small_seed0").exists()


def test_noise_is_not_regressed_at_pure_noise_either(recorded):
    with pytest.raises(
        SettingsError, match=r"^at timestep 99 a network that predicts the noise cannot tell the action"
    ):
        distill(composed("distill", DistillSettings, *COMMON, "distiller=regression", "diffusion=epsilon"))


def test_an_unknown_kind_is_told_by_its_key():
    with pytest.raises(
        SettingsError, match=r"^configuration key 'distiller\.kind': unknown kind 'sdmm', did you mean sdm"
    ):
        composed("distill", DistillSettings, *COMMON, "distiller.kind=sdmm")


def test_an_interrupted_training_is_not_continued_under_other_statistics(recorded, monkeypatch):
    options = (*COMMON, "teacher.steps=2", "export.nfe=[1]")
    with monkeypatch.context() as before:
        before.setattr("sdm_training.data.windows.LEAST_STATE_REACH", 5.0)
        run = prepare_teacher(composed("train", TrainSettings, *options), CPU)
        with run.begin():
            (run.folder.path / STATE).touch()
    with pytest.raises(SettingsError, match="dp3_small_seed0 was trained with another 'normaliser': delete the folder"):
        train_teacher(composed("train", TrainSettings, *options))
    shutil.rmtree(recorded / "runs")
    train_teacher(composed("train", TrainSettings, *options))
    monkeypatch.setattr("sdm_training.data.windows.LEAST_STATE_REACH", 5.0)
    train_teacher(composed("train", TrainSettings, *options))  # finished: exported again as it was trained


def test_a_folder_in_which_a_training_has_only_begun_is_not_taken_from_it(recorded):
    first, other = (
        composed("train", TrainSettings, *COMMON, f"teacher.steps={steps}", "export.nfe=[1]") for steps in (2, 1)
    )
    run = prepare_teacher(first, CPU)
    with (
        run.begin(),
        pytest.raises(SettingsError, match=r"dp3_small_seed0: .* trains in it: wait .* with run="),
    ):
        train_teacher(other)
    train_teacher(other)  # the first has ended, and has left nothing
    assert run.folder.record()["config"]["teacher"]["steps"] == 1


def test_demonstrations_that_do_not_fit_the_teacher_are_refused(taught):
    contract = small_contract(256)
    record(taught / "other.zarr", contract.model_copy(update={"rates": Rates(control_hz=20)}))
    with pytest.raises(SettingsError, match=r"does not fit the teacher .* \(rates.control_hz: 10.0 expected"):
        distill(composed("distill", DistillSettings, *COMMON, "data=other.zarr"))


def test_a_finished_run_keeps_the_origin_of_its_training(recorded, monkeypatch):
    settings = composed("train", TrainSettings, *ONE_STEP)
    here_and_there = iter([{"commit": name, "machine": name, "date": name} for name in ("trained", "again")])
    monkeypatch.setattr("sdm_training.provenance.origin", lambda: next(here_and_there))
    for _ in range(2):
        train_teacher(settings)
        metrics = Checkpoint.open(Path(settings.run) / "export_nfe1").metrics
        assert {metrics[key] for key in ("commit", "machine", "date")} == {"trained"}


def test_an_unknown_task_names_the_near_ones_and_a_known_one_its_missing_data(here):
    with pytest.raises(TaskError, match="did you mean metaworld/door-open"):
        train_teacher(composed("train", TrainSettings, "task=metaworld/dooropen"))
    own = r"^nosuch\.zarr: no such dataset; record one .* or convert one .*: unknown task 'fr3/my-task'; families: "
    with pytest.raises(TaskError, match=own):
        train_teacher(composed("train", TrainSettings, "task=fr3/my-task", "data=nosuch.zarr"))
    with pytest.raises(SdmError, match=r"data/metaworld/door-open\.zarr: no such dataset"):
        train_teacher(composed("train", TrainSettings, "task=metaworld/door-open"))


@pytest.fixture
def sigterm():
    """Puts the handler back that was there before the test."""
    before = signal.getsignal(signal.SIGTERM)
    yield
    signal.signal(signal.SIGTERM, before)


@pytest.mark.usefixtures("sigterm")
def test_a_terminated_program_closes_what_is_open_and_leaves_nothing_of_hydras(monkeypatch, here):
    monkeypatch.setattr("sys.argv", ["sdm-evaluate", "checkpoint=x"])
    monkeypatch.setattr("sdm_training.settings.share_directory", lambda package: CONFIG.parent)
    closed = []

    def body(settings: EvaluateSettings) -> None:
        try:
            signal.raise_signal(signal.SIGTERM)
        finally:
            closed.append(settings.checkpoint)

    with pytest.raises(SystemExit) as ended:
        run_program("evaluate", EvaluateSettings, body)
    assert (ended.value.code, closed) == (143, ["x"])
    assert list(here.iterdir()) == []


@pytest.mark.usefixtures("sigterm")
def test_programs_end_with_one_line_on_a_wrong_value(monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", ["sdm-evaluate", "checkpoint=x", "episodes=many"])
    monkeypatch.setattr("sdm_training.settings.share_directory", lambda package: CONFIG.parent)
    with pytest.raises(SystemExit) as ended:
        run_program("evaluate", EvaluateSettings, lambda settings: None)
    assert ended.value.code == 1
    error = capsys.readouterr().err
    assert error.startswith("error: configuration key 'episodes': Input should be a valid integer")
    assert error.count("\n") == 1


@pytest.mark.usefixtures("sigterm")
def test_a_missing_configuration_folder_is_one_line(monkeypatch, capsys, tmp_path):
    monkeypatch.delenv("AMENT_PREFIX_PATH", raising=False)
    monkeypatch.setattr("sys.prefix", str(tmp_path))
    with pytest.raises(SystemExit):
        run_program("evaluate", EvaluateSettings, lambda settings: None)
    assert capsys.readouterr().err.startswith(f"error: package 'sdm_bringup' is not installed below {tmp_path}")


def outcomes(successes: int, episodes: int) -> list[Outcome]:
    return [Outcome(100 + index, index < successes, 7) for index in range(episodes)]


def test_result_lines_carry_interval_outcomes_and_the_best_five(recorded):
    settings = (*COMMON, "teacher.steps=6", "+teacher.sample_nfe=2", "loop.snapshots=6", "export.nfe=[2]")
    train_teacher(composed("train", TrainSettings, *settings))
    run = RunFolder("runs/test/reach/dp3_small_seed0")
    checkpoint = Checkpoint.open(run.path / "export_nfe2")

    line = final(checkpoint, 4, lambda _, episodes: outcomes(3, episodes))
    assert (line["successes"], line["episodes"], line["outcomes"]) == (3, 4, "1110")
    assert line["ci95"] == pytest.approx([0.3006, 0.9544], abs=1e-3)
    assert (line["kind"], line["method"], line["network"], line["nfe"]) == ("success", "dp3", "small", 2)
    assert (line["eval_seed0"], line["protocol"], line["mode"]) == (100, "final", "direct")

    successes, weights = iter([0, 10, 4, 20, 8, 6]), []

    def evaluate(folder: Path, episodes: int) -> list[Outcome]:
        weights.append((folder / "weights.safetensors").read_bytes())
        return outcomes(next(successes), episodes)

    line = best5(run, demonstrations((9,), small_contract(256)), evaluate)
    assert weights == [snapshot.read_bytes() for snapshot in run.snapshots()]
    assert (line["protocol"], line["episodes"], line["successes"]) == ("best5", 100, 48)
    assert line["curve"] == [[1, 0], [2, 10], [3, 4], [4, 20], [5, 8], [6, 6]]


def test_a_policy_of_disturbed_demonstrations_says_so_in_its_metrics_and_its_result_lines(taught):
    record(taught / "data/test/led.zarr", small_contract(256), disturbed=True)
    places = ("data=data/test/led.zarr", "run=runs/test/reach/led")
    train_teacher(composed("train", TrainSettings, *ONE_STEP, *places))
    told = {}
    for run in ("led", "dp3_small_seed0"):
        checkpoint = Checkpoint.open(taught / "runs/test/reach" / run / "export_nfe1")
        line = final(checkpoint, 4, lambda _, episodes: outcomes(3, episodes))
        told[run] = [one.get("disturbed", "nothing") for one in (checkpoint.metrics, line)]
    assert told == {"led": [True, True], "dp3_small_seed0": ["nothing", "nothing"]}
