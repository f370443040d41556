"""What many machines cost, by arithmetic: time of a step, bytes of its gradient, an all-reduce.

    python -m benchmarks.scaling                        # the table of docs/scaling.md
    python -m benchmarks.scaling --step 95 --network ResNeSt50
    python -m benchmarks.scaling --loopback 2 3         # the model beside real workers on this machine

The step's time is yours to measure, on one of your GPUs: nothing here was measured on a GPU. All-reduce
of `B` bytes over `n` devices, by a bandwidth `b` and a latency `a` a message (Thakur et al., 2005; the
double binary tree is Sanders et al., 2009, as NCCL has it):

    ring  2 (n - 1) / n * B / b + 2 (n - 1) a
    tree  2 B / b + 2 ceil(log2 n) a
"""

import argparse
import json
import math
import os
import socket
import subprocess
import sys
import time
from collections.abc import Sequence

import numpy as np

NETWORKS = ("ResNeSt50", "ReXNet100")
STEPS = (50.0, 100.0, 200.0)  # milliseconds
GIGABITS = (10, 100, 400)
DEVICES = (8, 64, 256, 1024)
LATENCY = 20e-6  # seconds a message, of a fast Ethernet through a switch; InfiniBand has a tenth
BACKWARD = 2 / 3  # of a step: what communication can hide behind
SIZES = (1, 4, 16, 64)  # megabytes, over loopback


def ring(size: float, devices: int, bandwidth: float, latency: float) -> float:
    """Seconds of a ring's all-reduce.

    Args:
        size: Number of bytes.
        devices: Number of devices.
        bandwidth: Bytes a second of each device's link.
        latency: Seconds a message.

    Example:
        >>> round(ring(100e6, devices=2, bandwidth=1e9, latency=0), 3)
        0.1
    """
    return 2 * (devices - 1) / devices * size / bandwidth + 2 * (devices - 1) * latency


def tree(size: float, devices: int, bandwidth: float, latency: float) -> float:
    """Seconds of a double binary tree's all-reduce, with the arguments of `ring`.

    Example:
        >>> round(tree(100e6, devices=1024, bandwidth=1e9, latency=1e-3), 3)
        0.22
    """
    if devices == 1:
        return 0.0
    return 2 * size / bandwidth + 2 * math.ceil(math.log2(devices)) * latency


def efficiency(step: float, communication: float, overlap: float) -> float:
    """Share of its time in which a device computes.

    Args:
        step: Seconds of a step on one device.
        communication: Seconds of the all-reduce.
        overlap: Share of the step behind which communication hides: 0 for none.

    Example:
        >>> efficiency(step=0.1, communication=0.1, overlap=0.0)
        0.5
    """
    return step / (step + max(0.0, communication - overlap * step))


def gradient_bytes(network: str) -> int:
    """Bytes of a network's gradient in float32."""
    import keras_resnets

    return 4 * keras_resnets.model_info(network).parameters


def table(networks: Sequence[str], steps: Sequence[float]) -> str:
    """The better of ring and tree for each case: efficiency without and with overlap, in percent."""
    lines = [
        "| network | step | link | " + " | ".join(f"{n:,} GPUs" for n in DEVICES) + " |",
        "|---|---|---|" + "---|" * len(DEVICES),
    ]
    for network in networks:
        for step in steps:
            for gigabits in GIGABITS:
                cells = [_cell(gradient_bytes(network), step / 1e3, gigabits, n) for n in DEVICES]
                head = f"| {network} | {step:g} ms | {gigabits} Gbit/s |"
                lines.append(f"{head} {' | '.join(cells)} |")
    return "\n".join(lines)


def _cell(size: int, step: float, gigabits: int, devices: int) -> str:
    bandwidth = gigabits * 1e9 / 8
    times = {f.__name__: f(size, devices, bandwidth, LATENCY) for f in (ring, tree)}
    best = min(times, key=lambda name: times[name])
    bare, hidden = (round(100 * efficiency(step, times[best], o)) for o in (0.0, BACKWARD))
    return f"{bare} … {hidden} ({best})"


def loopback(workers: int) -> dict[int, float]:
    """Megabytes → median milliseconds of TensorFlow's all-reduce among processes of this machine."""
    ports = _free_ports(workers)
    cluster = {"worker": [f"localhost:{port}" for port in ports]}
    processes = [
        subprocess.Popen(
            [sys.executable, "-m", "benchmarks.scaling", "--worker"],
            env={
                **os.environ,
                "TF_CPP_MIN_LOG_LEVEL": "3",
                "TF_CONFIG": json.dumps(
                    {"cluster": cluster, "task": {"type": "worker", "index": index}}
                ),
            },
            stdout=subprocess.PIPE if index == 0 else subprocess.DEVNULL,
            stderr=None if index == 0 else subprocess.DEVNULL,
            text=True,
        )
        for index in range(workers)
    ]
    text, _ = processes[0].communicate(timeout=600)
    for process in processes:
        process.wait(timeout=60)
    if processes[0].returncode:
        raise SystemExit(f"A worker ended with exit code {processes[0].returncode}.")
    found: dict[str, float] = json.loads(text.splitlines()[-1])
    return {int(size): milliseconds for size, milliseconds in found.items()}


def _free_ports(count: int) -> list[int]:
    sockets = [socket.create_server(("localhost", 0)) for _ in range(count)]
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


def worker() -> None:
    """One process of `loopback`: reduces vectors of each size, and prints the medians."""
    import tensorflow as tf

    strategy = tf.distribute.MultiWorkerMirroredStrategy()

    def on_each(vector: tf.Tensor) -> tf.Tensor:
        # An argument lies on no device yet, and only what does can be reduced.
        replica = tf.distribute.get_replica_context()
        return replica.all_reduce(tf.distribute.ReduceOp.SUM, tf.identity(vector))

    @tf.function(autograph=False)
    def reduce(vector: tf.Tensor) -> tf.Tensor:
        return strategy.run(on_each, args=(vector,))

    medians = {}
    for size in SIZES:
        vector = tf.ones([size * 250_000])
        seconds = []
        for _ in range(12):
            start = time.perf_counter()
            reduce(vector).numpy()
            seconds.append(time.perf_counter() - start)
        medians[size] = 1e3 * float(np.median(seconds[2:]))
    print(json.dumps(medians))


def fitted(times: dict[int, float], workers: int) -> dict[int, float]:
    """Megabytes → milliseconds by the ring, its bandwidth and latency fitted to the times."""
    share = 2 * (workers - 1) / workers
    columns = np.array([[share * size, 2 * (workers - 1)] for size in times])
    weights = 1 / np.array(list(times.values()))  # each size counts alike, by its relative error
    solution, *_ = np.linalg.lstsq(columns * weights[:, None], np.ones(len(times)), rcond=None)
    return dict(zip(times, (columns @ solution).tolist(), strict=True))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--network", nargs="+", default=NETWORKS)
    parser.add_argument(
        "--step", nargs="+", type=float, default=STEPS, metavar="MILLISECONDS", help="on one device"
    )
    parser.add_argument("--loopback", nargs="+", type=int, metavar="WORKERS")
    parser.add_argument("--worker", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.worker:
        worker()
    elif options.loopback:
        for workers in options.loopback:
            times = loopback(workers)
            model = fitted(times, workers)
            for size, milliseconds in times.items():
                print(
                    f"{workers} workers, {size:3} MB: {milliseconds:7.1f} ms, ring {model[size]:7.1f}"
                )
    else:
        print(table(options.network, options.step))


if __name__ == "__main__":
    main()
