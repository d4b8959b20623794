"""`sdm-demos task=metaworld/door-open episodes=10`: expert demonstrations into a zarr dataset.

`sdm-demos task=pusht/push-t source=FILE` converts recorded demonstrations where people showed a task.
Resumable: what is there is kept, what was interrupted is rolled back, and the next seeds follow. An episode in which
the expert fails is not stored; the next seed takes its place.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

import hydra
from omegaconf import DictConfig
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from sdm_core.dataset import EpisodeStore
from sdm_core.errors import DatasetError, SdmError
from sdm_core.share import share_directory

from sdm_sim.demonstrations import demonstrate
from sdm_sim.image_contract import with_images
from sdm_sim.recorded_demonstrations import open_recorded
from sdm_sim.registry import make_task

EXPERT_EPISODES = 10


def record(
    name: str,
    episodes: int | None,
    seed0: int,
    max_failures: int,
    keep_depth: bool,
    output: str,
    source: str | None = None,
    images: bool = False,
    image_size: int = 84,
) -> EpisodeStore:
    """Brings the store at `output` to `episodes` expert episodes, from seeds `seed0`, `seed0`+1, …

    With `source`, a file of recorded demonstrations, its episodes take the place of the expert's, from number `seed0`
    on. `episodes` None means EXPERT_EPISODES, or all that the source holds. `images` also stores the colour of each
    camera, `image_size` pixels high.
    """
    task = make_task(name)
    contract = with_images(task.contract, image_size) if images else task.contract
    recorded = open_recorded(name, source)
    if recorded is None:
        episodes = EXPERT_EPISODES if episodes is None else episodes
    else:
        held = len(recorded) - seed0
        episodes = held if episodes is None else episodes
        if episodes > held:
            raise DatasetError(f"{source}: holds {held} episodes from number {seed0} on; ask for no more than that")
    store = EpisodeStore.open_or_create(output, contract)
    tried = [int(entry["seed"]) for entry in store.provenance]
    seed, failures = max(tried, default=seed0 - 1) + 1, 0
    columns = (
        TextColumn(f"{name}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[note]}"),
    )
    with Progress(*columns) as progress:
        bar = progress.add_task("demos", total=episodes, completed=len(store), note="")
        while len(store) < episodes:
            if recorded:
                episode = recorded.episode(seed, keep_depth, contract)
            else:
                episode = demonstrate(task, seed, keep_depth, contract)
            if episode is not None:
                store.append(
                    episode, {"seed": seed, "expert": "recorded" if recorded else task.expert_kind, "task": name}
                )
            else:
                failures += 1
                if failures > max_failures:
                    raise DatasetError(f"{name}: the expert failed {failures} times; raise max_failures to go on")
            seed += 1
            progress.update(bar, completed=len(store), note=f"{failures} failed" if failures else "")
    task.close()
    return store


def record_as_configured(config: Mapping[str, Any] | DictConfig) -> EpisodeStore:
    """Records by the values of config/demos.yaml."""
    names = ("task", "episodes", "seed0", "max_failures", "keep_depth", "output", "source", "images", "image_size")
    return record(*(config[name] for name in names))


def main() -> None:
    """Console entry point."""

    @hydra.main(version_base=None, config_path=str(share_directory("sdm_bringup") / "config"), config_name="demos")
    def run(config: DictConfig) -> None:
        try:
            store = record_as_configured(config)
        except SdmError as error:  # here, since Hydra would print a traceback
            sys.exit(f"sdm-demos: {error}")
        print(f"{store.path}: {len(store)} episodes, {int(store.episode_ends[-1])} steps")

    try:
        run()
    except KeyboardInterrupt:
        sys.exit("sdm-demos: interrupted; what is stored is whole, and the same command continues")
