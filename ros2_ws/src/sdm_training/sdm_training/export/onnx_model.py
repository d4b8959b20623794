"""A trained policy as one ONNX file: raw inputs, every sampling step inside, weights stored once."""

from __future__ import annotations

import io
import warnings

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper
from sdm_core.backends import BATCH, OUTPUT, image_input, input_names
from torch import Tensor

from sdm_training.policy.policy import Policy
from sdm_training.policy.sampling import Sampler

OPSET = 17  # the first with LayerNormalization
# Smaller tensors (biases, normaliser ranges) weigh nothing, and their rounding is felt most.
MIN_HALF_SIZE = 1024


def to_onnx(sampler: Sampler, half_weights: bool) -> bytes:
    """The serialised graph: the contract's inputs (see sdm_core.backends) → action [B, H, A], for any B.

    half_weights stores large weights in 16 bits, each followed by a Cast, so that runtimes still compute in 32.
    """
    inputs = example_inputs(sampler.policy)
    buffer = io.BytesIO()
    with torch.no_grad(), warnings.catch_warnings():
        # The tracing exporter needs no package beyond onnx; torch announces it as legacy on every call.
        warnings.simplefilter("ignore")
        torch.onnx.export(
            sampler.eval(),
            tuple(inputs.values()),
            buffer,  # pyright: ignore[reportArgumentType] (the stub knows the other exporter alone)
            input_names=list(inputs),
            output_names=[OUTPUT],
            dynamic_axes={name: {0: BATCH} for name in (*inputs, OUTPUT)},
            opset_version=OPSET,
            dynamo=False,
        )
    model = onnx.load_from_string(buffer.getvalue())
    if half_weights:
        store_half(model)
    onnx.checker.check_model(model)
    return model.SerializeToString()


def example_inputs(policy: Policy) -> dict[str, Tensor]:
    """One observation of zeros, by the names and in the order of the exported network's inputs."""
    contract = policy.contract
    cloud = contract.observation.cloud
    inputs = {
        "state": torch.zeros(1, contract.n_obs_steps, contract.state_dim),
        "noise": torch.zeros(1, *policy.chunk_shape),
    }
    if cloud:
        inputs["point_cloud"] = torch.zeros(1, cloud.steps, cloud.points, cloud.channels)
    for image in contract.observation.images:
        width, height = image.size
        inputs[image_input(image.camera)] = torch.zeros(1, image.steps, 3, height, width, dtype=torch.uint8)
    return {name: inputs[name] for name in input_names(contract)}


def store_half(model: onnx.ModelProto) -> None:
    """Stores the graph's large float32 initialisers as float16 with a Cast to float32 behind each."""
    graph = model.graph
    casts = []
    for initialiser in graph.initializer:
        values = numpy_helper.to_array(initialiser)
        if values.dtype != np.float32 or values.size < MIN_HALF_SIZE:
            continue
        name = initialiser.name
        with np.errstate(over="ignore"):  # what is infinite is found when the export is compared with torch
            half = values.astype(np.float16)
        initialiser.CopyFrom(numpy_helper.from_array(half, f"{name}_half"))
        casts.append(helper.make_node("Cast", [f"{name}_half"], [name], to=TensorProto.FLOAT))
    nodes = [*casts, *graph.node]
    del graph.node[:]
    graph.node.extend(nodes)
