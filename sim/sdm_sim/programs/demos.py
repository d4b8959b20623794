"""`sdm-demos task=metaworld/door-open episodes=10`: expert demonstrations into a zarr dataset.

`sdm-demos task=metaworld workers=2` records every task of a family, so many at a time, each into its own dataset.
`sdm-demos task=pusht/push-t source=FILE` converts recorded demonstrations where people showed a task; of Robomimic's
files `source=FILE:LIST` takes those of one of their lists (`train`, `better`, …).
Resumable: what is there is kept, what was interrupted is rolled back, and the next seeds follow. An episode in which
the expert fails is not stored; the next seed takes its place.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

import hydra
from omegaconf import DictConfig, OmegaConf
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from sdm_core.datasets.dataset import EpisodeStore
from sdm_core.errors import DatasetError, SdmError, TaskError
from sdm_core.perception.depth_noise import noisy_camera
from sdm_core.share import share_directory

from sdm_sim.colour_contract import with_coloured_cloud, with_images
from sdm_sim.demonstrations import demonstrate, demonstrate_disturbed
from sdm_sim.differing_option import differing_option
from sdm_sim.disturbance import HALF, Disturbance, Disturbed, is_disturbed
from sdm_sim.recorded_demonstrations import RecordedDemonstrations, open_recorded
from sdm_sim.registry import make_task, tasks_named
from sdm_sim.worker_processes import in_workers

EXPERT_EPISODES = 10


def record(
    name: str,
    episodes: int | None,
    seed0: int,
    max_failures: int,
    keep_depth: bool,
    output: str,
    source: str | None = None,
    colour: bool = False,
    images: bool = False,
    image_size: int = 84,
    camera_noise: str | None = None,
    disturbed: Disturbed = False,
    quiet: bool = False,
) -> EpisodeStore:
    """Brings the store at `output` to `episodes` expert episodes, from seeds `seed0`, `seed0`+1, …

    With `source`, a file of recorded demonstrations, its episodes take the place of the expert's, from number `seed0`
    on. `episodes` None means EXPERT_EPISODES, or all that the source holds. A store that holds more than `episodes`, or
    seeds before `seed0`, is refused. `colour` also stores the colour of each point of the clouds, `images` that of each
    camera, `image_size` pixels high. `camera_noise` names the depth camera whose noise is put onto the images.
    `disturbed` leads the robot astray now and then, as `demonstrate_disturbed` tells; HALF only where the seed is odd.
    """
    if noisy_camera(camera_noise) is None:
        camera_noise = None  # also where it is called `none`
    if disturbed not in (False, True, HALF):
        raise TaskError(f"disturbed={disturbed}: is none of false, true and {HALF}")
    asked, task = episodes, make_task(name)
    try:
        contract = with_coloured_cloud(task.contract) if colour else task.contract
        contract = with_images(contract, image_size) if images else contract
        recorded = open_recorded(task, source)
        if recorded is None:
            episodes = EXPERT_EPISODES if episodes is None else episodes
        else:
            if camera_noise:
                raise TaskError(f"{source}: was recorded as it is; leave camera_noise={camera_noise} out")
            if disturbed:
                raise TaskError(f"{source}: was recorded as it is; leave disturbed=… out")
            episodes = _held(recorded, source, seed0, episodes)
        disturbance = Disturbance(contract) if disturbed else None
        store = EpisodeStore.open_or_create(output, contract)
        # The contract has told whether it holds colour and images.
        asked_for = {"camera_noise": camera_noise, "seed0": seed0, "max_failures": max_failures, "disturbed": disturbed}
        if other := differing_option(store, asked_for):
            option, was, now = other
            raise DatasetError(
                f"{output}: recorded with {option}={was}, {now} asked for; go on with that, or choose another path"
            )
        if asked is not None and len(store) > asked:
            raise DatasetError(
                f"{output}: holds {len(store)} episodes, {asked} asked for, and all of a dataset are trained on; "
                "choose another path"
            )
        if not all("seed" in entry for entry in store.provenance):
            raise DatasetError(f"{output}: holds episodes that were recorded, not made of seeds; choose another path")
        tried = [int(entry["seed"]) for entry in store.provenance]
        seed, failures = max(tried, default=seed0 - 1) + 1, 0
        with _progress(name, quiet) as progress:
            bar = progress.add_task("demos", total=episodes, completed=len(store), note="")
            while len(store) < episodes:
                made = {"seed": seed, "expert": task.expert_kind, "task": name}
                if recorded is None:
                    if disturbance is not None and is_disturbed(disturbed, seed):
                        episode = demonstrate_disturbed(task, seed, disturbance, keep_depth, contract, camera_noise)
                        made |= {"disturbed": True}
                    else:
                        episode = demonstrate(task, seed, keep_depth, contract, camera_noise)
                    made |= {"camera_noise": camera_noise} if camera_noise else {}
                else:
                    episode = recorded.episode(seed, keep_depth, contract)
                    made |= {"expert": "recorded", **recorded.provenance(seed)}
                if episode is not None:
                    store.append(episode, made)
                else:
                    failures += 1
                    if failures > max_failures:
                        raise DatasetError(f"{name}: the expert failed {failures} times; raise max_failures to go on")
                seed += 1
                progress.update(bar, completed=len(store), note=f"{failures} failed" if failures else "")
        return store
    finally:
        task.close()


def _held(recorded: RecordedDemonstrations, source: str | None, seed0: int, episodes: int | None) -> int:
    """How many episodes are asked of a file. Raises DatasetError where it does not hold them."""
    held = len(recorded) - seed0
    if episodes is not None and episodes > held:
        raise DatasetError(f"{source}: holds {held} episodes from number {seed0} on; ask for no more than that")
    return held if episodes is None else episodes


def _progress(name: str, quiet: bool) -> Progress:
    note = TextColumn("{task.fields[note]}")
    return Progress(TextColumn(name), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(), note, disable=quiet)


def record_as_configured(config: Mapping[str, Any] | DictConfig, quiet: bool = False) -> EpisodeStore:
    """Records one task by the values of config/demos.yaml."""
    names = ("episodes", "seed0", "max_failures", "keep_depth", "output", "source", "colour", "images", "image_size")
    values = (config[name] for name in (*names, "camera_noise", "disturbed"))
    return record(config["task"], *values, quiet=quiet)


def record_each(config: DictConfig, tasks: tuple[str, ...]) -> None:
    """Records several tasks, `workers` at a time, and says so. Raises DatasetError at the end where some failed."""
    settings = {task: _settings_of(config, task) for task in tasks}
    if len({values["output"] for values in settings.values()}) < len(tasks):
        raise DatasetError("output: one dataset for several tasks; name it by ${task}")
    failed = []
    for number, (task, made) in enumerate(in_workers(_recorded, settings, config.workers), 1):
        print(f"{number}/{len(tasks)} {task}: {made}", flush=True)
        failed += [task] if isinstance(made, SdmError) else []
    if failed:
        raise DatasetError(f"{len(failed)} of {len(tasks)} tasks failed: {', '.join(failed)}; see above")


def _settings_of(config: DictConfig, task: str) -> dict[str, Any]:
    values = OmegaConf.to_container(OmegaConf.merge(config, {"task": task}), resolve=True)
    assert isinstance(values, dict)  # a configuration file's root is one
    return {str(key): value for key, value in values.items()}


def _recorded(values: dict[str, Any]) -> str:
    return _summary(record_as_configured(values, quiet=True))


def _summary(store: EpisodeStore) -> str:
    return f"{len(store)} episodes, {int(store.episode_ends[-1])} steps"


def main() -> None:
    """Console entry point."""

    @hydra.main(version_base=None, config_path=str(share_directory("sdm_bringup") / "config"), config_name="demos")
    def run(config: DictConfig) -> None:
        try:
            tasks = tasks_named(config.task)
            if tasks == (config.task,):
                store = record_as_configured(config)
                print(f"{store.path}: {_summary(store)}")
            else:
                record_each(config, tasks)
        except SdmError as error:  # here, since Hydra would print a traceback
            sys.exit(f"sdm-demos: {error}")

    try:
        run()
    except KeyboardInterrupt:
        sys.exit("sdm-demos: interrupted; what is stored is whole, and the same command continues")
