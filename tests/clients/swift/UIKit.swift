// Of UIKit and Core Graphics, what the code to paste calls.

@_exported import Foundation

public struct CGColorSpace {}

public func CGColorSpaceCreateDeviceRGB() -> CGColorSpace { fatalError() }

public enum CGImageAlphaInfo: UInt32 { case noneSkipLast = 5 }

public enum CGInterpolationQuality { case high }

public class CGContext {
  public var interpolationQuality = CGInterpolationQuality.high

  public init?(
    data: UnsafeMutableRawPointer?, width: Int, height: Int, bitsPerComponent: Int,
    bytesPerRow: Int, space: CGColorSpace, bitmapInfo: UInt32
  ) { fatalError() }

  public func translateBy(x: CGFloat, y: CGFloat) { fatalError() }

  public func scaleBy(x: CGFloat, y: CGFloat) { fatalError() }
}

public func UIGraphicsPushContext(_ context: CGContext) { fatalError() }

public func UIGraphicsPopContext() { fatalError() }

open class UIImage {
  public var size: CGSize { fatalError() }

  public func draw(in rect: CGRect) { fatalError() }
}
