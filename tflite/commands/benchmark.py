"""Measure latency and memory of .tflite files, each in a process of its own."""

import argparse
import json
from dataclasses import asdict
from pathlib import Path

from keras_resnets._common.options import positive
from keras_resnets._common.tables import size, table


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("files", type=Path, nargs="+", metavar="FILE.tflite")
    parser.add_argument("--threads", type=positive, default=1, metavar="N", help="%(default)s")
    parser.add_argument("--warm-up", type=positive, default=10, metavar="N", help="%(default)s")
    parser.add_argument("--runs", type=positive, default=100, metavar="N", help="%(default)s")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the numbers there")
    parser.add_argument(
        "--plot",
        type=Path,
        metavar="FILE.png",
        help="draw accuracy against latency and size; accuracies are read from the report.json "
        "beside each file",
    )


def run(arguments: argparse.Namespace) -> int:
    from keras_resnets._common.files import write_bytes

    from ..verify.latency import measure

    measurements = [
        measure(path, threads=arguments.threads, warm_up=arguments.warm_up, runs=arguments.runs)
        for path in arguments.files
    ]
    rows = [
        [
            m.file,
            size(m.bytes),
            f"{m.median_ms:.2f} ms",
            f"{m.p10_ms:.2f} to {m.p90_ms:.2f} ms",
            size(m.peak_bytes),
        ]
        for m in measurements
    ]
    print(f"{arguments.runs} calls of one image, {arguments.threads} thread(s)")
    print(table(["", "size", "median", "10 % to 90 %", "peak memory"], rows))
    if arguments.json:
        write_bytes(
            arguments.json, json.dumps([asdict(m) for m in measurements], indent=2).encode()
        )
    if arguments.plot:
        from keras_resnets._common.phone_report import REPORT, PhoneReport

        from ..verify.plot import draw_trade_off

        folders = dict.fromkeys(path.parent for path in arguments.files)
        rows_of = [row for folder in folders for row in PhoneReport.load(folder / REPORT).files]
        known = {row.file: row.accuracy for row in rows_of}
        write_bytes(arguments.plot, draw_trade_off(measurements, known))
    return 0
