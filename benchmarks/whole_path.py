"""The whole path of a person with photos: each command in a process of its own, with its time.

    PYTHONPATH=tests python -m benchmarks.whole_path PHOTOS [--output FOLDER]

PHOTOS is a folder of class folders. A hub on localhost serves weights of ReXNet100 that are drawn at
random, to the real client: accuracy means nothing then, the times do. Prints a line a command: wall
and CPU seconds, peak memory, and its exit code; the work is left in FOLDER (`runs/whole_path`).
"""

import argparse
import os
import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path

from keras_resnets._common.tables import table

NETWORK, TAG = "ReXNet100", "nav_in1k"
RUN = "runs/photos"
COMMANDS = (
    "check PHOTOS",
    "train PHOTOS --quick --run runs/quick",
    f"train PHOTOS --run {RUN}",
    f"evaluate {RUN} PHOTOS --flip",
    f"suspects {RUN}",
    f"explain {RUN} PHOTO",
    f"export {RUN} --quantize none float16 int8",
    f"predict {RUN}/tflite/{NETWORK}.int8.tflite PHOTO",
    f"report {RUN}",
)


def run(command: str, photos: Path, folder: Path, endpoint: str) -> list[str]:
    """Runs the installed command in the folder; a row of the table."""
    photo = min(path for path in photos.rglob("*") if path.suffix in (".jpg", ".png"))
    words = [{"PHOTOS": str(photos), "PHOTO": str(photo)}.get(w, w) for w in command.split()]
    environment = os.environ | {"HF_ENDPOINT": endpoint, "HF_HUB_CACHE": str(folder / "hub")}
    started = time.perf_counter()
    with (folder / "output.txt").open("a", encoding="utf-8") as output:
        print(f"$ keras-resnets {command}", file=output, flush=True)
        process = subprocess.Popen(
            [Path(sys.executable).with_name("keras-resnets"), *words],
            cwd=folder,
            env=environment,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
        _, status, used = os.wait4(process.pid, 0)
    return [
        f"keras-resnets {command}",
        f"{time.perf_counter() - started:.0f}",
        f"{used.ru_utime + used.ru_stime:.0f}",
        f"{used.ru_maxrss / 1e6:.2f}",
        str(os.waitstatus_to_exitcode(status)),
    ]


def main() -> None:
    import hubs  # of the tests

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("photos", type=Path, metavar="PHOTOS")
    parser.add_argument("--output", type=Path, default=Path("runs/whole_path"), metavar="FOLDER")
    options = parser.parse_args()
    folder = options.output.resolve()
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    hub = hubs.Hub()
    threading.Thread(target=hub.serve_forever, daemon=True).start()
    hubs.publish(hub, NETWORK, TAG)
    rows = [run(command, options.photos.resolve(), folder, hub.url) for command in COMMANDS]
    hub.shutdown()
    print(table(["command", "seconds", "CPU seconds", "GB", "exit code"], rows))


if __name__ == "__main__":
    main()
