public import Base

/// An exact set of North American numbers: one bitmap of 1,000,000 bytes for each area code that
/// has a member. The whole national list (258 million numbers, 340 codes) takes 340 MB; a look-up is
/// two array reads.
public struct NumberSet: Sendable {
    /// One bit for every exchange 200…999 and line 0000…9999.
    static let pageBytes = 1_000_000

    /// By area code less 200; empty where the code has no member.
    private var pages: [[UInt8]] = Array(repeating: [], count: 800)
    /// Different numbers in the set.
    public private(set) var count = 0

    /// Area codes the list was fetched for; nil: all of them. A number of another code is not known
    /// to be free.
    public var areaCodes: Set<String>?
    /// Where the list came from, for the decision's record (file name, version, digest).
    public var version: String

    /// No number yet; the bitmap of an area code is allocated with its first.
    public init(version: String = "", areaCodes: Set<String>? = nil) {
        self.version = version
        self.areaCodes = areaCodes
    }

    /// Adds a number. False when it is not of the North American plan.
    @discardableResult
    public mutating func insert(_ number: PhoneNumber) -> Bool {
        guard let place = Self.place(number) else { return false }
        insert(area: place.area, index: place.index)
        return true
    }

    /// False for a number outside the North American plan.
    public func contains(_ number: PhoneNumber) -> Bool {
        guard let place = Self.place(number) else { return false }
        let page = pages[place.area]
        guard page.count == Self.pageBytes else { return false }
        return page[place.index >> 3] & (1 << UInt8(place.index & 7)) != 0
    }

    /// Whether a number of this code that is not in the set is known to be free.
    public func covers(areaCode: String) -> Bool { areaCodes?.contains(areaCode) ?? true }

    /// Ten digits as numbers 0…9. False when area code or exchange begins with 0 or 1.
    mutating func insert(digits: [UInt8]) -> Bool {
        guard let place = Self.place(digits: digits) else { return false }
        insert(area: place.area, index: place.index)
        return true
    }

    private mutating func insert(area: Int, index: Int) {
        if pages[area].isEmpty { pages[area] = [UInt8](repeating: 0, count: Self.pageBytes) }
        let bit: UInt8 = 1 << UInt8(index & 7)
        if pages[area][index >> 3] & bit == 0 {
            pages[area][index >> 3] |= bit
            count += 1
        }
    }

    private static func place(_ number: PhoneNumber) -> (area: Int, index: Int)? {
        guard number.isNANP else { return nil }
        return place(digits: number.e164.utf8.dropFirst(2).map { $0 &- UInt8(ascii: "0") })
    }

    private static func place(digits: [UInt8]) -> (area: Int, index: Int)? {
        guard digits.count == 10, digits.allSatisfy({ $0 <= 9 }), digits[0] >= 2, digits[3] >= 2
        else { return nil }
        let area = Int(digits[0]) * 100 + Int(digits[1]) * 10 + Int(digits[2]) - 200
        var index = 0
        for digit in digits[3...] { index = index * 10 + Int(digit) }
        return (area, index - 2_000_000)
    }
}
