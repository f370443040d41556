"""A training step under each policy: what bfloat16 gains on this processor.

    python -m benchmarks.precision [NETWORK …] [--batch 16] [--rounds 5]

Milliseconds a step of SGD with momentum through `model.train_on_batch`, at 224x224, medians of turns.
Processors without bfloat16 of their own (such as AVX512_BF16) emulate it, and lose.
"""

import argparse
import os
from collections.abc import Callable

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")  # as `keras-resnets train` sets it

import keras
import numpy as np

import keras_resnets
from benchmarks.timing import take_turns

NETWORKS = ("ResNeXt50", "ResNeSt50", "Res2Net50_26w_4s", "ReXNet100")
POLICIES = ("float32", "mixed_bfloat16")
SIDE, CLASSES = 224, 1000


def step(network: str, policy: str, batch: int) -> Callable[[], object]:
    """One step of a network that computes under a policy."""
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(policy)
    model = keras_resnets.create_model(network, weights=None)
    keras.config.set_dtype_policy(before)
    model.compile(
        keras.optimizers.SGD(0.01, momentum=0.9),
        "sparse_categorical_crossentropy",
        jit_compile=False,
    )
    rng = np.random.default_rng(0)
    images = rng.normal(size=(batch, SIDE, SIDE, 3)).astype("float32")
    labels = rng.integers(0, CLASSES, batch)
    return lambda: model.train_on_batch(images, labels)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("networks", nargs="*", default=NETWORKS, metavar="NETWORK")
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()

    print(f"| | {' | '.join(POLICIES)} | ratio |\n|---|--:|--:|--:|")
    for network in arguments.networks:
        calls = {policy: step(network, policy, arguments.batch) for policy in POLICIES}
        times = take_turns(calls, rounds=arguments.rounds)
        first, second = (times[policy].median for policy in POLICIES)
        print(f"| {network} | {first:.0f} | {second:.0f} | {second / first:.2f} |", flush=True)
        keras.backend.clear_session()


if __name__ == "__main__":
    main()
