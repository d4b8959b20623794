"""Whether a dataset was recorded with the options that are asked for now."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sdm_core.contract import XYZRGB
from sdm_core.datasets.dataset import EpisodeStore
from sdm_core.perception.depth_noise import noisy_camera

from sdm_sim.disturbance import disturbed_in, is_disturbed


def differing_option(store: EpisodeStore, asked: Mapping[str, Any]) -> tuple[str, object, object] | None:
    """The first of config/demos.yaml's options in `asked` with which the store was recorded otherwise: its name, the
    recorded value and the one asked for; None where there is none.

    A store begins later than the asked `seed0` by the seeds in which the expert failed, `max_failures` at most. One
    that holds colour or images serves those, too, who ask for none.
    """
    provenance, observation = store.provenance, store.contract.observation
    pairs: dict[str, tuple[object, object]] = {}
    if "camera_noise" in asked:
        wanted = asked["camera_noise"] if noisy_camera(asked["camera_noise"]) else "none"
        recorded = {str(entry.get("camera_noise", "none")) for entry in provenance} - {wanted}
        pairs["camera_noise"] = (min(recorded, default=wanted), wanted)
    if "disturbed" in asked:
        wanted = asked["disturbed"]
        alike = all(bool(entry.get("disturbed")) == is_disturbed(wanted, entry.get("seed", 0)) for entry in provenance)
        recorded_so = disturbed_in(provenance)
        pairs["disturbed"] = (wanted if alike else "some" if recorded_so == wanted else recorded_so, wanted)
    if "seed0" in asked:
        first = min((int(entry["seed"]) for entry in provenance if "seed" in entry), default=asked["seed0"])
        failed = first - asked["seed0"]
        pairs["seed0"] = (asked["seed0"] if 0 <= failed <= asked["max_failures"] else first, asked["seed0"])
    if asked.get("colour"):
        pairs["colour"] = (observation.cloud is not None and observation.cloud.channels == XYZRGB, True)
    if asked.get("images"):
        pairs["images"] = (bool(observation.images), True)
    if asked.get("images") and observation.images:
        pairs["image_size"] = (observation.images[0].size[1], asked["image_size"])
    return next(((option, was, now) for option, (was, now) in pairs.items() if was != now), None)
