internal import Media

/// What a datagram on a shared port can be told by: where it came from, with its SSRC or without,
/// or its SSRC alone. Three machine words.
struct RouteKey: Hashable, Sendable {
    private(set) var high: UInt64
    private(set) var low: UInt64
    /// UDP port (16 bits), IPv6 (1), kind (1), shared port's number (14), SSRC (32).
    private(set) var tail: UInt64

    /// Every packet from `address` to the shared port.
    init(port: Int, address: SocketAddressValue) {
        high = address.high
        low = address.low
        tail = UInt64(address.port) | (address.isIPv6 ? 1 << 16 : 0) | Self.number(port)
    }

    /// Packets with this SSRC to the shared port, wherever they come from.
    init(port: Int, ssrc: UInt32) {
        high = 0
        low = 0
        tail = 1 << 17 | Self.number(port) | UInt64(ssrc) << 32
    }

    private static func number(_ port: Int) -> UInt64 {
        UInt64(UInt(bitPattern: port) & 0x3FFF) << 18
    }
}

/// A hash table with open addressing: keys of shared ports to 32-bit values.
///
/// ```
/// hash(key, secret) ─► slot ─► next ─► next … until the key or an empty slot
/// remove: later keys of the run move up, so there are no tombstones and runs stay short
/// ```
/// All memory is taken in `init`; at most half the slots are ever used. The hash is keyed with a
/// secret, so nobody who chooses addresses can choose slots.
struct RouteTable: ~Copyable {
    private struct Slot {
        var key: RouteKey
        var value: Int32
        var isUsed: Bool
    }

    /// Keys at most.
    let limit: Int
    private(set) var count = 0
    private let slots: UnsafeMutablePointer<Slot>
    private let mask: Int
    private let secret: (UInt64, UInt64, UInt64)

    /// - Parameters:
    ///   - limit: keys that fit, 1…2²⁴.
    ///   - seed: of the hash; random outside tests.
    init(limit: Int, seed: UInt64) {
        self.limit = max(1, min(limit, 1 << 24))
        var size = 4
        while size < self.limit * 2 { size *= 2 }
        mask = size - 1
        slots = .allocate(capacity: size)
        slots.initialize(
            repeating: Slot(key: RouteKey(port: 0, ssrc: 0), value: 0, isUsed: false), count: size)
        secret = (
            seed ^ 0xA076_1D64_78BD_642F, seed &* 0xE703_7ED1_A0B4_28DB | 1,
            (seed << 32 | seed >> 32) ^ 0x8EBC_6AF0_9C88_C6E3
        )
    }

    deinit { slots.deallocate() }

    /// nil: the key is not there.
    func find(_ key: RouteKey) -> Int32? {
        var index = home(key)
        // SAFETY (here and below): `mask` keeps every index inside the allocated slots. The loop
        // ends because at least half of them are empty.
        while slots[index].isUsed {
            if slots[index].key == key { return slots[index].value }
            index = (index + 1) & mask
        }
        return nil
    }

    /// Adds the key or changes its value; false when the table is full.
    mutating func set(_ key: RouteKey, _ value: Int32) -> Bool {
        var index = home(key)
        while slots[index].isUsed {
            if slots[index].key == key {
                slots[index].value = value
                return true
            }
            index = (index + 1) & mask
        }
        guard count < limit else { return false }
        slots[index] = Slot(key: key, value: value, isUsed: true)
        count += 1
        return true
    }

    mutating func remove(_ key: RouteKey) {
        var index = home(key)
        while slots[index].isUsed, slots[index].key != key { index = (index + 1) & mask }
        guard slots[index].isUsed else { return }
        count -= 1
        // Whoever stands behind in the run and may stand here moves up (Knuth 6.4, algorithm R).
        var next = (index + 1) & mask
        while slots[next].isUsed {
            let distance = (next &- home(slots[next].key)) & mask
            if distance >= (next &- index) & mask {
                slots[index] = slots[next]
                index = next
            }
            next = (next + 1) & mask
        }
        slots[index].isUsed = false
    }

    private func home(_ key: RouteKey) -> Int {
        let first = Self.fold(key.high ^ secret.0, key.low ^ secret.1)
        return Int(truncatingIfNeeded: Self.fold(first ^ secret.2, key.tail ^ secret.1)) & mask
    }

    /// Both halves of the product of two words.
    @inline(__always)
    private static func fold(_ a: UInt64, _ b: UInt64) -> UInt64 {
        let product = a.multipliedFullWidth(by: b)
        return product.high ^ product.low
    }
}
