"""Checkpoints of DP3's public code: the imported policy computes what the published one does, input for input."""

from __future__ import annotations

import json
import math
from contextlib import closing
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest
import torch
from helpers import published_dp3
from helpers.noise import episode_noise
from omegaconf import OmegaConf
from safetensors.torch import load_file
from sdm_core.datasets.dataset import Episode, EpisodeStore
from sdm_core.errors import CheckpointError
from sdm_core.runtime.observation_window import PolicyInput
from sdm_core.runtime.policy_runtime import PolicyRuntime
from sdm_sim.metaworld.task import MetaWorldTask, metaworld_contract
from sdm_training.data.windows import window_rows
from sdm_training.importing.dp3_cloud_frame import world_to_dp3_metaworld
from sdm_training.importing.dp3_layout import Dp3Layout
from sdm_training.observation import Observation
from sdm_training.policy.sampling import Sampler, SamplingSettings
from sdm_training.programs.export import ExportProgramSettings, export
from sdm_training.programs.import_dp3 import ImportDp3Settings, import_dp3
from sdm_training.programs.parameters import parameter_table, part_sizes
from sdm_training.runs.run_folder import RunFolder
from sdm_training.settings import SettingsError, build

TASK = "metaworld/door-open"
SIZES = {"dp3": ((16, 24, 32), 2), "simple": ((16, 24, 32), 1)}


def checkpoint(path: Path, size: str = "simple", **changes: Any) -> dict[str, dict[str, torch.Tensor]]:
    """A checkpoint of small networks in DP3's layout, with a configuration; its two state dicts are returned."""
    shapes = published_dp3.network_shapes(*SIZES[size], features=16)
    models = {name: published_dp3.random_policy(shapes, seed) for seed, name in enumerate(("model", "ema_model"))}
    config = {
        "horizon": 8,
        "n_action_steps": 5,
        "training": {"seed": 42},
        "policy": {
            "horizon": "${horizon}",
            "condition_type": "film",
            "num_inference_steps": 5,
            "noise_scheduler": {"beta_schedule": "squaredcos_cap_v2", "prediction_type": "sample"},
        },
    }
    content = {"cfg": OmegaConf.create(config), "state_dicts": models, "pickles": {"epoch": b"\x80\x02K\x03."}}
    torch.save({**content, **changes}, path)
    return models


@pytest.fixture
def settings(tmp_path):
    """Settings of the program; an empty store lends the task's contract, so that no simulator need start."""
    EpisodeStore.create(tmp_path / "data.zarr", metaworld_contract("door-open"))

    def make(**changes: Any) -> ImportDp3Settings:
        values = {
            "checkpoint": str(tmp_path / "latest.ckpt"),
            "task": TASK,
            "data": str(tmp_path / "data.zarr"),
            "run": str(tmp_path / "run"),
            "cloud_frame": "contract",
            "state": None,
            "horizon": None,
            "n_action_steps": None,
        }
        return build(ImportDp3Settings, {**values, **changes})

    return make


@pytest.fixture(scope="module")
def camera():
    with closing(MetaWorldTask("door-open")) as task:
        return task.extrinsics


@pytest.fixture(scope="module")
def frame(camera):
    return world_to_dp3_metaworld(camera)


def observations(count: int = 5, points: int = 512) -> tuple[torch.Tensor, torch.Tensor]:
    """Clouds [B, 2, N, 3] within the crop box, in the world, and states [B, 2, 10]."""
    cloud = metaworld_contract("door-open").observation.cloud
    assert cloud is not None
    generator = np.random.default_rng(0)
    clouds = generator.uniform(cloud.crop_low, cloud.crop_high, (count, 2, points, 3))
    return torch.from_numpy(clouds), torch.from_numpy(generator.uniform(-0.5, 0.9, (count, 2, 10)))


@pytest.mark.parametrize("size", SIZES)
def test_an_imported_policy_computes_what_the_published_one_does(size, tmp_path, settings, frame):
    models = checkpoint(tmp_path / "latest.ckpt", size)
    import_dp3(settings(cloud_frame="metaworld"))
    clouds, states = observations()
    noisy, timesteps = torch.randn(5, 8, 4), torch.tensor([0, 25, 50, 75, 99])
    kinds: tuple[tuple[Literal["ema", "raw"], str], ...] = (("ema", "ema_model"), ("raw", "model"))
    for weights, model in kinds:
        given = published_dp3.condition(
            models[model], (clouds @ frame.matrix.T + frame.offset).float(), states[..., :9].float()
        )
        expected = published_dp3.denoised(models[model], noisy, timesteps, given)
        policy = RunFolder(tmp_path / "run").load_policy(weights=weights)
        with torch.no_grad():
            condition = policy.encode(Observation(states.float(), clouds.float()))
            predicted = policy.predict_x0(noisy, timesteps, condition, clip=False)
        assert expected.std() > 0.1
        torch.testing.assert_close(predicted, expected, rtol=1e-5, atol=1e-5)
        actions = published_dp3.denormalised_action(models[model], expected).clamp(-1, 1)
        torch.testing.assert_close(policy.denormalise_chunk(predicted, states), actions, rtol=1e-5, atol=1e-5)


def test_the_run_is_recorded_with_the_checkpoint_s_own_recipe(tmp_path, settings):
    checkpoint(tmp_path / "latest.ckpt")
    import_dp3(settings())
    run = RunFolder(tmp_path / "run")
    record, contract = run.record(), run.load_policy().contract
    assert (contract.horizon, contract.past_actions, contract.n_action_steps, contract.n_obs_steps) == (8, 1, 5, 2)
    assert (record["method"], record["seed"], record["sampling"]["nfe"]) == ("dp3", 42, 5)
    assert record["imported"]["checkpoint"] == "latest.ckpt"
    metrics = json.loads((run.path / "metrics.json").read_text())
    averaged = [tensor for name, tensor in load_file(run.weights_file).items() if not name.startswith("raw.")]
    assert metrics["parameters"] == sum(tensor.numel() for tensor in averaged)


@pytest.mark.parametrize(("prediction", "level"), [("sample", False), ("epsilon", True)])
def test_the_command_that_distils_it_is_one_that_its_prediction_allows(
    prediction, level, tmp_path, settings, capsys, monkeypatch
):
    cfg = OmegaConf.create({"policy": {"noise_scheduler": {"prediction_type": prediction}}})
    checkpoint(tmp_path / "latest.ckpt", cfg=cfg)
    (tmp_path / "network").mkdir()
    (tmp_path / "network/dp3.yaml").touch()  # as if these small networks were among the shipped ones
    monkeypatch.setattr("sdm_training.programs.import_dp3.config_folder", lambda: tmp_path)
    import_dp3(settings())
    command = next(line for line in capsys.readouterr().out.splitlines() if "to distil it: sdm-distill" in line)
    assert ("distiller.generator_level=65" in command) == level


def test_what_is_given_goes_before_the_checkpoint_and_dp3_s_values_stand_in_for_a_missing_configuration(
    tmp_path, settings
):
    checkpoint(tmp_path / "latest.ckpt", cfg=None)
    import_dp3(settings())
    import_dp3(settings(run=str(tmp_path / "other"), horizon=4, n_action_steps=3))
    contracts = [RunFolder(tmp_path / name).load_policy().contract for name in ("run", "other")]
    assert [(contract.horizon, contract.n_action_steps) for contract in contracts] == [(16, 8), (4, 3)]


def test_without_averaged_weights_the_raw_ones_are_used(tmp_path, settings):
    raw = checkpoint(tmp_path / "first.ckpt")["model"]
    checkpoint(tmp_path / "latest.ckpt", state_dicts={"model": raw})
    import_dp3(settings())
    tensors = load_file(RunFolder(tmp_path / "run").weights_file)
    for name in ("denoiser.outputs.1.weight", "encoder.cloud.points.1.weight"):
        torch.testing.assert_close(tensors[name], tensors[f"raw.{name}"], rtol=0, atol=0)


def test_state_entries_can_be_named_in_the_checkpoint_s_order(tmp_path, settings):
    model = checkpoint(tmp_path / "latest.ckpt")["ema_model"]
    names = metaworld_contract("door-open").state_names[1:]
    import_dp3(settings(state=list(reversed(names))))
    policy = RunFolder(tmp_path / "run").load_policy()
    clouds, states = observations()
    given = published_dp3.condition(model, clouds.float(), states[..., 1:].flip(-1).float())
    expected = torch.cat([given[:, 64:128], given[:, 192:]], dim=-1)
    condition = policy.encode(Observation(states.float(), clouds.float()))
    torch.testing.assert_close(condition[:, 128:], expected, rtol=1e-5, atol=1e-5)


def test_dp3_s_metaworld_clouds_have_the_camera_as_origin_and_a_level_table(camera, frame):
    """Its crop keeps what is above -0.795 under a camera 0.8 m above the table: all but the table's top."""
    position = torch.tensor(camera.translation, dtype=torch.float64)
    torch.testing.assert_close(frame.matrix @ frame.matrix.T, torch.eye(3, dtype=torch.float64), rtol=0, atol=1e-6)
    assert torch.linalg.det(frame.matrix).item() == pytest.approx(1)
    assert (frame.matrix @ position + frame.offset).norm() < 1e-6
    points = observations()[0].reshape(-1, 3)
    heights = (points @ frame.matrix.T + frame.offset)[:, 2]
    assert (heights - (points[:, 2] - position[2])).abs().max() < 0.02


@pytest.mark.parametrize(("horizon", "n_action_steps"), [(16, 8), (4, 3)])
def test_windows_with_past_actions_are_dp3_s_own(horizon, n_action_steps):
    """DP3 cuts sequences that begin at the oldest observation, from n_obs_steps - 1 before the start on."""
    lengths, n_obs_steps = [30, 17], 2
    rows = window_rows(lengths, n_obs_steps, n_obs_steps, horizon, n_action_steps, past_actions=n_obs_steps - 1)
    sequences, first = [], 0
    for length in lengths:
        starts = np.arange(1 - n_obs_steps, length - horizon + n_action_steps)
        sequences.append(first + np.clip(starts[:, None] + np.arange(horizon), 0, length - 1))
        first += length
    expected = np.concatenate(sequences)
    np.testing.assert_array_equal(rows.action, expected)
    np.testing.assert_array_equal(rows.state, expected[:, :n_obs_steps])
    np.testing.assert_array_equal(rows.cloud, expected[:, :n_obs_steps])


@pytest.mark.parametrize(
    ("widths", "blocks", "name", "denoiser"),
    [((512, 1024, 2048), 2, "paper", 255_074_436), ((128, 256, 384), 1, "simple", 7_375_236)],
)
def test_the_published_layouts_are_our_presets_parameter_for_parameter(widths, blocks, name, denoiser):
    shapes = published_dp3.network_shapes(widths, blocks)
    layout = Dp3Layout.of({key: torch.empty(shape, device="meta") for key, shape in shapes.items()})
    assert layout.name == name
    parts = {"cloud": "obs_encoder.extractor.", "state": "obs_encoder.state_mlp.", "denoiser": "model."}
    published = {
        part: sum(math.prod(shape) for key, shape in shapes.items() if key.startswith(prefix))
        for part, prefix in parts.items()
    }
    contract = metaworld_contract("door-open")
    observed = contract.observation.model_copy(update={"state": contract.observation.state[:9]})
    assert part_sizes(name, contract.model_copy(update={"observation": observed})) == published
    assert published == {"cloud": 59_072, "state": 4_800, "denoiser": denoiser}


def test_the_page_on_networks_says_what_is_counted():
    page = Path(__file__).parents[2] / "docs" / "networks.md"
    assert parameter_table() in page.read_text(), "run sdm-parameters and commit what it writes"


def test_an_imported_run_is_exported_and_commands_from_the_newest_observation_on(tmp_path, settings):
    clouds, states = observations(40)
    actions = np.random.default_rng(1).uniform(-1, 1, (40, 4)).astype(np.float32)
    store = EpisodeStore.view(tmp_path / "data.zarr")
    store.append(Episode(states[:, 0].float().numpy(), actions, clouds[:, 0].float().numpy()))
    checkpoint(tmp_path / "latest.ckpt")
    import_dp3(settings())
    run = RunFolder(tmp_path / "run")
    export(
        build(
            ExportProgramSettings,
            {
                "run": str(run.path),
                "data": None,
                "compute": {"device": "cpu", "threads": 1},
                "export": {"half_weights": False},
            },
        )
    )
    runtime = PolicyRuntime(run.path / "export")
    runtime.start_episode(3)
    chunk = runtime.infer(PolicyInput(0, states[0].numpy(), clouds[0].float().numpy()))
    noise = torch.from_numpy(episode_noise(3, 0, (1, 8, 4)))
    sampler = Sampler(run.load_policy(), SamplingSettings(nfe=5))
    with torch.no_grad():
        expected = sampler(clouds[:1].float(), states[:1].float(), noise)[0]
    np.testing.assert_allclose(chunk.targets, expected[1:].numpy(), atol=1e-4)


def without(*names: str):
    return lambda tensors: {key: value for key, value in tensors.items() if key not in names}


BROKEN = {
    "a coloured cloud": (
        lambda tensors: tensors | {"obs_encoder.extractor.mlp.0.weight": torch.zeros(64, 6)},
        "clouds of 6 channels",
    ),
    "no projection": (without("obs_encoder.extractor.final_projection.0.weight"), r"final_projection\.0\.weight"),
    "no layer norm": (
        without("obs_encoder.extractor.mlp.1.weight", "obs_encoder.extractor.mlp.1.bias"),
        r"DP3's default networks",
    ),
    "another conditioning": (
        lambda tensors: tensors | {"model.mid_modules.0.cond_encoder.3.weight": torch.zeros(2, 2)},
        r"mid_modules\.0\.cond_encoder\.3\.weight.*film",
    ),
    "no normaliser": (without("normalizer.params_dict.action.scale"), r"params_dict\.action\.scale"),
    "another task": (
        lambda tensors: tensors | {"model.final_conv.1.weight": torch.zeros(28, 16, 1)},
        "28 action entries, metaworld/door-open has 4",
    ),
}


@pytest.mark.parametrize("what", BROKEN)
def test_what_cannot_be_imported_exactly_is_refused_and_leaves_no_run(what, tmp_path, settings):
    change, message = BROKEN[what]
    model = change(checkpoint(tmp_path / "first.ckpt")["model"])
    checkpoint(tmp_path / "latest.ckpt", state_dicts={"model": model})
    with pytest.raises(CheckpointError, match=message) as caught:
        import_dp3(settings())
    assert "latest.ckpt" in str(caught.value)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"policy": {"condition_type": "add"}}, r"condition_type add.*film"),
        ({"policy": {"use_mid_condition": False}}, "use_mid_condition False"),
        ({"policy": {"noise_scheduler": {"beta_schedule": "linear"}}}, "beta_schedule linear"),
        ({"policy": {"noise_scheduler": {"prediction_type": "v_prediction"}}}, "predict v_prediction"),
    ],
)
def test_a_recipe_that_this_project_does_not_know_is_refused(config, message, tmp_path, settings):
    checkpoint(tmp_path / "latest.ckpt", cfg=OmegaConf.create(config))
    with pytest.raises(CheckpointError, match=message):
        import_dp3(settings())


def test_other_files_of_torch_are_refused(tmp_path, settings):
    torch.save({"weights": torch.zeros(2)}, tmp_path / "latest.ckpt")
    with pytest.raises(CheckpointError, match=r"holds no state_dicts\.model"):
        import_dp3(settings())


def test_wrong_names_frames_and_finished_runs_are_one_clear_line(tmp_path, settings):
    checkpoint(tmp_path / "latest.ckpt")
    for wrong in (["hand.x"], ["hand.x"] * 9, [f"joint_{index}" for index in range(9)]):
        with pytest.raises(SettingsError, match=r"reads 9 state entries.*state=\[…\]"):
            import_dp3(settings(state=wrong))
    with pytest.raises(SettingsError, match="n_action_steps 4 exceeds horizon 4 without its 1 past actions"):
        import_dp3(settings(horizon=4, n_action_steps=4))
    with pytest.raises(SettingsError, match=r"horizon 6 .* multiple of 4"):
        import_dp3(settings(horizon=6))
    other = metaworld_contract("door-open").model_copy(update={"task": "my/door"})
    EpisodeStore.create(tmp_path / "other.zarr", other)
    with pytest.raises(SettingsError, match="cloud_frame=contract"):
        import_dp3(settings(task="my/door", data=str(tmp_path / "other.zarr"), cloud_frame="metaworld"))
    import_dp3(settings())
    with pytest.raises(SettingsError, match="holds a finished run"):
        import_dp3(settings())
