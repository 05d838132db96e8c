"""Runs an exported graph on onnxruntime inside Triton's Python backend.

Triton's containers have an onnxruntime backend, which takes the exported repository as it is. The server of the
nvidia-pytriton wheel has only the Python backend; this stands in for the other one.
"""

import json
from pathlib import Path

import numpy as np
import onnxruntime as ort
import triton_python_backend_utils as pb_utils


class TritonPythonModel:
    def initialize(self, args):
        config = json.loads(args["model_config"])
        folder = Path(args["model_repository"]) / args["model_version"]
        options = ort.SessionOptions()
        options.intra_op_num_threads = int(config["parameters"].get("threads", {}).get("string_value", "0"))
        self.inputs = [each["name"] for each in config["input"]]
        self.outputs = [each["name"] for each in config["output"]]
        self.session = ort.InferenceSession(
            str(folder / "model.onnx"), options, providers=["CPUExecutionProvider"]
        )

    def execute(self, requests):
        """Requests that the server put together are computed together: no row of a batch sees another."""
        feeds = [
            [pb_utils.get_input_tensor_by_name(request, name).as_numpy() for name in self.inputs]
            for request in requests
        ]
        rows = np.cumsum([feed[0].shape[0] for feed in feeds])[:-1]
        whole = {name: np.concatenate(parts) for name, parts in zip(self.inputs, zip(*feeds))}
        results = [np.split(result, rows) for result in self.session.run(self.outputs, whole)]
        return [
            pb_utils.InferenceResponse(
                [pb_utils.Tensor(name, parts[i]) for name, parts in zip(self.outputs, results)]
            )
            for i in range(len(requests))
        ]
