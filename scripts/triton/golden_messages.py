"""Writes messages of the Open Inference Protocol as NVIDIA's own client makes them, for the tests to compare with.

    bash scripts/triton/setup.sh && .triton/venv/bin/python scripts/triton/golden_messages.py
"""

from pathlib import Path

import numpy as np
import tritonclient.grpc as triton
from tritonclient.grpc import service_pb2 as pb
from tritonclient.grpc._utils import _get_inference_request

TARGET = Path(__file__).parents[2] / "test" / "fixtures" / "open-inference-protocol"

sample = np.array([[0.0, -1.5, 3.25], [1e-30, float("inf"), -0.0]], np.float32)
text_ids = np.array([[1, -2, 2**40]], np.int64)


def tensor(name, values, datatype):
    given = triton.InferInput(name, list(values.shape), datatype)
    given.set_data_from_numpy(values)
    return given


request = _get_inference_request(
    inputs=[tensor("sample", sample, "FP32"), tensor("text_ids", text_ids, "INT64")],
    model_name="denoiser-3f2a90c41b7d",
    model_version="1",
    request_id="",
    outputs=[triton.InferRequestedOutput("output")],
    sequence_id=0,
    sequence_start=False,
    sequence_end=False,
    priority=0,
    timeout=None,
    parameters=None,
)
response = pb.ModelInferResponse(model_name="denoiser-3f2a90c41b7d", model_version="1")
response.outputs.add(name="output", datatype="FP32", shape=[2, 3])
response.outputs.add(name="ids", datatype="INT64", shape=[1, 3])
response.raw_output_contents.extend([sample.tobytes(), text_ids.tobytes()])
metadata = pb.ModelMetadataResponse(name="denoiser-3f2a90c41b7d", versions=["1"], platform="onnxruntime_onnx")
metadata.inputs.add(name="sample", datatype="FP32", shape=[-1, 3])
metadata.outputs.add(name="output", datatype="FP32", shape=[-1, 3])
question = pb.ModelMetadataRequest(name="denoiser-3f2a90c41b7d", version="1")

TARGET.mkdir(exist_ok=True)
for message in (request, response, metadata, question):
    (TARGET / f"{type(message).__name__}.bin").write_bytes(message.SerializeToString(deterministic=True))
