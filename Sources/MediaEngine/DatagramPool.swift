internal import CLinux

/// Room for `count` datagrams in one block of memory.
struct DatagramPool: ~Copyable {
    /// Bytes of a datagram.
    static let capacity = 2048

    let datagrams: UnsafeMutablePointer<tl_datagram>
    private let bytes: UnsafeMutableRawPointer

    init(_ count: Int) {
        bytes = .allocate(byteCount: count * Self.capacity, alignment: 64)
        datagrams = .allocate(capacity: count)
        for index in 0..<count {
            (datagrams + index).initialize(
                to: tl_datagram(
                    base: bytes + index * Self.capacity, capacity: UInt32(Self.capacity), count: 0,
                    address: tl_address()))
        }
    }

    deinit {
        datagrams.deallocate()
        bytes.deallocate()
    }
}
