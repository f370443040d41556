// Of Android, what the code to paste calls.

package android.graphics

abstract class Bitmap {
    enum class Config { ARGB_8888 }

    abstract val width: Int
    abstract val height: Int

    abstract fun getPixels(pixels: IntArray, offset: Int, stride: Int, x: Int, y: Int, width: Int, height: Int)

    companion object {
        fun createBitmap(width: Int, height: Int, config: Config): Bitmap = throw NotImplementedError()
    }
}

object Color {
    const val WHITE: Int = -1
}

class Rect

class RectF(left: Float, top: Float, right: Float, bottom: Float)

class Paint(flags: Int) {
    companion object {
        const val FILTER_BITMAP_FLAG: Int = 2
    }
}

class Canvas(bitmap: Bitmap) {
    fun drawColor(color: Int): Unit = throw NotImplementedError()

    fun drawBitmap(bitmap: Bitmap, src: Rect?, dst: RectF, paint: Paint?): Unit = throw NotImplementedError()
}
