"""Code to paste into an app, for one file: its input, its output, its classes."""

import string
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from keras_resnets._common.console import on_one_line
from keras_resnets.errors import UserError

from ..file.card import Activation, FileCard

TEMPLATES = Path(__file__).with_name("templates")


@dataclass(frozen=True)
class Language:
    """What differs from one language's code to the next, besides the template.

    Attributes:
        template: A file in `templates/`.
        types: Types that its code can handle as input and output.
        literal: A text as a literal of the language.
        write: Code that hands the file what it takes, by what that is: a type of pixels, or
            `"normalised"` images, with `$mean` and `$std`. The template of Python has it.
        probabilities: The function of that name, by the activation that it applies; `None` where the
            file does.
    """

    template: str
    types: frozenset[str]
    literal: Callable[[str], str]
    write: Mapping[str, str]
    probabilities: Mapping[Activation | None, str]


def _escaped(text: str, special: str, code: Callable[[str], str]) -> str:
    """A text in quotes: special characters after a backslash, what is not printable by its code."""

    def one(character: str) -> str:
        if character in special:
            return f"\\{character}"
        return character if character.isprintable() else code(character)

    return f'"{"".join(map(one, text))}"'


def _utf16(character: str) -> str:
    units = character.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[i]:02x}{units[i + 1]:02x}" for i in range(0, len(units), 2))


LANGUAGES = {
    "python": Language(
        "python.txt",
        frozenset({"float32", "uint8", "int8", "int16"}),
        ascii,
        {},
        {
            "softmax": """\
def probabilities(logits: np.ndarray) -> np.ndarray:
    powers = np.exp(logits - logits.max())
    return powers / powers.sum()""",
            "sigmoid": """\
def probabilities(logits: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-logits))""",
            None: """\
def probabilities(outputs: np.ndarray) -> np.ndarray:
    return outputs""",
        },
    ),
    "kotlin": Language(
        "kotlin.txt",
        # LiteRT's interface does not tell the scale of integers.
        frozenset({"float32", "uint8"}),
        lambda text: _escaped(text, '\\"$', _utf16),
        {
            "uint8": """\
val pixels = pixels(photo)
        inputs[0].writeInt8(ByteArray(pixels.size) { pixels[it].toByte() })""",
            "float32": """\
val pixels = pixels(photo)
        inputs[0].writeFloat(FloatArray(pixels.size) { pixels[it].toFloat() })""",
            "normalised": """\
val pixels = pixels(photo)
        val mean = listOf($mean).map { it.toFloat() }
        val std = listOf($std).map { it.toFloat() }
        inputs[0].writeFloat(FloatArray(pixels.size) { (pixels[it] - mean[it % 3]) / std[it % 3] })""",
        },
        {
            "softmax": """\
    private fun probabilities(logits: List<Float>): List<Float> {
        val largest = logits.max()
        val powers = logits.map { kotlin.math.exp(it - largest) }
        val sum = powers.sum()
        return powers.map { it / sum }
    }""",
            "sigmoid": """\
    private fun probabilities(logits: List<Float>): List<Float> = 
        logits.map { 1 / (1 + kotlin.math.exp(-it)) }""",
            None: """\
    private fun probabilities(outputs: List<Float>): List<Float> = outputs""",
        },
    ),
    "swift": Language(
        "swift.txt",
        frozenset({"float32", "uint8"}),
        lambda text: _escaped(text, '\\"', lambda c: f"\\u{{{ord(c):x}}}"),
        {
            "uint8": "try inputs[0].write(pixels(photo))",
            "float32": "try inputs[0].write(pixels(photo).map(Float.init))",
            "normalised": """\
let mean: [Float] = [$mean]
    let std: [Float] = [$std]
    let normalised = pixels(photo).enumerated().map { (Float($$1) - mean[$$0 % 3]) / std[$$0 % 3] }
    try inputs[0].write(normalised)""",
        },
        {
            "softmax": """\
  private func probabilities(_ logits: [Float]) -> [Float] {
    let largest = logits.max()!
    let powers = logits.map { exp($0 - largest) }
    let sum = powers.reduce(0, +)
    return powers.map { $0 / sum }
  }""",
            "sigmoid": """\
  private func probabilities(_ logits: [Float]) -> [Float] { logits.map { 1 / (1 + exp(-$0)) } }""",
            None: """\
  private func probabilities(_ outputs: [Float]) -> [Float] { outputs }""",
        },
    ),
}


def snippet(file: Path, card: FileCard, types: Sequence[str], language: str) -> str:
    """The code that loads a file and names the classes of a photo.

    Args:
        file: The file; the code names it as it is named.
        card: The file's card.
        types: Types of its input and its output, such as `"float32"`.
        language: A key of `LANGUAGES`.

    Raises:
        UserError: For types that the language's code cannot handle.
    """
    made = LANGUAGES[language]
    if not made.types.issuperset(types):
        raise UserError(
            f"Expected an input and an output of {' or '.join(sorted(made.types))}, as the code in "
            f"{language} has them. Received: {' and '.join(types)}. Export without --integer-io."
        )
    template = string.Template((TEMPLATES / made.template).read_text("utf-8"))
    preprocessing = card.preprocessing
    height, width = preprocessing.shape
    resized_height, resized_width = preprocessing.resized_shape
    mean, std = (_numbers(values) for values in (preprocessing.mean, preprocessing.std))
    write = made.write.get(types[0] if card.takes_pixels else "normalised", "")
    return template.substitute(
        file=made.literal(str(file) if language == "python" else file.name),
        stem=made.literal(file.stem),
        comment=on_one_line(file.name),
        about=on_one_line(f"{card.architecture}, {card.format}"),
        classes=len(card.class_names),
        probabilities=made.probabilities[card.activation if card.gives_logits else None],
        height=height,
        width=width,
        resized_height=resized_height,
        resized_width=resized_width,
        interpolation=preprocessing.interpolation.upper(),
        mean=mean,
        std=std,
        write=string.Template(write).substitute(mean=mean, std=std),
    )


def _numbers(values: Sequence[float]) -> str:
    """As float literals of pixels from 0 to 255."""
    return ", ".join(f"{255 * value:.7g}" for value in values)
