"""What int8 costs onnxruntime in exactness on this processor, with 8 and with 7 bits of weights.

    .venvs/bench-timm/bin/python -m benchmarks.saturation

`reduce_range` of its quantiser gives weights 7 bits, for accuracy without VNNI, where sums of two
products of bytes are clipped to 16 bits. Prints each int8 file's error of the logits, as a share of
their spread, on the images of the calibration.
"""

import argparse
import tempfile
from pathlib import Path

import numpy as np

from benchmarks.rivals.engines.protocol import images
from benchmarks.rivals.tasks import TIMM

IMAGES = 8


def logits(file: str) -> np.ndarray:
    """What the file says of each image: `(images, classes)` float32."""
    import onnxruntime

    session = onnxruntime.InferenceSession(file, providers=["CPUExecutionProvider"])
    batch = images(IMAGES, 224).transpose(0, 3, 1, 2)
    return np.concatenate([session.run(None, {"images": image[None]})[0] for image in batch])


def main() -> None:
    argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0]).parse_args()
    # After the options: only the environment of timm has what these import.
    from benchmarks.rivals.engines.timm import export, quantize

    print("| network | 8 bits | 7 bits |\n|---|--:|--:|")
    for ours, name in TIMM.items():
        with tempfile.TemporaryDirectory() as folder:
            exact = str(Path(folder) / "float32.onnx")
            export(name, "float32", exact, IMAGES)()
            expected = logits(exact)
            errors = []
            for reduce_range in (False, True):
                file = str(Path(folder) / "int8.onnx")
                quantize(exact, file, IMAGES, reduce_range=reduce_range)
                error = np.sqrt(np.mean((logits(file) - expected) ** 2))
                errors.append(f"{error / expected.std():.1%}")
        print(f"| {ours} | {' | '.join(errors)} |", flush=True)


if __name__ == "__main__":
    main()
