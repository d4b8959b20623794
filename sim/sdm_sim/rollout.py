"""Drives a task directly with a policy: the same window, pipeline and noise as on the ROS graph, on a simulated clock."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from sdm_core.command_pipeline import CommandPipeline
from sdm_core.observation_window import ObservationWindow
from sdm_core.point_cloud import CloudPipeline
from sdm_core.policy_runtime import PolicyRuntime
from sdm_core.state_vector import StateVector

from sdm_sim.task import Task


@dataclass
class EpisodeResult:
    """One episode: the seed, whether and after how many control steps it succeeded, and every command float64[T,A]."""

    seed: int
    success: bool
    steps: int
    actions: NDArray[np.float64]
    gate_counts: dict[str, int] = field(default_factory=dict)


def run_episode(task: Task, runtime: PolicyRuntime, seed: int) -> EpisodeResult:
    """Runs the episode of `seed` until its first success or the task's step limit, inferring every `n_action_steps`."""
    contract = runtime.contract
    cloud_spec = contract.observation.cloud
    assert cloud_spec is not None  # the runtime has checked
    clouds, states = CloudPipeline(cloud_spec), StateVector(contract.observation.state)
    window, pipeline = ObservationWindow(contract), CommandPipeline(contract)
    task.reset(seed)
    runtime.start_episode(seed)
    actions: list[NDArray[np.float64]] = []
    while len(actions) < task.step_limit and not task.succeeded:
        stamp = len(actions) * contract.dt_ns
        replan = len(actions) % contract.n_action_steps == 0
        frame = task.observe(depth=replan)
        window.add_state(stamp, states.gather(frame.names, frame.values))
        if replan:
            assert frame.depth is not None
            window.add_cloud(stamp, clouds.from_depth(frame.depth, "16UC1", task.intrinsics, task.extrinsics))
            pipeline.add(runtime.infer(window.policy_input(stamp)))
        command = pipeline.tick(stamp).command
        assert command is not None  # native commands always have a hold
        task.step(command)
        actions.append(command)
    return EpisodeResult(seed, task.succeeded, len(actions), np.array(actions), pipeline.counts)
