"""The networks that every back end must agree on.

Run by TensorFlow it writes what the tests of this folder compare with:

    cd tests && KERAS_BACKEND=tensorflow python -m backends.cases FOLDER

puts `CASE.keras` and `CASE.npz`, a batch of images and its logits, into FOLDER.
"""

import sys
from pathlib import Path
from typing import Any

import numpy as np
from networks import FAMILIES, randomise, small

# All kinds of dropout, whose random states and rates are part of a saved model.
DROPPING: dict[str, Any] = {
    "drop_path_rate": 0.2,
    "drop_block_rate": 0.1,
    "drop_rate": 0.2,
    "input_shape": (32, 32, 3),
}
FREE: dict[str, Any] = {"input_shape": (None, None, 3)}
DEEP = {**FREE, "depths": (1, 1, 1), "stem": "deep", "shortcut": "pool"}
# Each family; then what only some networks have: dilation, pools at odd sides, more than two maps.
CASES = {
    **{family: (family, DROPPING) for family in FAMILIES},
    "ResNeXt-dilated": ("ResNeXt", {**DEEP, "output_stride": 8}),
    "ResNeSt-dilated": ("ResNeSt", {**DEEP, "output_stride": 8, "radix": 4, "cardinality": 2}),
    "ResNeSt-fast": ("ResNeSt", {**DEEP, "pool": "before", "radix": 1}),
    "Res2Net-odd": ("Res2Net", {**DEEP, "cardinality": 2}),
    "ReXNet-dilated": ("ReXNet", {**FREE, "output_stride": 8}),
}
CLASSES = 7


def build(case, weights=None):
    family, arguments = CASES[case]
    return small(family, **arguments, classes=CLASSES, classifier_activation=None, weights=weights)


def images(case, rng):
    side = CASES[case][1]["input_shape"][0] or 35
    return rng.normal(size=(4, side, side, 3)).astype("float32")


def logits(model, batch):
    # Not a call: JAX would compile each of its operations by itself.
    return model.predict(batch, verbose=0)


def main(folder):
    for case in CASES:
        rng = np.random.default_rng(0)
        model, batch = randomise(build(case), rng), images(case, rng)
        model.save(folder / f"{case}.keras")
        np.savez(folder / f"{case}.npz", images=batch, logits=logits(model, batch))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
