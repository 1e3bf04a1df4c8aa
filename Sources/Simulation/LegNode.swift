internal import Audio
public import Base
public import CallModel
public import Media

/// One `MediaLeg` on its two sockets, ticked every 20 ms, with everything it said kept.
public final class LegNode: VirtualNode {
    /// RTP; RTCP is the port above.
    public let address: SocketAddressValue
    /// Everything the leg reported, in order.
    public private(set) var outputs: [Logged<LegOutput>] = []
    /// What the analysis tap gave: all of it, in order, when `listens`.
    public private(set) var samplesHeard: [Int16] = []
    /// What `close` gave; nil until the leg is closed.
    public private(set) var summary: MediaSummary?
    /// Told of each output when it comes, after it was kept.
    public var onOutput: ((LegOutput, VirtualWorld) -> Void)?
    private var leg: MediaLeg
    private var workspace = LegWorkspace()
    private var bridge: AudioBridge?
    private var nextTick: Instant?

    /// - Parameters:
    ///   - phase: of the 20 ms tick.
    ///   - listens: keep what an attached bridge receives in `samplesHeard`.
    public init(
        address: SocketAddressValue, options: LegOptions = LegOptions(),
        mediaTimeout: Interval? = nil, phase: Interval = .zero, listens: Bool = false,
        seed: UInt64, world: VirtualWorld
    ) {
        self.address = address
        var random = SeededGenerator(seed: seed)
        leg = MediaLeg(
            options,
            identity: LegIdentity(
                ssrc: UInt32(truncatingIfNeeded: random.next()),
                sequence: UInt16(truncatingIfNeeded: random.next()),
                timestamp: UInt32(truncatingIfNeeded: random.next()), seed: random.next(),
                cname: random.token(16)),
            mediaTimeout: mediaTimeout, now: world.now)
        nextTick = world.now + phase
        if listens {
            let bridge = AudioBridge()
            if leg.attach(bridge) { self.bridge = bridge }
        }
    }

    private var rtcpAddress: SocketAddressValue { address.withPort(address.port &+ 1) }
    /// RTP, then RTCP.
    public var addresses: [SocketAddressValue] { [address, rtcpAddress] }
    /// The next 20 ms tick; nil once closed.
    public var nextDeadline: Instant? { nextTick }
    /// True from `close` on: it hears and sends nothing any more.
    public var isClosed: Bool { nextTick == nil }
    /// Of this leg alone.
    public var counters: MediaCounters { workspace.counters }
    /// So far; `summary` has the last word.
    public var currentSummary: MediaSummary { summary ?? leg.summary }

    // MARK: commands

    /// - Throws: what `MediaLeg.configure` throws.
    public func configure(_ media: RemoteMedia, world: VirtualWorld) throws(MediaError) {
        try leg.configure(media, now: world.now)
    }

    /// Detection counts its time from here.
    public func answered(world: VirtualWorld) { leg.answered(now: world.now) }

    /// `samples` are 8 kHz, −32,768…32,767; the leg converts them. Its end comes as an output with
    /// `id`.
    public func play(id: Int, _ samples: [Int16], world: VirtualWorld) {
        act(world) { leg, _, out, _ in
            leg.play(id: id, clip: PlaybackClip(samples: samples), out: &out)
        }
    }

    /// Sends a digit (0-9 * # A-D) as telephone-event, or as tones where that was not agreed.
    public func press(_ digit: Character, milliseconds: Int = 100) {
        leg.sendDigit(digit, milliseconds: milliseconds, workspace: &workspace)
    }

    /// Ends the leg, once.
    public func close(world: VirtualWorld) {
        guard nextTick != nil else { return }
        nextTick = nil
        act(world) { [self] leg, workspace, out, send in
            summary = leg.close(now: world.now, workspace: &workspace, out: &out, send: send)
        }
    }

    // MARK: the node

    /// On the lower port as RTP, on the other as RTCP; ignored once closed.
    public func receive(_ datagram: VirtualDatagram, world: VirtualWorld) {
        guard nextTick != nil else { return }
        let channel: LegChannel = datagram.to == address ? .rtp : .rtcp
        var bytes = datagram.bytes
        act(world) { leg, workspace, out, send in
            bytes.withUnsafeMutableBytes { packet in
                leg.receive(
                    packet: packet, from: datagram.from, on: channel, now: world.now,
                    workspace: &workspace, out: &out, send: send)
            }
        }
    }

    /// Ticks the leg once, with the time at which the tick was due.
    public func handleTimers(world: VirtualWorld) {
        guard let tick = nextTick, tick <= world.now else { return }
        nextTick = tick + MediaLeg.tick
        act(world) { leg, workspace, out, send in
            leg.tick(now: tick, workspace: &workspace, out: &out, send: send)
        }
    }

    private func act(
        _ world: VirtualWorld,
        _ body: (inout MediaLeg, inout LegWorkspace, inout Outbox<LegOutput>, PacketSend) -> Void
    ) {
        var out = Outbox<LegOutput>()
        var packets: [VirtualDatagram] = []
        let (rtp, rtcp) = (address, rtcpAddress)
        body(&leg, &workspace, &out) { bytes, to, channel in
            packets.append(
                VirtualDatagram(
                    from: channel == .rtp ? rtp : rtcp, to: to, bytes: Array(bytes)))
            return true
        }
        drainBridge()
        for packet in packets { world.send(packet) }
        for output in out.takeAll() {
            outputs.append(Logged(at: world.now, output))
            onOutput?(output, world)
        }
    }

    private func drainBridge() {
        guard let ring = bridge?.received, ring.count > 0 else { return }
        var samples = [Int16](repeating: 0, count: ring.count)
        let count = samples.withUnsafeMutableBufferPointer { ring.read(into: $0) }
        samplesHeard += samples[..<count]
    }
}
