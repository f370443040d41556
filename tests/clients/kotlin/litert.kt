// Of LiteRT 2.2, what the code to paste calls.

package com.google.ai.edge.litert

enum class Accelerator { CPU, GPU, NPU }

class TensorBuffer : AutoCloseable {
    fun writeInt8(data: ByteArray): Unit = throw NotImplementedError()

    fun writeFloat(data: FloatArray): Unit = throw NotImplementedError()

    fun readFloat(): FloatArray = throw NotImplementedError()

    override fun close(): Unit = throw NotImplementedError()
}

class CompiledModel : AutoCloseable {
    class Options(vararg accelerators: Accelerator)

    fun createInputBuffers(signatureIndex: Int = 0): List<TensorBuffer> = throw NotImplementedError()

    fun createOutputBuffers(signatureIndex: Int = 0): List<TensorBuffer> = throw NotImplementedError()

    fun run(inputs: List<TensorBuffer>, outputs: List<TensorBuffer>, signatureIndex: Int = 0): Unit =
        throw NotImplementedError()

    override fun close(): Unit = throw NotImplementedError()

    companion object {
        fun create(filePath: String, options: Options): CompiledModel = throw NotImplementedError()
    }
}
