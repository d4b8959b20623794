"""A tiny exported network whose answer is known in closed form."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from sdm_core.backends import BATCH
from sdm_core.checkpoint import Checkpoint
from sdm_core.contract import Contract

from helpers.contracts import with_normaliser


class LinearPolicy:
    """action = cloud·Wc + images·Wi + state·Ws + noise_gain·noise + bias, over flattened tensors, with seeded weights.

    Clouds and images as far as the contract has them; images are those of the network's input, [T,3,H,W] in 0…255.

    `action` is the numpy oracle of `onnx`. With `nan_above` every output is NaN once state[0, 0, 0] exceeds that value
    (as a network that diverges far from its data would). `horizon` overrides the contract's, for a mismatched network;
    `batched` leaves the number of observations open; `names` renames inputs or the output.
    """

    def __init__(
        self,
        contract: Contract,
        seed: int = 0,
        *,
        gain: float = 0.2,
        noise_gain: float = 0.1,
        nan_above: float | None = None,
        horizon: int | None = None,
        batched: bool = False,
        names: dict[str, str] | None = None,
    ) -> None:
        cloud = contract.observation.cloud
        self.contract = contract
        self.cloud_shape = (1, cloud.steps, cloud.points, cloud.channels) if cloud else (1, 0)
        self.image_shapes = {
            image.camera: (1, image.steps, 3, *reversed(image.size)) for image in contract.observation.images
        }
        self.state_shape = (1, contract.n_obs_steps, contract.state_dim)
        self.action_shape = (1, horizon or contract.horizon, contract.action_dim)
        self.noise_gain, self.nan_above, self._names = noise_gain, nan_above, names or {}
        self.batched = batched
        rng = np.random.default_rng(seed)
        outputs = self.action_shape[1] * self.action_shape[2]

        def weights(inputs: int) -> NDArray[np.float32]:
            return (gain * rng.standard_normal((inputs, outputs)) / inputs).astype(np.float32)

        self.cloud_weights = weights(int(np.prod(self.cloud_shape)))
        self.state_weights = weights(int(np.prod(self.state_shape)))
        self.bias = (gain * rng.standard_normal(outputs)).astype(np.float32)
        self.image_weights = {
            camera: weights(int(np.prod(shape))) / np.float32(32.0) for camera, shape in self.image_shapes.items()
        }

    def action(
        self, cloud: NDArray | None, state: NDArray, noise: NDArray, images: dict[str, NDArray] | None = None
    ) -> NDArray[np.float64]:
        """[H,A] for cloud [C,N,ch], state [T,S], noise [H,A] and images [T,H,W,3], in double precision."""
        flat = state.ravel() @ self.state_weights + self.bias
        if cloud is not None:
            flat = cloud.ravel().astype(np.float64) @ self.cloud_weights + flat
        for camera, image in (images or {}).items():
            flat = flat + image.transpose(0, 3, 1, 2).ravel().astype(np.float64) @ self.image_weights[camera]
        return flat.reshape(self.action_shape[1:]) + self.noise_gain * noise

    def onnx(self) -> bytes:
        """The network as ONNX, with the stack's inputs and output."""

        def name(of: str) -> str:
            return self._names.get(of, of)

        def opened(shape: tuple[int, ...]) -> tuple[int | str, ...]:
            return (BATCH, *shape[1:]) if self.batched else shape

        def constant(key: str, value: NDArray) -> onnx.TensorProto:
            return numpy_helper.from_array(value, key)

        inputs: dict[str, tuple[int, tuple[int, ...]]] = {
            "state": (TensorProto.FLOAT, self.state_shape),
            "noise": (TensorProto.FLOAT, self.action_shape),
        }
        seen = {}
        if self.contract.observation.cloud:
            inputs["point_cloud"] = (TensorProto.FLOAT, self.cloud_shape)
            seen["point_cloud"] = self.cloud_weights
        for camera, shape in self.image_shapes.items():
            inputs[f"image_{camera}"] = (TensorProto.UINT8, shape)
            seen[f"image_{camera}"] = self.image_weights[camera]
        constants = [
            constant("state_weights", self.state_weights),
            constant("bias", self.bias),
            constant("noise_gain", np.float32(self.noise_gain).reshape(1)),
            constant("row", np.array([0, -1], np.int64)),
            constant("chunk", np.array([-1, *self.action_shape[1:]], np.int64)),
        ]
        nodes = [
            helper.make_node("Reshape", [name("state"), "row"], ["state_row"]),
            helper.make_node("MatMul", ["state_row", "state_weights"], ["from_state"]),
        ]
        summed = "from_state"
        for what, weights in seen.items():
            constants.append(constant(f"{what}_weights", weights))
            nodes += [
                helper.make_node("Cast", [name(what)], [f"{what}_float"], to=TensorProto.FLOAT),
                helper.make_node("Reshape", [f"{what}_float", "row"], [f"{what}_row"]),
                helper.make_node("MatMul", [f"{what}_row", f"{what}_weights"], [f"from_{what}"]),
                helper.make_node("Add", [f"from_{what}", summed], [f"with_{what}"]),
            ]
            summed = f"with_{what}"
        nodes += [
            helper.make_node("Add", [summed, "bias"], ["biased"]),
            helper.make_node("Reshape", ["biased", "chunk"], ["mean"]),
            helper.make_node("Mul", [name("noise"), "noise_gain"], ["spread"]),
            helper.make_node("Add", ["mean", "spread"], ["answer" if self.nan_above is not None else name("action")]),
        ]
        if self.nan_above is not None:  # sqrt of a negative number
            constants += [
                constant("limit", np.float32(self.nan_above).reshape(1)),
                constant("nothing", np.zeros(1, np.float32)),
                constant("first", np.zeros(1, np.int64)),
                constant("second", np.ones(1, np.int64)),
                constant("columns", np.ones(1, np.int64)),
                constant("one", np.array([-1, 1, 1], np.int64)),
            ]
            nodes += [
                helper.make_node("Slice", ["state_row", "first", "second", "columns"], ["head"]),
                helper.make_node("Sub", ["limit", "head"], ["room"]),
                helper.make_node("Sqrt", ["room"], ["root"]),
                helper.make_node("Mul", ["root", "nothing"], ["nothing_or_nan"]),
                helper.make_node("Reshape", ["nothing_or_nan", "one"], ["nan_or_nothing"]),
                helper.make_node("Add", ["answer", "nan_or_nothing"], [name("action")]),
            ]
        graph = helper.make_graph(
            nodes,
            "linear_policy",
            [helper.make_tensor_value_info(name(key), kind, opened(shape)) for key, (kind, shape) in inputs.items()],
            [helper.make_tensor_value_info(name("action"), TensorProto.FLOAT, opened(self.action_shape))],
            constants,
        )
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
        onnx.checker.check_model(model, full_check=True)
        return model.SerializeToString()

    def write(self, path: Path, metrics: dict[str, Any] | None = None) -> Checkpoint:
        """A checkpoint folder of this network."""
        facts = {"method": "regression", "network": "linear", "nfe": 1, "task": self.contract.task, **(metrics or {})}
        return Checkpoint.write(path, with_normaliser(self.contract), self.onnx(), facts, {"seed": 0})
