internal import Base
internal import RTP

/// The first packet of an SSRC that nobody believes yet (plain RTP). Its successor says whether it is
/// heard: 60 ms of a digit must not be a hole that makes two of it.
struct HeldPacket: ~Copyable {
    /// Held for longer, it belongs to nothing that is heard now.
    static let limit = Interval.seconds(1)

    // SAFETY: allocated in `init` and `grow`, freed in `deinit`; this value alone uses it.
    private var room: UnsafeMutableRawBufferPointer
    private var payloadCount = 0
    /// nil: nothing is held.
    private(set) var header: RTPHeader?
    /// Of the datagram.
    private(set) var byteCount = 0
    private(set) var arrival = Instant.zero

    init(capacity: Int) {
        room = .allocate(byteCount: capacity, alignment: 16)
        room.initializeMemory(as: UInt8.self, repeating: 0)
    }

    deinit { room.deallocate() }

    /// False, and nothing is held, when the payload is too long.
    mutating func keep(
        _ payload: UnsafeRawBufferPointer, _ header: RTPHeader, byteCount: Int, now: Instant
    ) -> Bool {
        self.header = nil
        guard payload.count <= room.count else { return false }
        room.copyMemory(from: payload)
        payloadCount = payload.count
        self.header = header
        self.byteCount = byteCount
        arrival = now
        return true
    }

    /// Its payload, valid until the next `keep` or `grow`; nothing is held afterwards.
    mutating func take() -> UnsafeRawBufferPointer {
        header = nil
        return UnsafeRawBufferPointer(rebasing: room[0..<payloadCount])
    }

    /// Room for longer payloads. Allocates.
    mutating func grow(to capacity: Int) {
        guard capacity > room.count else { return }
        let larger = UnsafeMutableRawBufferPointer.allocate(byteCount: capacity, alignment: 16)
        larger.initializeMemory(as: UInt8.self, repeating: 0)
        larger.copyMemory(from: UnsafeRawBufferPointer(room))
        room.deallocate()
        room = larger
    }
}
