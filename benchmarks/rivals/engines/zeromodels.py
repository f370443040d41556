"""`zeromodels`, the other Keras 3 package with ResNeXt and Res2Net."""

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
# Where a CPU lacks AVX-512's neural instructions, TensorFlow leaves it off.
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")

import tensorflow as tf
from zeromodels.models.res2net import Res2NetConfig, Res2NetImageClassify
from zeromodels.models.resnext import ResNeXtConfig, ResNeXtImageClassify

from benchmarks.rivals.engines.protocol import Call, images, serve, threads

# The configurations' defaults are the networks that are compared.
NETWORKS = {
    "resnext50_32x4d": lambda: ResNeXtImageClassify(ResNeXtConfig()),
    "res2net50_26w_4s": lambda: Res2NetImageClassify(Res2NetConfig()),
}


def predict(model: str, batch: int, batches: int) -> Call:
    """`predict` of several batches."""
    network = NETWORKS[model]()
    # As ours gets them, by keras_resnets.data.without_stalls.
    options = tf.data.Options()
    options.threading.max_intra_op_parallelism = threads()
    options.autotune.enabled = False
    inputs = tf.data.Dataset.from_tensor_slices(images(batch * batches, 224)).batch(batch)
    inputs = inputs.with_options(options)

    def call() -> None:
        network.predict(inputs, verbose=0)

    call()
    call()
    return call


if __name__ == "__main__":
    tf.config.threading.set_intra_op_parallelism_threads(threads())
    tf.config.threading.set_inter_op_parallelism_threads(threads())
    serve({"predict": predict})
