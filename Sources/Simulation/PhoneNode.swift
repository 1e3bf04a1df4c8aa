public import Audio
public import Base
public import Media
public import RTP

//   soundtrack ─► 20 ms frames ─► codec ─► RTP ─► network
//   network ─► RTP ─► heard (as it came) ─► recording (by timestamp)

/// The media of a telephone at the far end, written on its own so that our leg is not checked
/// against itself: it sends a soundtrack and keeps what it is sent.
public final class PhoneNode: VirtualNode {
    /// Packets kept; more than five minutes of 20 ms.
    public static let heardLimit = 16_384

    /// An RTP packet that came, parsed but not decoded.
    public struct Packet: Equatable, Sendable {
        /// The fixed header (RFC 3550 5.1).
        public var header: RTPHeader
        /// Without header, extension and padding.
        public var payload: [UInt8]
    }

    /// Its RTP socket; RTCP is the port above.
    public let address: SocketAddressValue
    /// RTP packets in the order of arrival, the first `heardLimit`.
    public private(set) var heard: [Logged<Packet>] = []
    /// RTCP, whatever else is no RTP packet, and RTP beyond `heardLimit`.
    public private(set) var otherPackets = 0
    /// RTP packets sent, silence included.
    public private(set) var packetsSent = 0
    /// False: frames of digital silence are not sent, while the timestamps go on (DTX).
    public var sendsSilence = true
    private let codec: AudioCodec
    private let payloadType: UInt8
    /// nil, and no audio is sent: libopus had no memory.
    private var encoder: AudioEncoder?
    private let ssrc: UInt32
    private var sequence: UInt16
    private var timestamp: UInt32
    private var peer: SocketAddressValue?
    private var nextFrame: Instant?
    private var track: [Int16] = []
    private var position = 0
    private var press: TelephoneEventSender?
    private var pressesLeft: [Character] = []
    private var needsMarker = true

    /// - Parameter payloadType: nil: the codec's static one, 96 where it has none.
    public init(
        address: SocketAddressValue, codec: AudioCodec = .pcmu, payloadType: UInt8? = nil,
        seed: UInt64
    ) {
        self.address = address
        self.codec = codec
        self.payloadType = payloadType ?? codec.staticPayloadType ?? 96
        encoder = try? AudioEncoder(codec)
        var random = SeededGenerator(seed: seed)
        ssrc = UInt32(truncatingIfNeeded: random.next())
        sequence = UInt16(truncatingIfNeeded: random.next())
        timestamp = UInt32(truncatingIfNeeded: random.next())
    }

    private var rtcpAddress: SocketAddressValue { address.withPort(address.port &+ 1) }
    /// RTP, then RTCP.
    public var addresses: [SocketAddressValue] { [address, rtcpAddress] }
    /// The next 20 ms frame; nil while it does not send.
    public var nextDeadline: Instant? { nextFrame }

    /// Sends a frame every 20 ms from now on; silence when there is nothing to say.
    public func start(to peer: SocketAddressValue, world: VirtualWorld) {
        self.peer = peer
        nextFrame = world.now
    }

    /// Sends nothing more; what comes is still kept.
    public func stop() { nextFrame = nil }

    /// Samples of 20 ms.
    private var frameSamples: Int { codec.sampleRate / 50 }

    /// Says `track` (at the codec's sample rate) from the next frame on, instead of what it was saying.
    public func say(_ track: Soundtrack) {
        self.track = track.samples
        position = 0
    }

    /// Presses digits one after the other: 100 ms each, telephone-event 101.
    public func dial(_ digits: String) { pressesLeft += Array(digits) }

    // MARK: the node

    /// Keeps RTP, counts the rest.
    public func receive(_ datagram: VirtualDatagram, world: VirtualWorld) {
        let packet = datagram.bytes.withUnsafeBytes { bytes -> Packet? in
            guard datagram.to == address, let packet = try? RTPPacket(parsing: bytes) else {
                return nil
            }
            return Packet(header: packet.header, payload: Array(packet.payload(of: bytes)))
        }
        guard let packet, heard.count < Self.heardLimit else {
            otherPackets += 1
            return
        }
        heard.append(Logged(at: world.now, packet))
    }

    /// Sends the frame that is due, of a digit while one is pressed, else of the soundtrack.
    public func handleTimers(world: VirtualWorld) {
        guard let due = nextFrame, due <= world.now, let peer else {
            nextFrame = nil
            return
        }
        nextFrame = due + .milliseconds(20)
        if let event = nextEvent() {
            send(
                type: 101, event.payload, marker: event.marker, stamp: event.timestamp, peer,
                world)
        } else {
            let frame = nextFrameOfTrack()
            let isSilent = frame.allSatisfy { $0 == 0 }
            let payload = encoded(frame)
            if sendsSilence || !isSilent, !payload.isEmpty {
                send(
                    type: payloadType, payload, marker: needsMarker, stamp: timestamp, peer, world)
            }
            needsMarker = isSilent && !sendsSilence
        }
        timestamp &+= UInt32(codec.clockRate / 50)
    }

    private func nextFrameOfTrack() -> [Int16] {
        let frame = Array(track[position..<min(position + frameSamples, track.count)])
        position += frame.count
        return frame + [Int16](repeating: 0, count: frameSamples - frame.count)
    }

    private func encoded(_ frame: [Int16]) -> [UInt8] {
        var payload = [UInt8](repeating: 0, count: 1500)
        let count = frame.withUnsafeBufferPointer { samples in
            payload.withUnsafeMutableBytes { encoder?.encode(samples, into: $0) ?? 0 }
        }
        return Array(payload[..<count])
    }

    private func nextEvent() -> (payload: [UInt8], marker: Bool, timestamp: UInt32)? {
        if press == nil, let digit = pressesLeft.first {
            pressesLeft.removeFirst()
            press = TelephoneEventSender(
                digit: digit, durationSamples: 800, startTimestamp: timestamp)
        }
        var payload = [UInt8](repeating: 0, count: TelephoneEvent.byteCount)
        guard let step = payload.withUnsafeMutableBytes({ press?.next(into: $0) }) else {
            return nil
        }
        if step.isLast { press = nil }
        return (payload, step.marker, step.timestamp)
    }

    private func send(
        type: UInt8, _ payload: [UInt8], marker: Bool, stamp: UInt32, _ peer: SocketAddressValue,
        _ world: VirtualWorld
    ) {
        let header = RTPHeader(
            marker: marker, payloadType: type, sequence: sequence, timestamp: stamp, ssrc: ssrc)
        var bytes = [UInt8](repeating: 0, count: RTPHeader.byteCount)
        _ = bytes.withUnsafeMutableBytes { header.write(into: $0) }
        sequence &+= 1
        packetsSent += 1
        world.send(VirtualDatagram(from: address, to: peer, bytes: bytes + payload))
    }

    // MARK: what it heard

    /// The audio it was sent, at the codec's sample rate, each packet at its timestamp, silence
    /// where none came; sample 0 is the first packet's. Packets more than a minute from the first
    /// are left out.
    public func recording() -> [Int16] {
        guard let first = heard.first?.event.header.timestamp,
            var decoder = try? AudioDecoder(codec)
        else { return [] }
        var samples: [Int16] = []
        for packet in heard.lazy.map(\.event) where packet.header.payloadType == payloadType {
            let units = Int(Int32(bitPattern: packet.header.timestamp &- first))
            guard (0...60 * codec.clockRate).contains(units) else { continue }
            let offset = units * codec.sampleRate / codec.clockRate
            let decoded = Self.decoded(packet.payload, &decoder)
            let end = offset + decoded.count
            if samples.count < end {
                samples += [Int16](repeating: 0, count: end - samples.count)
            }
            samples.replaceSubrange(offset..<end, with: decoded)
        }
        return samples
    }

    /// When the first packet with sound in it came; nil: never.
    public var firstSound: Instant? {
        guard var decoder = try? AudioDecoder(codec) else { return nil }
        for entry in heard where entry.event.header.payloadType == payloadType {
            // A-law has no zero: its silence is 8.
            if Self.decoded(entry.event.payload, &decoder).contains(where: { $0.magnitude > 8 }) {
                return entry.at
            }
        }
        return nil
    }

    private static func decoded(_ payload: [UInt8], _ decoder: inout AudioDecoder) -> [Int16] {
        var samples = [Int16](repeating: 0, count: 4096)
        let count = payload.withUnsafeBytes { payload in
            samples.withUnsafeMutableBufferPointer { decoder.decode(payload, into: $0) }
        }
        return Array(samples[..<count])
    }
}
