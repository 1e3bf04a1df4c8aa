public import Base

/// Turns telephone-event packets (RFC 4733) into digits, each press once, at its first packet.
///
/// A press is known by its timestamp, never by the marker, which gateways forget or repeat. Packets
/// that carry a timestamp already reported are updates, end packets and their copies. Habits seen
/// in the field and tolerated: a first duration of 0; end packets that share one sequence number;
/// no end packet; an update that moves the timestamp along (part of the press while it overlaps
/// it); a captured press played again with its old timestamp (a new press: the duration starts over
/// after a pause, or behind the end packets); the segments of a very long press (2.5.1.3); and all
/// of that out of order: an older timestamp of the running press is no digit of its own. Packets of
/// several SSRCs may come: one whose source changed its SSRC during a press goes on with it.
public struct TelephoneEventReceiver: Sendable {
    /// A known timestamp is a new press only after this much quiet and a duration that starts over.
    public static let replayPause = Interval.milliseconds(400)
    /// What goes on under another SSRC within this time (two updates of 50 ms, RFC 4733 2.5.1.2, and
    /// jitter) was never let go, whatever its duration.
    static let handover = Interval.milliseconds(120)

    private struct Press {
        var event: UInt8
        var hasEnded: Bool
        var duration: UInt16
        /// Of the first packet seen.
        var firstSequence: UInt16
        /// Of the newest end packet, once `hasEnded`.
        var endSequence: UInt16
        /// Where it began, and what the newest packet said: segments and some senders move on.
        var start: UInt32
        var timestamp: UInt32
        var clockRate: Int32
        var source: UInt32
        var lastPacket: Instant

        /// Two presses are at least this far apart; an overlap within it is one press, timestamp
        /// units.
        var contiguity: Int64 { Int64(clockRate) / 50 }

        /// The timestamps that its packets have had.
        func covers(_ other: UInt32) -> Bool { other &- start <= timestamp &- start }
    }

    /// What a packet is to the press that is running.
    private enum Relation { case another, update, late, handover }

    private let clockRate: Int32
    private var current: Press?
    /// Remembered, so that a packet overtaken by a later press is not reported again.
    private var earlier: (Press?, Press?, Press?) = (nil, nil, nil)

    /// Presses reported.
    public private(set) var digits = 0
    /// Packets shorter than an event block.
    public private(set) var malformed = 0
    /// Packets with an event that is no digit (flash, modem tones).
    public private(set) var otherEvents = 0

    /// - Parameter clockRate: of the telephone-event payload type, Hz, where `receive` is not told.
    public init(clockRate: Int = 8000) {
        self.clockRate = Int32(clamping: max(1, clockRate))
    }

    /// Takes one packet's payload; returns the digit when it is the first of a press.
    ///
    /// - Parameters:
    ///   - payload: the four bytes of RFC 4733 2.3; further events in the packet are not read.
    ///   - marker: accepted for the caller's convenience and not relied upon.
    ///   - sequence: tells what was sent before an end packet from what was sent after it.
    ///   - source: the SSRC: sequence numbers and timestamps are its own (RFC 3550 5.1).
    ///   - clockRate: of this packet's payload type, Hz: a source may have several (RFC 4733 2.1).
    ///   - now: arrival.
    public mutating func receive(
        payload: UnsafeRawBufferPointer, marker: Bool, timestamp: UInt32, sequence: UInt16,
        source: UInt32 = 0, clockRate: Int? = nil, now: Instant
    ) -> Character? {
        guard payload.count >= TelephoneEvent.byteCount else {
            malformed += 1
            return nil
        }
        guard let digit = TelephoneEvent.digit(payload[0]) else {
            otherEvents += 1
            return nil
        }
        let packet = Press(
            event: payload[0], hasEnded: payload[1] & 0x80 != 0, duration: payload.uint16(at: 2),
            firstSequence: sequence, endSequence: sequence, start: timestamp, timestamp: timestamp,
            clockRate: clockRate.map { Int32(clamping: max(1, $0)) } ?? self.clockRate,
            source: source, lastPacket: now)
        if isRemembered(packet) { return nil }
        if let press = current {
            switch relation(of: packet, to: press) {
            case .another: break
            case .update:
                update(press, with: packet)
                return nil
            case .handover:
                begin(packet)
                return nil
            case .late: return nil
            }
        }
        begin(packet)
        digits += 1
        return digit
    }

    /// A packet of a press before the current one, late.
    private func isRemembered(_ packet: Press) -> Bool {
        if let current, current.source == packet.source, current.timestamp == packet.timestamp {
            return false
        }
        return isSame(earlier.0, packet) || isSame(earlier.1, packet) || isSame(earlier.2, packet)
    }

    private func isSame(_ press: Press?, _ packet: Press) -> Bool {
        guard let press, press.event == packet.event, press.source == packet.source,
            press.covers(packet.timestamp)
        else { return false }
        return packet.lastPacket - press.lastPacket < Self.replayPause
            || packet.duration > press.duration
    }

    private func relation(of packet: Press, to press: Press) -> Relation {
        guard packet.event == press.event else { return .another }
        let quiet = packet.lastPacket - press.lastPacket
        guard packet.source == press.source else {
            return continues(packet, press, quiet) ? .handover : .another
        }
        // Sent behind the end, and no copy of it.
        let isBehindEnd =
            press.hasEnded && !packet.hasEnded
            && Self.isAhead(packet.firstSequence, of: press.endSequence)
        let step = Int64(Int32(bitPattern: packet.timestamp &- press.timestamp))
        if step == 0 {
            if packet.duration < press.duration, quiet >= Self.replayPause || isBehindEnd {
                return .another
            }
            // A copy of the end of the press before, which had the same timestamp.
            let isFormer = Self.isAhead(press.firstSequence, of: packet.firstSequence)
            return packet.hasEnded && isFormer ? .late : .update
        }
        // What counts by another clock cannot be compared.
        guard quiet < Self.replayPause, packet.clockRate == press.clockRate else { return .another }
        if step < 0 { return !isBehindEnd && reaches(packet, press) ? .late : .another }
        // Ended, and this is no copy of the end: another press.
        guard !press.hasEnded || packet.hasEnded else { return .another }
        // 2.5.1.3: the next segment starts where 0xFFFF units of the last one end.
        if !press.hasEnded, abs(step - 0xFFFF) <= press.contiguity { return .update }
        // A sender that moves the timestamp with each update: still inside what it has reported.
        let isInside =
            step <= Int64(press.duration) + press.contiguity && packet.duration >= press.duration
        return isInside ? .update : .another
    }

    /// A packet of another SSRC, whose numbers and timestamps say nothing, is of this press.
    private func continues(_ packet: Press, _ press: Press, _ quiet: Interval) -> Bool {
        guard quiet < Self.replayPause, packet.hasEnded || !press.hasEnded else { return false }
        let isLonger =
            Int64(packet.duration) * Int64(press.clockRate)
            >= Int64(press.duration) * Int64(packet.clockRate)
        return isLonger || !press.hasEnded && quiet < Self.handover
    }

    /// An older packet is of this press: overtaken by a later segment or by updates that moved the
    /// timestamp. A press of its own that only shows late ends well before this one.
    private func reaches(_ packet: Press, _ press: Press) -> Bool {
        let offset = Int64(Int32(bitPattern: packet.timestamp &- press.start))
        return offset >= 0 || offset + Int64(packet.duration) + press.contiguity >= 0
    }

    private static func isAhead(_ sequence: UInt16, of other: UInt16) -> Bool {
        Int16(bitPattern: sequence &- other) > 0
    }

    private mutating func begin(_ packet: Press) {
        earlier = (current, earlier.0, earlier.1)
        current = packet
    }

    private mutating func update(_ press: Press, with packet: Press) {
        var updated = packet
        if packet.timestamp == press.timestamp {
            updated.duration = max(press.duration, packet.duration)
        }
        updated.start = press.start
        updated.firstSequence = press.firstSequence
        updated.hasEnded = press.hasEnded || packet.hasEnded
        let isNewestEnd =
            packet.hasEnded
            && (!press.hasEnded || Self.isAhead(packet.endSequence, of: press.endSequence))
        if !isNewestEnd { updated.endSequence = press.endSequence }
        current = updated
    }
}
