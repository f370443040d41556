"""What is measured, against whom, and the goal: the table of the benchmark, as data."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

# Billions of multiply-accumulates at 224x224. The driver loads no Keras to ask for them.
GMACS = {"ResNeXt50": 4.23, "ResNeSt50": 5.37, "Res2Net50_26w_4s": 4.25, "ReXNet100": 0.4}
# Our name → the rivals' names.
KECAM = {"ResNeXt50": "ResNeXt50", "ResNeSt50": "ResNest50"}
ZEROMODELS = {"ResNeXt50": "resnext50_32x4d", "Res2Net50_26w_4s": "res2net50_26w_4s"}
TIMM = {
    "ResNeXt50": "resnext50_32x4d",
    "ResNeSt50": "resnest50d",
    "Res2Net50_26w_4s": "res2net50_26w_4s",
    "ReXNet100": "rexnet_100",
}

OURS = "keras_resnets"
# Environments: ours, and one a rival (`benchmarks/rivals/engines/NAME.txt` in `.venvs/bench-NAME`).
HOME = "keras_resnets"


@dataclass(frozen=True)
class Preparation:
    """What an engine process is asked for.

    Attributes:
        engine: A module of `benchmarks.rivals.engines`.
        environment: Environment whose Python runs it.
        options: The request's entries, with `kind`.
        checkout: Folder of the repository whose engine it is; nothing for this one.
    """

    engine: str
    environment: str
    options: Mapping[str, object]
    checkout: str = ""


@dataclass(frozen=True)
class Contender:
    """One column of a cell.

    Attributes:
        name: Name as the table says it.
        preparation: What is timed.
        maker: What writes the file that is timed, if it is not there yet.
    """

    name: str
    preparation: Preparation
    maker: Preparation | None = None


@dataclass(frozen=True)
class Cell:
    """One comparison.

    Attributes:
        task: Name of the task, a group of rows.
        model: Name of the model, a row of its group.
        title: The task in words.
        goal: The most that our time / the best rival's may be; without rivals, that ours may be in
            milliseconds.
        contenders: The contenders, ours first.
        slow: Whether a call takes seconds: one a turn, and fewer rounds.
        absent: Rivals that have no such model or mode, with the reason.
    """

    task: str
    model: str
    title: str
    goal: float
    contenders: tuple[Contender, ...]
    slow: bool = False
    absent: Mapping[str, str] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return f"{self.task}/{self.model}"


@dataclass(frozen=True)
class Size:
    """How much is measured.

    Attributes:
        rounds: Number of undisturbed rounds wanted.
        slow_rounds: The same for slow cells.
        turn: Seconds of a contender's turn, about.
        attempts: Number of rounds at most, as a multiple of those wanted.
        calibration_images: Number of calibration images of int8 files.
        stock_batch: Batch size of the step through Keras' own grouped convolution.
        compiled: Whether `torch.compile` takes part (a minute a model and mode).
        batches: Batch sizes of a prediction.
        train_dtypes: Types of the training steps.
    """

    rounds: int
    slow_rounds: int
    turn: float
    attempts: int
    calibration_images: int
    stock_batch: int
    compiled: bool
    batches: int
    train_dtypes: tuple[str, ...]


QUICK = Size(4, 2, 0.4, 2, 8, 1, False, 1, ("float32",))
FULL = Size(15, 7, 1.0, 4, 32, 16, True, 4, ("float32", "bfloat16"))
# What `--quick` has no time for, unless `--only` names it.
NOT_QUICK = (
    "load/*",
    "export-int8/*",
    "train-frozen/*",
    "train-float32/ResNeSt50",
    "train-float32/Res2Net50_26w_4s",
    "train-float32/ReXNet100",
)


def cells(size: Size, files: str) -> Iterator[Cell]:
    """Every comparison, the short ones first.

    Args:
        size: How much is measured.
        files: The folder of exported files.
    """
    for mode, goal in (("float32", 0.95), ("int8", 0.80)):
        for model in TIMM:
            yield _file_cell(model, mode, goal, size, files)
    for model in TIMM:
        yield _predict_cell(model, size)
    yield from _start_cells()
    yield _export_cell(size, files)
    yield _stock_cell(size)
    for model in TIMM:
        yield _finetuning_cell(model)
    for dtype in size.train_dtypes:
        for model in TIMM:
            yield _train_cell(model, dtype, size)


def against_earlier(cell: Cell, checkout: str) -> Cell:
    """Ours against an earlier commit's, in place of the rivals: no more than 5 % slower is the goal.

    Args:
        cell: A comparison.
        checkout: Folder of that commit, which runs in this environment.
    """

    def earlier(preparation: Preparation) -> Preparation:
        options = dict(preparation.options)
        if "file" in options:
            file = Path(str(options["file"]))
            options["file"] = str(file.with_name(f"earlier.{file.name}"))
        return replace(preparation, options=options, checkout=checkout)

    ours = cell.contenders[0]
    maker = ours.maker and earlier(ours.maker)
    contenders = (ours, Contender("earlier", earlier(ours.preparation), maker))
    return replace(cell, goal=1.05, contenders=contenders, absent={})


def _file_cell(model: str, mode: str, goal: float, size: Size, files: str) -> Cell:
    onnx, ours, kecam = (
        f"{files}/{who}.{model}.{mode}.{suffix}"
        for who, suffix in (("timm", "onnx"), ("keras_resnets", "tflite"), ("kecam", "tflite"))
    )
    of_timm = _export("timm", "timm", TIMM[model], mode, size, onnx)
    read = {"kind": "invoke", "file": onnx}
    contenders = [
        Contender(OURS, _litert(ours), _export("ours", HOME, model, mode, size, ours)),
        Contender("onnxruntime", Preparation("onnx", "timm", read), of_timm),
        Contender("OpenVINO", Preparation("openvino", HOME, read), of_timm),
    ]
    absent = {}
    if model in KECAM:
        maker = _export("kecam", "kecam", KECAM[model], mode, size, kecam)
        contenders.append(Contender("kecam", _litert(kecam), maker))
    else:
        absent["kecam"] = "has no such network"
    title = f"LiteRT {mode}, batch 1"
    return Cell(f"litert-{mode}", model, title, goal, tuple(contenders), absent=absent)


def _litert(file: str) -> Preparation:
    return Preparation("litert", HOME, {"kind": "invoke", "file": file})


def _export(
    engine: str, environment: str, model: str, mode: str, size: Size, file: str
) -> Preparation:
    options = {
        "kind": "export",
        "model": model,
        "mode": mode,
        "file": file,
        "calibration_images": size.calibration_images,
    }
    return Preparation(engine, environment, options)


def _predict_cell(model: str, size: Size) -> Cell:
    shape = {"kind": "predict", "batch": 8, "batches": size.batches}
    contenders = [Contender(OURS, Preparation("ours", HOME, {**shape, "model": model}))]
    absent: dict[str, str] = {}
    for mode in _torch_modes(size, absent):
        options = {**shape, "model": TIMM[model], "mode": mode}
        contenders.append(Contender(f"timm {mode}", Preparation("timm", "timm", options)))
    if model in ZEROMODELS:
        options = {**shape, "model": ZEROMODELS[model]}
        contenders.append(Contender("zeromodels", Preparation("zeromodels", "zeromodels", options)))
    else:
        absent["zeromodels"] = "has no such network"
    title = "deploy(model).predict, batch 8"
    return Cell("predict", model, title, 0.85, tuple(contenders), absent=absent)


def _train_cell(model: str, dtype: str, size: Size) -> Cell:
    policy = {"float32": "float32", "bfloat16": "mixed_bfloat16"}[dtype]
    goal = {"float32": 0.80, "bfloat16": 1.0}[dtype]
    shape = {"kind": "train", "batch": 16, "dtype": policy}
    contenders = [Contender(OURS, Preparation("ours", HOME, {**shape, "model": model}))]
    absent: dict[str, str] = {}
    for mode in _torch_modes(size, absent):
        options = {**shape, "model": TIMM[model], "mode": mode}
        contenders.append(Contender(f"timm {mode}", Preparation("timm", "timm", options)))
    title = f"training step {dtype}, batch 16"
    return Cell(f"train-{dtype}", model, title, goal, tuple(contenders), slow=True, absent=absent)


def _torch_modes(size: Size, absent: dict[str, str]) -> tuple[str, ...]:
    if size.compiled:
        return ("eager", "channels_last", "compiled")
    absent["timm compiled"] = "not with --quick"
    return ("eager", "channels_last")


def _stock_cell(size: Size) -> Cell:
    model = "ResNeXt50"
    options = {"kind": "train", "model": model, "batch": size.stock_batch, "dtype": "float32"}
    contenders = (
        Contender(OURS, Preparation("ours", HOME, options)),
        Contender("stock Keras", Preparation("ours", HOME, {**options, "stock": True})),
    )
    title = f"training step against Keras' own grouped convolution, batch {size.stock_batch}"
    return Cell("train-stock", model, title, 0.05, contenders, slow=True)


def _finetuning_cell(model: str) -> Cell:
    options = {"kind": "train", "model": model, "batch": 16, "dtype": "float32"}
    contenders = (
        Contender(OURS, Preparation("ours", HOME, {**options, "frozen_stages": 2})),
        Contender("a whole step", Preparation("ours", HOME, options)),
    )
    title = "training step, the stem to stage 2 frozen, batch 16"
    return Cell("train-frozen", model, title, 0.60, contenders, slow=True)


def _start_cells() -> Iterator[Cell]:
    def ours(kind: str, **options: str) -> Preparation:
        return Preparation("ours", HOME, {"kind": kind, **options})

    large = "ResNeSt269"
    title = "import keras_resnets, beyond Keras' own"
    yield Cell("import", OURS, title, 200, (Contender(OURS, ours("import")),), slow=True)
    building = Contender(OURS, ours("build", model=large))
    yield Cell("build", large, "building the network", 4000, (building,), slow=True)
    loading = (
        Contender(OURS, ours("load", model=large)),
        Contender("reading the file", ours("read", model=large)),
    )
    yield Cell("load", large, "loading its checkpoint", 3.0, loading, slow=True)


def _export_cell(size: Size, files: str) -> Cell:
    model, mode = "ResNeXt50", "int8"
    paths = (f"{files}/timed.{who}.tflite" for who in ("keras_resnets", "kecam"))
    ours, kecam = paths
    contenders = (
        Contender(OURS, _export("ours", HOME, model, mode, size, ours)),
        Contender("kecam", _export("kecam", "kecam", KECAM[model], mode, size, kecam)),
    )
    title = f"export to int8, {size.calibration_images} calibration images"
    return Cell("export-int8", model, title, 0.5, contenders, slow=True)
