// Of Android, what the code to paste calls.

package org.json

class JSONArray {
    fun length(): Int = throw NotImplementedError()

    fun getString(index: Int): String = throw NotImplementedError()
}

class JSONObject(json: String) {
    fun getJSONArray(name: String): JSONArray = throw NotImplementedError()

    fun optDouble(name: String): Double = throw NotImplementedError()
}
