"""Event files, for those who look at runs in TensorBoard."""

from collections.abc import Mapping
from pathlib import Path

import tensorflow as tf


def write_events(folder: Path, row: Mapping[str, float]) -> None:
    """Adds a row of the history.

    `tf.summary.scalar` would need the tensorboard package to write what it reads.
    """
    metadata = tf.compat.v1.SummaryMetadata()
    metadata.plugin_data.plugin_name = "scalars"
    writer = tf.summary.create_file_writer(str(folder))
    with writer.as_default(step=int(row["epoch"])):
        for name, value in row.items():
            if name != "epoch":
                tf.summary.write(name, tf.constant(value, tf.float32), metadata=metadata)
    writer.close()
