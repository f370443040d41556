// Of Android, what the code to paste calls.

package android.content

import java.io.File

abstract class Context {
    abstract val assets: android.content.res.AssetManager
    abstract val noBackupFilesDir: File
}
