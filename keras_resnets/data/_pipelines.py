"""How a data set's pipeline is traced, and how it runs."""

import functools
import os
from collections.abc import Callable
from typing import TYPE_CHECKING, ParamSpec, TypeVar

if TYPE_CHECKING:
    import tensorflow as tf

P = ParamSpec("P")
R = TypeVar("R")


def as_written(build: Callable[P, R]) -> Callable[P, R]:
    """Has all functions that `build` gives to a pipeline traced as they are written.

    AutoGraph would read each from its source and rewrite it first, and all that it calls: 2 s for a
    training transform, whose branches are `tf.cond` already.

    Args:
        build: Function that makes a `tf.data` pipeline.

    Example:
        >>> import tensorflow as tf
        >>> @as_written
        ... def halves(numbers):
        ...     return numbers.map(lambda number: number // 2)
        >>> [int(number) for number in halves(tf.data.Dataset.range(4))]
        [0, 0, 1, 1]
    """

    @functools.wraps(build)
    def built(*args: P.args, **kwargs: P.kwargs) -> R:
        import tensorflow as tf

        result: R = tf.autograph.experimental.do_not_convert(build)(*args, **kwargs)
        return result

    return built


def without_stalls(dataset: "tf.data.Dataset") -> "tf.data.Dataset":
    """The same data set under the options with which Keras' loops lose no time on a CPU.

    - All threads. Each operation of a data set runs on one thread, by tf.data's default. Keras draws
      its batch inside the graph of the step, and where the batch was not ready the rest of the graph,
      the network, runs on tf.data's thread with that limit: about half of the steps take a core alone.
    - No tuner. tf.data's thread that tunes `AUTOTUNE` wakes after 10, 20, 40, … ms, at last every
      minute, and the end of a pass may wait for it: of 40 calls of `predict` 14 took 1,265 ms for
      650 (docs/performance.md). Without it `AUTOTUNE` means one call a core, at most 16.

    Args:
        dataset: Any data set.

    Example:
        >>> import tensorflow as tf
        >>> without_stalls(tf.data.Dataset.range(3)).options().autotune.enabled
        False
    """
    import tensorflow as tf

    options = tf.data.Options()
    options.threading.max_intra_op_parallelism = (
        tf.config.threading.get_intra_op_parallelism_threads() or os.cpu_count() or 1
    )
    options.autotune.enabled = False
    return dataset.with_options(options)
