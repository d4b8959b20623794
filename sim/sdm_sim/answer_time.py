"""How long this machine takes from an image to the chunk that answers it."""

from __future__ import annotations

import statistics
import time

from sdm_core.runtime.observation_window import ObservationWindow
from sdm_core.runtime.policy_runtime import PolicyRuntime
from sdm_core.runtime.state_vector import StateVector

from sdm_sim.perception import Perception
from sdm_sim.task import Task

_REPEATS = 200


def answer_ms(task: Task, runtime: PolicyRuntime) -> float:
    """The median over many answers to the first frame of an episode: perception, window and inference, in ms.

    CPU time of this process, so that others do not count; with the runtime on one thread that is what passes on a quiet
    machine.
    """
    contract = runtime.contract
    perception = Perception(contract, task.intrinsics, task.extrinsics)
    task.reset(0)
    frame = task.observe(depth=perception.needs_depth, images=perception.needs_images)
    state = StateVector(contract.observation.state).gather(frame.names, frame.values)

    def answer() -> None:
        window = ObservationWindow(contract)
        window.add_state(0, state)
        cloud = perception.cloud(frame)
        if cloud is not None:
            window.add_cloud(0, cloud)
        window.add_images(0, perception.images(frame))
        runtime.infer(window.policy_input(0))

    times = []
    for _ in range(_REPEATS):
        begun = time.process_time()
        answer()
        times.append(1e3 * (time.process_time() - begun))
    return statistics.median(times)
