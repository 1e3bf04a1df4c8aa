/// Writes one JSON value by hand, in the order of the calls. For lines and frames that leave many
/// times a second; Foundation's encoder costs twenty times as much.
public struct JSONWriter: Sendable {
    /// The JSON so far, as UTF-8.
    public private(set) var bytes: [UInt8] = []
    private var needsComma = false

    /// `capacity` is the number of bytes to make room for; writing more is no error.
    public init(reserving capacity: Int = 0) { bytes.reserveCapacity(capacity) }

    /// The JSON so far.
    public var string: String { String(decoding: bytes, as: UTF8.self) }

    /// Starts again with nothing written; the storage stays.
    public mutating func removeAll() {
        bytes.removeAll(keepingCapacity: true)
        needsComma = false
    }

    /// An object whose members `body` writes, each with a key. `key` is nil in an array and at the
    /// top.
    public mutating func object(_ key: String? = nil, _ body: (inout JSONWriter) -> Void) {
        open(key, UInt8(ascii: "{"))
        body(&self)
        close(UInt8(ascii: "}"))
    }

    /// An array whose elements `body` writes, each without a key. `key` is nil in an array and at
    /// the top.
    public mutating func array(_ key: String? = nil, _ body: (inout JSONWriter) -> Void) {
        open(key, UInt8(ascii: "["))
        body(&self)
        close(UInt8(ascii: "]"))
    }

    /// A string. Quotes, backslashes and control characters are escaped (RFC 8259 7), the rest is
    /// UTF-8.
    public mutating func field(_ key: String? = nil, _ value: String) {
        prefix(key)
        quote(value)
    }
    /// A whole number of any size, in decimal.
    public mutating func field(_ key: String? = nil, _ value: some BinaryInteger) {
        prefix(key)
        bytes.append(contentsOf: String(value).utf8)
    }
    /// `true` or `false`.
    public mutating func field(_ key: String? = nil, _ value: Bool) {
        prefix(key)
        bytes.append(contentsOf: (value ? "true" : "false").utf8)
    }
    /// Written by `decimal`; not-a-number and infinities become null.
    public mutating func field(_ key: String? = nil, _ value: Double, decimals: Int = 3) {
        prefix(key)
        bytes.append(contentsOf: decimal(value, decimals).utf8)
    }
    /// `null`, where a reader expects the member to be there.
    public mutating func null(_ key: String? = nil) {
        prefix(key)
        bytes.append(contentsOf: "null".utf8)
    }
    /// `json` must be one valid JSON value.
    public mutating func raw(_ key: String? = nil, _ json: [UInt8]) {
        prefix(key)
        bytes.append(contentsOf: json)
    }

    private mutating func open(_ key: String?, _ bracket: UInt8) {
        prefix(key)
        bytes.append(bracket)
        needsComma = false
    }

    private mutating func close(_ bracket: UInt8) {
        bytes.append(bracket)
        needsComma = true
    }

    private mutating func prefix(_ key: String?) {
        if needsComma { bytes.append(UInt8(ascii: ",")) }
        needsComma = true
        if let key {
            quote(key)
            bytes.append(UInt8(ascii: ":"))
        }
    }

    private mutating func quote(_ text: String) {
        bytes.append(UInt8(ascii: "\""))
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"):
                bytes.append(UInt8(ascii: "\\"))
                bytes.append(byte)
            case 0..<0x20, 0x7F:
                bytes.append(contentsOf: "\\u00".utf8)
                bytes.append(contentsOf: Hex.encode([byte]).utf8)
            default: bytes.append(byte)
            }
        }
        bytes.append(UInt8(ascii: "\""))
    }
}

/// `value` with up to `decimals` (at most 9) decimals, without trailing zeros; "null" when not
/// finite. A Double has some 15 significant digits: decimals beyond them are not shown, and from
/// 10^19 on the number is in scientific notation.
public func decimal(_ value: Double, _ decimals: Int) -> String {
    guard value.isFinite else { return "null" }
    guard value.magnitude < 9e18 else { return "\(value)" }
    var decimals = max(0, min(decimals, 9))
    var scale = 1.0
    for _ in 0..<decimals { scale *= 10 }
    // 2^53: whole numbers up to here are exact.
    while decimals > 0, value.magnitude * scale >= 9_007_199_254_740_992 {
        scale /= 10
        decimals -= 1
    }
    let scaled = Int64((value.magnitude * scale).rounded())
    let whole = scaled / Int64(scale)
    let sign = value < 0 && scaled != 0 ? "-" : ""
    guard decimals > 0 else { return sign + String(whole) }
    var fraction = padded(Int(scaled % Int64(scale)), decimals)
    while fraction.hasSuffix("0") { fraction.removeLast() }
    return sign + String(whole) + (fraction.isEmpty ? "" : "." + fraction)
}
