"""Where the operations run that a layer makes."""


def has_accelerator() -> bool:
    """Whether TensorFlow computes on a GPU or a TPU."""
    import tensorflow as tf

    return bool(tf.config.list_logical_devices("GPU") or tf.config.list_logical_devices("TPU"))


def is_traced_for_xla() -> bool:
    """Whether the graph under construction is one of `jit_compile=True`."""
    import tensorflow as tf

    if tf.executing_eagerly():
        return False
    # TensorFlow has no public question for it.
    from tensorflow.python.ops import control_flow_util

    graph = tf.compat.v1.get_default_graph()
    return bool(control_flow_util.GraphOrParentsInXlaContext(graph))
