"""A training step under each policy: what bfloat16 gains on this processor.

    python -m benchmarks.precision [NETWORK …] [--batch 16] [--rounds 5]

Milliseconds a step of SGD with momentum through `model.train_on_batch`, at 224x224, medians of turns.
Processors without bfloat16 of their own (such as AVX512_BF16) emulate it, and lose.
"""

import argparse

import keras

from benchmarks.rivals.engines.ours import train
from benchmarks.timing import take_turns

NETWORKS = ("ResNeXt50", "ResNeSt50", "Res2Net50_26w_4s", "ReXNet100")
POLICIES = ("float32", "mixed_bfloat16")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("networks", nargs="*", default=NETWORKS, metavar="NETWORK")
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()

    print(f"| | {' | '.join(POLICIES)} | ratio |\n|---|--:|--:|--:|")
    for network in arguments.networks:
        calls = {policy: train(network, arguments.batch, policy) for policy in POLICIES}
        times = take_turns(calls, rounds=arguments.rounds)
        first, second = (times[policy].median for policy in POLICIES)
        print(f"| {network} | {first:.0f} | {second:.0f} | {second / first:.2f} |", flush=True)
        keras.backend.clear_session()


if __name__ == "__main__":
    main()
