"""What a run is, as typed and frozen values. YAML recipes are parsed into these by pydantic."""

from pathlib import Path
from typing import Annotated, Any, Literal, Self, get_args

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    Tag,
    model_validator,
)

from keras_resnets.preprocessing import Preprocessing

LARGEST_SIDE = 4096  # of training images
NO_WEIGHTS = "none"
AUTO = "auto"
# Keys that may follow from the number of training photos: see `training/plan.py`.
AutoKey = Literal["epochs", "batch_size", "head.views", "model.freeze", "cache.views"]


def _ordered(limits: tuple[float, float]) -> tuple[float, float]:
    if limits[0] > limits[1]:
        raise ValueError(f"Expected the lower end first. Received: {list(limits)}.")
    return limits


def _none_or_some(alpha: float) -> float:
    if 0 < alpha < 0.001:
        raise ValueError(f"Expected 0 for none, or at least 0.001. Received: {alpha}.")
    return alpha


# Numbers are finite in any case. Beyond these limits training would go on and mean nothing.
Rate = Annotated[float, Field(ge=0, lt=1)]
Weight = Annotated[float, Field(ge=0, le=1 - 1e-6)]  # of the old in a moving average; 1 in float32
StepSize = Annotated[float, Field(ge=1e-9, le=3e38)]  # what moves a weight, to float32's end
Norm = Annotated[float, Field(ge=1e-6, le=3e38)]
Probability = Annotated[float, Field(ge=0, le=1)]
Alpha = Annotated[float, Field(ge=0, le=100), AfterValidator(_none_or_some)]
Epochs = Annotated[int, Field(ge=1, le=100_000)]
Count = Annotated[int, Field(ge=1, le=1_000_000)]
Seed = Annotated[int, Field(ge=0, lt=2**32)]  # what Keras takes
Area = Annotated[float, Field(gt=0, le=1)]
Coverage = Annotated[float, Field(gt=0, le=1)]
Ratio = Annotated[float, Field(ge=0.01, le=100)]
AreaRange = Annotated[tuple[Area, Area], AfterValidator(_ordered)]
RatioRange = Annotated[tuple[Ratio, Ratio], AfterValidator(_ordered)]


class Section(BaseModel):
    """Keys of a recipe: an unknown one is an error, and no number is infinite or NaN."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


def _stages(value: Any) -> Any:
    """The count that `[stem, stage1]`, as recipes had it, stands for."""
    if not isinstance(value, list | tuple):
        return value
    names = ["stem", *(f"stage{index}" for index in range(1, len(value)))]
    if sorted(map(str, value)) != sorted(names[: len(value)]):
        raise ValueError(
            f"Expected how many of stem, stage1, stage2, … do not learn, such as 2. "
            f"Received: model.freeze={list(value)!r}."
        )
    return len(value)


def _weights(value: Any) -> Any:
    return None if value == NO_WEIGHTS else value


class Model(Section):
    """The network.

    Attributes:
        name: A name of `keras_resnets.list_models()`, or a family's for a free-form network.
        arguments: Arguments of the constructor beyond classes, weights and input shape.
        weights: Weights that the network starts from: see the constructors of `keras_resnets`;
            `"none"` for random ones.
        classes: Must equal the data's, where given.
        freeze: How many of the stem and the stages do not learn: 2 for the stem and `stage1`.
    """

    name: str = "ResNeSt14"
    arguments: dict[str, Any] = {}
    weights: Annotated[str | None, BeforeValidator(_weights)] = None
    classes: Count | None = None
    freeze: Annotated[int, BeforeValidator(_stages), Field(ge=0, le=20)] = 0


class Head(Section):
    """The classifier alone, which is trained first, on the features of the network as it starts.

    Attributes:
        views: Number of views of each training photo whose features it learns from: the photo as at
            evaluation, and others that the augmentation draws.
        alone: Whether the run ends with it.
    """

    views: Annotated[int, Field(ge=1, le=1000)] = 1
    alone: bool = False


class Cache(Section):
    """What is kept of the stages that do not learn: see `training/frozen.py`.

    Attributes:
        views: Number of views of each training photo whose maps are computed once and kept; 0 to
            compute the stages anew in each step.
        folder: Folder to keep them in, from run to run; `None` for the memory.
    """

    views: Annotated[int, Field(ge=0, le=1000)] = 0
    folder: str | None = None


class Data(Section):
    """What to train on: see `keras_resnets.data.open_data`.

    Attributes:
        dataset: Name of a data set.
        folder: Path of a folder of photos.
        labels: Path of a CSV of those photos' labels, instead of one folder a class.
        data_dir: Folder of the data sets that come by name.
        shuffle_megabytes: Memory for the encoded images among which the next one is drawn.
    """

    dataset: str | None = None
    folder: str | None = None
    labels: str | None = None
    data_dir: str | None = None
    shuffle_megabytes: Count = 512

    def arguments(self) -> dict[str, Any]:
        """Those of `open_data`, with absolute paths of the folder and of its labels."""
        paths = {"folder": self.folder, "labels": self.labels}
        given = {
            name: str(Path(path).resolve()) for name, path in paths.items() if path is not None
        }
        others = {"dataset": self.dataset, "data_dir": self.data_dir}
        return given | {name: value for name, value in others.items() if value is not None}


def _for_training(preprocessing: Preprocessing) -> Preprocessing:
    if not isinstance(preprocessing.size, int) or preprocessing.size > LARGEST_SIDE:
        raise ValueError(
            f"Expected preprocessing.size to be one side of a square, at most {LARGEST_SIDE}. "
            f"Received: {preprocessing.size}."
        )
    if len(preprocessing.mean) != 3:
        raise ValueError(
            "Expected preprocessing.mean and std of three channels, since training images are RGB. "
            f"Received: {len(preprocessing.mean)}."
        )
    return preprocessing


class Crop(Section):
    """Inception's random-resized crop: an area and an aspect ratio drawn from these ranges."""

    area: AreaRange = (0.08, 1.0)
    aspect_ratio: RatioRange = (3 / 4, 4 / 3)


class Shift(Section):
    """A random affine map: up to so many degrees, and fractions of the side or of the scale."""

    rotation: Annotated[float, Field(ge=0, le=180)] = 0.0
    translation: Rate = 0.0
    zoom: Rate = 0.0


class Jitter(Section):
    """Factors of brightness, contrast and saturation, drawn from 1 - x to 1 + x."""

    brightness: Rate = 0.4
    contrast: Rate = 0.4
    saturation: Rate = 0.4


class AutoAugment(Section):
    """AutoAugment's policy for ImageNet (Cubuk et al., 2019): a pair of operations of its 25."""

    kind: Literal["autoaugment"] = "autoaugment"


class RandAugment(Section):
    """Operations drawn alike, at one magnitude (Cubuk et al., 2020).

    Attributes:
        kind: Name of the policy.
        operations: Number of operations for each image.
        magnitude: Strength of the operations, from 0 to 10.
    """

    kind: Literal["randaugment"] = "randaugment"
    operations: Annotated[int, Field(ge=1, le=20)] = 2
    magnitude: Annotated[float, Field(ge=0, le=10)] = 9.0


class Erasing(Section):
    """A rectangle of noise (Zhong et al., 2020).

    Attributes:
        probability: Probability of an image to lose one.
        area: Its share of the image.
        aspect_ratio: Its width to its height.
    """

    probability: Probability = 0.25
    area: AreaRange = (0.02, 1 / 3)
    aspect_ratio: RatioRange = (0.3, 1 / 0.3)


class Augmentation(Section):
    """What is done at random to training images, in the order of the fields.

    Attributes:
        crop: A random-resized crop; `None` for the centre, as at evaluation but for rounding.
        flip: Whether half of the images are mirrored.
        shift: An affine map.
        policy: AutoAugment or RandAugment.
        jitter: Jitter of the colours.
        erasing: Erasing of a rectangle.
        mixup: Alpha of mixup's beta distribution (Zhang et al., 2018); 0 for none.
        cutmix: Alpha of CutMix's (Yun et al., 2019); with both, each batch gets one of them.
    """

    crop: Crop | None = None
    flip: bool = False
    shift: Shift | None = None
    policy: Annotated[AutoAugment | RandAugment, Field(discriminator="kind")] | None = None
    jitter: Jitter | None = None
    erasing: Erasing | None = None
    mixup: Alpha = 0.0
    cutmix: Alpha = 0.0


class Lookahead(Section):
    """Slow weights that follow the fast ones (Zhang et al., 2019).

    Attributes:
        steps: Number of steps between two moves of the slow weights.
        share: Share of the way that they move.
    """

    steps: Count = 5
    share: Annotated[float, Field(gt=0, le=1)] = 0.5


class Rule(Section):
    """How gradients become steps, whatever the rule.

    Attributes:
        learning_rate: Rate at the top of the schedule.
        momentum: Momentum of `sgd`; the first beta of the others.
        weight_decay: Rate of the weight decay, 0 for none.
        coupled: Whether the decay is part of the gradient (L2, as PyTorch's SGD) or a step of its own.
        no_decay: Ends of the paths of the variables that do not decay.
        clip: Largest global norm of the gradient over all replicas; `None` for no limit.
        accumulation: Parts of a batch that a replica computes one after the other, to save memory.
        layer_decay: Factor of the learning rate from each stage to the one before it.
        lookahead: Slow weights around the rule.
    """

    learning_rate: StepSize = 0.1
    momentum: Weight = 0.9
    weight_decay: Annotated[float, Field(ge=0, le=10)] = 0.0
    coupled: bool = False
    no_decay: tuple[str, ...] = ("bias", "gamma", "beta")
    clip: Norm | None = None
    accumulation: Count = 1
    layer_decay: Annotated[float, Field(ge=0.01, le=1)] = 1.0
    lookahead: Lookahead | None = None

    @model_validator(mode="after")
    def _shrinks_and_does_not_flip(self) -> Self:
        if not self.coupled and self.learning_rate * self.weight_decay >= 1:
            raise ValueError(
                "Expected optimizer.learning_rate * optimizer.weight_decay below 1: each step takes "
                f"that share off every weight. Received: {self.learning_rate} * {self.weight_decay}."
            )
        return self


class Sgd(Rule):
    """Stochastic gradient descent, with Nesterov's look ahead where `nesterov`."""

    name: Literal["sgd"] = "sgd"
    nesterov: bool = False


class Adaptive(Rule):
    """Adam (Kingma & Ba, 2015), rectified Adam (Liu et al., 2020) or LAMB (You et al., 2020).

    Attributes:
        name: Name of the rule.
        beta_2: Weight of the old in the average of the squared gradients.
    """

    name: Literal["adam", "radam", "lamb"]
    beta_2: Weight = 0.999


class Curve(Section):
    """The learning rate over the epochs, as a factor of the optimizer's, whatever the curve.

    Attributes:
        warmup: Epochs of linear growth from zero at the start, part of the run's epochs.
        drop_block: Whether DropBlock's rate grows linearly over the run.
    """

    warmup: Annotated[float, Field(ge=0, le=100_000)] = 0.0
    drop_block: bool = False


class Constant(Curve):
    """The optimizer's rate throughout."""

    name: Literal["constant"] = "constant"


class Steps(Curve):
    """The rate times `factor` from each of the epochs `milestones` on."""

    name: Literal["steps"] = "steps"
    milestones: tuple[Epochs, ...] = ()
    factor: Annotated[float, Field(gt=0, lt=1)] = 0.1


class Cosine(Curve):
    """Half a cosine, from 1 to `final` at the last step (Loshchilov & Hutter, 2017)."""

    name: Literal["cosine"] = "cosine"
    final: Rate = 0.0


class Cyclical(Curve):
    """Straight lines up and down between `final` and 1, `cycle` epochs a swing (Smith, 2017)."""

    name: Literal["cyclical"] = "cyclical"
    final: Rate = 0.0
    cycle: Annotated[float, Field(gt=0, le=100_000)] = 10.0


def _name(default: str) -> Discriminator:
    """Tells the sections of a union apart by their `name`."""

    def of(section: Any) -> Any:
        if isinstance(section, dict):
            return str(section.get("name", default))
        return getattr(section, "name", None)

    return Discriminator(of)


Optimizer = Annotated[
    Annotated[Sgd, Tag("sgd")]
    | Annotated[Adaptive, Tag("adam")]
    | Annotated[Adaptive, Tag("radam")]
    | Annotated[Adaptive, Tag("lamb")],
    _name("sgd"),
]
Schedule = Annotated[
    Annotated[Constant, Tag("constant")]
    | Annotated[Steps, Tag("steps")]
    | Annotated[Cosine, Tag("cosine")]
    | Annotated[Cyclical, Tag("cyclical")],
    _name("cosine"),
]


class Distillation(Section):
    """A trained network that teaches (Hinton et al., 2015).

    The loss is `(1 - weight) * loss + weight * temperature**2 * KL(teacher || student)`.

    Attributes:
        model: Run folder or `.keras` file of the teacher, with a card of the photos' classes.
        temperature: What both networks' logits are divided by before they are compared.
        weight: Share of the teacher in the loss; the rest is the labels'.
        sha256: Digest of the teacher's file, found where it is not given.
    """

    model: str
    temperature: Annotated[float, Field(ge=0.01, le=1000)] = 4.0
    weight: Probability = 0.9
    sha256: str | None = None


class Averaging(Section):
    """Averages of the weights, which are evaluated and saved in place of the last ones.

    Attributes:
        ema: Decay of an exponential moving average, one step at a time; `None` for none.
        swa_from: Epoch from whose end on the weights are averaged alike (Izmailov et al., 2018).
    """

    ema: Weight | None = None
    swa_from: Epochs | None = None


class Distribution(Section):
    """Where the work is done.

    Attributes:
        strategy: `one` device; `mirrored` over those of this machine; `multiworker` over the machines
            in `TF_CONFIG`; `tpu`.
        devices: GPUs, all of them by default; on a machine without any, logical CPUs, one by default.
        sync_batch_norm: Statistics over all replicas in place of each one's own.
    """

    strategy: Literal["one", "mirrored", "multiworker", "tpu"] = "mirrored"
    devices: Annotated[int, Field(ge=1, le=1024)] | None = None
    sync_batch_norm: bool = False


class Saving(Section):
    """How often the whole state is put on the disk, from which a run continues.

    Attributes:
        every: Number of units between two checkpoints.
        unit: Unit that is counted in, `epochs` or `steps`.
    """

    every: Count = 1
    unit: Literal["epochs", "steps"] = "epochs"


class Config(Section):
    """A run.

    Attributes:
        name: Name of the recipe, if any.
        model: The network.
        head: Training of the classifier alone, before the epochs; `None` for none.
        cache: What is kept of the stages that do not learn.
        data: The images.
        preprocessing: How an image becomes the network's input.
        augmentation: What changes training images at random.
        optimizer: How gradients become steps.
        schedule: Curve of the learning rate over the run.
        averaging: Averages of the weights.
        teacher: A trained network that teaches this one; `None` for none.
        distribution: The devices and processes that share a batch.
        saving: When checkpoints are written.
        epochs: Number of passes over the training images.
        auto: Keys that follow from the number of training photos once they are counted, by
            `training/plan.py`: written `epochs: auto`, `head: {views: auto}`.
        patience: Number of epochs without a better one, by the validation images, after which the
            run ends; `None` to go on to the last.
        batch_size: Number of images of a step, over all replicas.
        label_smoothing: Share that the targets give to all classes alike.
        balance: What makes every class count alike: `sampling` draws each as often, `weights` weights
            the loss, `auto` samples where the largest class has more than three times the images of the
            smallest, `none` does nothing.
        folds: Number of folds of a cross-validation over the training and validation images, which
            estimates how good the run's network is; `None` for none.
        coverage: Share of the validation images that the model is to be sure of. Below the
            probability that they reach, the answer is "unsure".
        seed: Seed of all draws.
        precision: Type that the network computes in; its weights are float32 in any case.
        jit_compile: Whether XLA compiles the step, on one GPU.
        deterministic: The same numbers from each run with the same seed, at some cost on GPUs.
        tensorboard: Write event files too.
        quantize: Number format that a trained network learns to round to, from `model.weights` on:
            see `keras_resnets.quantization`; `None` to train in floating point.
    """

    name: str = "custom"
    model: Model = Model()
    head: Head | None = None
    cache: Cache = Cache()
    data: Data = Data()
    preprocessing: Annotated[Preprocessing, AfterValidator(_for_training)] = Preprocessing()
    augmentation: Augmentation = Augmentation()
    optimizer: Optimizer = Sgd()
    schedule: Schedule = Cosine()
    averaging: Averaging = Averaging()
    teacher: Distillation | None = None
    distribution: Distribution = Distribution()
    saving: Saving = Saving()
    epochs: Epochs = 20
    batch_size: Count = 32
    auto: tuple[AutoKey, ...] = ()
    patience: Epochs | None = None
    label_smoothing: Rate = 0.0
    balance: Literal["auto", "none", "sampling", "weights"] = "none"
    folds: Annotated[int, Field(ge=2, le=20)] | None = None
    coverage: Coverage = 0.95
    seed: Seed = 0
    precision: Literal["float32", "mixed_bfloat16", "mixed_float16"] = "float32"
    jit_compile: bool = False
    deterministic: bool = True
    tensorboard: bool = False
    quantize: Literal["int8"] | None = None

    @model_validator(mode="before")
    @classmethod
    def _left_open(cls, values: Any) -> Any:
        """Takes `epochs: auto` for a key of `auto`; its default stands in until it is settled."""
        if not isinstance(values, dict):
            return values
        kept, found = dict(values), []
        for key in get_args(AutoKey):
            name, _, inner = key.partition(".")
            section = kept.get(name)
            if not inner and section == AUTO:
                del kept[name]
                found.append(key)
            elif isinstance(section, dict) and section.get(inner) == AUTO:
                kept[name] = {other: value for other, value in section.items() if other != inner}
                found.append(key)
        return {**kept, "auto": found} if found else values

    @property
    def last_epoch(self) -> int:
        """Number of the last epoch at most; 0 where the run ends with the classifier."""
        return 0 if self.head is not None and self.head.alone else self.epochs

    @model_validator(mode="after")
    def _fits_the_run(self) -> Self:
        """Refuses what lies beyond the run's end or would do nothing."""
        schedule, swa_from = self.schedule, self.averaging.swa_from
        if schedule.warmup > self.epochs:
            raise ValueError(
                f"Expected schedule.warmup within the run's {self.epochs} epochs. "
                f"Received: schedule.warmup={schedule.warmup:g}."
            )
        if isinstance(schedule, Cyclical) and schedule.cycle / 2 > self.epochs - schedule.warmup:
            raise ValueError(
                "Expected schedule.cycle of at most twice the epochs after the warm-up, "
                f"{2 * (self.epochs - schedule.warmup):g}: the peak lies in its middle. "
                f"Received: schedule.cycle={schedule.cycle:g}."
            )
        if swa_from is not None and swa_from > self.epochs:
            raise ValueError(
                f"Expected averaging.swa_from within the run's {self.epochs} epochs. "
                f"Received: averaging.swa_from={swa_from}."
            )
        if schedule.drop_block and not self.model.arguments.get("drop_block_rate"):
            raise ValueError(
                "Expected model.arguments.drop_block_rate where schedule.drop_block lets it grow. "
                "Received: none. Give one, or leave schedule.drop_block out."
            )
        if self.teacher is not None and self.last_epoch == 0:
            raise ValueError(
                "Expected a teacher where more than the classifier learns: that one learns from the "
                "labels alone. Received: head.alone=true with a teacher. Leave --quick or --teacher out."
            )
        if self.head is not None and self.model.weights is None:
            raise ValueError(
                "Expected model.weights where the classifier is trained alone first: features of random "
                "weights tell little. Received: head without weights. Start from imagenet, a run or a "
                "file by --weights, or leave head, --quick and --views out (--set head=null)."
            )
        if self.quantize and (self.precision != "float32" or self.model.freeze):
            raise ValueError(
                f"Expected precision=float32 and model.freeze=0 with quantize={self.quantize}. "
                f"Received: precision={self.precision}, model.freeze={self.model.freeze}."
            )
        if self.batch_size % self.optimizer.accumulation:
            raise ValueError(
                f"Expected a batch_size that optimizer.accumulation={self.optimizer.accumulation} "
                f"divides evenly. Received: batch_size={self.batch_size}."
            )
        return self
