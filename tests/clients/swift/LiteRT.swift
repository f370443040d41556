// Of LiteRT's Swift package, what the code to paste calls.

import Foundation

public final class Environment {
  public init() throws { fatalError() }
}

public final class TensorBuffer {
  public func write<T>(_ data: [T]) throws { fatalError() }

  public func read<T>() throws -> [T] { fatalError() }
}

public final class CompiledModel {
  public init(filePath: String, environment: Environment) throws { fatalError() }

  public func metadata(key: String) throws -> Data { fatalError() }

  public func createInputBuffers(signatureIndex: Int = 0) throws -> [TensorBuffer] { fatalError() }

  public func createOutputBuffers(signatureIndex: Int = 0) throws -> [TensorBuffer] { fatalError() }

  public func run(inputs: [TensorBuffer], outputs: [TensorBuffer]) throws { fatalError() }
}
