"""Looks through HDF5 files in a process of its own: the C library that reads them can be made to hang.

`hdf5_file` runs this file as a script. It takes one request a line from the standard input and gives
one answer a line, both in JSON, and ends with its input. It imports nothing of the package, so that it
starts at once.
"""

import io
import itertools
import json
import os
import signal
import sys
import zipfile
from pathlib import Path
from typing import Any

_DEEPEST = 32  # groups within groups; Keras nests eight
_OBJECTS = 100_000
_BEYOND_FILE = 2 << 30  # bytes of memory

DAMAGED = "Download or save it again."
REPACKED = "Unpack it with h5repack -l CONTI -f NONE, or save it again."


class Refused(Exception):
    """What the file holds is not what Keras writes: the reason, and the way out."""


def inspect(path: str, member: str | None) -> dict[str, Any]:
    """Walks over a file, refuses what Keras does not write, and reads the rest once.

    Keras writes plain data sets, each under one name. Whatever else HDF5 can do is refused: links to
    other places or files, one object under two names (and so every circle), data outside the file, over
    one another, compressed, in chunks or never written, and more data than the file has bytes.

    Args:
        path: Path of an HDF5 file, or of a zip archive.
        member: A member of the archive; `None` for a file by itself.

    Returns:
        `"bytes"` of the file, and the shapes of its `"integers"`, but for the optimiser's.

    Raises:
        Refused: With the reason and the way out.
    """
    import h5py

    source: Any = path
    if member is not None:
        with zipfile.ZipFile(path) as archive:
            source = io.BytesIO(archive.read(member))
    integers: list[list[int]] = []
    places: list[tuple[int, int]] = []
    with h5py.File(source, "r") as file:
        whole = left = file.id.get_filesize()
        seen = {_identity(file)}
        groups = [("", file)]
        while groups:
            place, group = groups.pop()
            if place.count("/") > _DEEPEST:
                raise Refused(f"its groups lie more than {_DEEPEST} deep", DAMAGED)
            for name in group:
                child = f"{place}/{name}"
                if not isinstance(group.get(name, getlink=True), h5py.HardLink):
                    raise Refused(f"{child} is a link to another place or file", DAMAGED)
                found = group[name]
                if _identity(found) in seen:
                    raise Refused(f"{child} is an object that has another name too", DAMAGED)
                seen.add(_identity(found))
                if len(seen) > _OBJECTS:
                    raise Refused(f"it holds more than {_OBJECTS:,} objects", DAMAGED)
                if not isinstance(found, h5py.Group | h5py.Dataset):
                    raise Refused(f"{child} is neither a group nor a data set", DAMAGED)
                if isinstance(found, h5py.Group):
                    groups.append((child, found))
                else:
                    _check(child, found)
                    left -= found.nbytes
                    if left < 0:
                        raise Refused(
                            f"it declares more data than its {whole:,} bytes hold", DAMAGED
                        )
                    if found.nbytes and (start := found.id.get_offset()) is not None:
                        places.append((start, start + found.nbytes))
                    if found[()].dtype.kind in "iub" and not child.startswith("/optimizer/"):
                        integers.append(list(found.shape))
                dict(found.attrs)
    places.sort()
    if any(end > start for (_, end), (start, _) in itertools.pairwise(places)):
        raise Refused("two data sets lie over one another", DAMAGED)
    return {"bytes": whole, "integers": integers}


def _identity(found: Any) -> tuple[int, int]:
    import h5py

    info = h5py.h5o.get_info(found.id)
    return info.fileno, info.addr


def _check(name: str, dataset: Any) -> None:
    if dataset.external or dataset.is_virtual:
        raise Refused(f"the data of {name} lie in another file", DAMAGED)
    if dataset.id.get_create_plist().get_nfilters():
        raise Refused(f"{name} is compressed, which Keras' files are not", REPACKED)
    if dataset.shape is None or dataset.dtype.kind in "OSU":
        raise Refused(f"{name} holds no numbers", DAMAGED)
    held = dataset.id.get_storage_size()
    if dataset.nbytes > held:
        raise Refused(
            f"{name} declares {dataset.nbytes:,} bytes of data and holds {held:,}", DAMAGED
        )
    if dataset.chunks is not None:
        raise Refused(f"the data of {name} lie in chunks, as Keras' do not", REPACKED)


def _limit_memory(path: str) -> None:
    try:
        import resource

        pages = int(Path("/proc/self/statm").read_text("ascii").split()[0])
    except (ImportError, OSError):  # not Linux: the checks of sizes are all there is
        return
    # On many cores the libraries reserve gigabytes that they never use.
    reserved = pages * resource.getpagesize()
    most = reserved + _BEYOND_FILE + 2 * Path(path).stat().st_size
    resource.setrlimit(resource.RLIMIT_AS, (most, resource.getrlimit(resource.RLIMIT_AS)[1]))


def main() -> None:
    """Says that it is ready, and answers requests until there are no more."""
    import h5py  # noqa: F401 - so that no request waits for it

    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    print("ready", file=answers, flush=True)
    for line in sys.stdin:
        request = json.loads(line)
        seconds = request.pop("seconds")
        if hasattr(signal, "alarm"):
            # Where whoever asked is killed meanwhile, nobody else ends an endless loop of the C library.
            signal.alarm(int(seconds) + 1)
        try:
            _limit_memory(request["path"])
            answer = inspect(**request)
        except Refused as refused:
            answer = dict(zip(("refused", "way_out"), refused.args, strict=True))
        except Exception as error:  # what the parsers of damaged bytes raise is anybody's guess
            answer = {"broken": f"{error}" or type(error).__name__}
        if hasattr(signal, "alarm"):
            signal.alarm(0)
        print(json.dumps(answer), file=answers, flush=True)


if __name__ == "__main__":
    main()
