public import Base

/// Turns telephone-event packets (RFC 4733) into digits, each press once, at its first packet.
///
/// A press is known by its timestamp, never by the marker, which gateways forget or repeat. Packets
/// that carry a timestamp already reported are updates, end packets and their copies. Habits seen
/// in the field and tolerated: a first duration of 0; end packets that share one sequence number;
/// no end packet; an update that moves the timestamp along (part of the press while it overlaps
/// it); a captured press played again with its old timestamp (a new press: the duration starts over
/// after a pause); the segments of a very long press (2.5.1.3).
public struct TelephoneEventReceiver: Sendable {
    /// A known timestamp is a new press only after this much quiet and a duration that starts over.
    public static let replayPause = Interval.milliseconds(400)
    /// Presses remembered, so that a packet overtaken by a later press is not reported again.
    public static let rememberedPresses = 4

    private struct Press {
        var event: UInt8
        var timestamp: UInt32
        var duration: UInt16
        var hasEnded: Bool
        var lastPacket: Instant
    }

    /// Two presses are at least this far apart; an overlap within it is one press, timestamp units.
    private let contiguity: Int64
    private var current: Press?
    private var earlier: (Press?, Press?, Press?) = (nil, nil, nil)

    /// Presses reported.
    public private(set) var digits = 0
    /// Packets shorter than an event block.
    public private(set) var malformed = 0
    /// Packets with an event that is no digit (flash, modem tones).
    public private(set) var otherEvents = 0

    /// - Parameter clockRate: of the telephone-event payload type, Hz.
    public init(clockRate: Int = 8000) {
        contiguity = Int64(max(1, clockRate)) / 50
    }

    /// Takes one packet's payload; returns the digit when it is the first of a press.
    ///
    /// - Parameters:
    ///   - payload: the four bytes of RFC 4733 2.3; further events in the packet are not read.
    ///   - marker: accepted for the caller's convenience and not relied upon.
    ///   - sequence: likewise.
    ///   - now: arrival.
    public mutating func receive(
        payload: UnsafeRawBufferPointer, marker: Bool, timestamp: UInt32, sequence: UInt16,
        now: Instant
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
            event: payload[0], timestamp: timestamp, duration: payload.uint16(at: 2),
            hasEnded: payload[1] & 0x80 != 0, lastPacket: now)
        if isRemembered(packet) { return nil }
        guard let press = current, !isNewPress(packet, after: press) else {
            begin(packet)
            digits += 1
            return digit
        }
        update(press, with: packet)
        return nil
    }

    /// A packet of a press before the current one, late.
    private func isRemembered(_ packet: Press) -> Bool {
        if let current, current.timestamp == packet.timestamp { return false }
        return isSame(earlier.0, packet) || isSame(earlier.1, packet) || isSame(earlier.2, packet)
    }

    private func isSame(_ press: Press?, _ packet: Press) -> Bool {
        guard let press, press.timestamp == packet.timestamp, press.event == packet.event else {
            return false
        }
        return packet.lastPacket - press.lastPacket < Self.replayPause
            || packet.duration > press.duration
    }

    private func isNewPress(_ packet: Press, after press: Press) -> Bool {
        guard packet.event == press.event else { return true }
        let quiet = packet.lastPacket - press.lastPacket
        if packet.timestamp == press.timestamp {
            return quiet >= Self.replayPause && packet.duration < press.duration
        }
        // Another timestamp. Ended, and this is no copy of the end: another press.
        guard !press.hasEnded || packet.hasEnded else { return true }
        let step = Int64(Int32(bitPattern: packet.timestamp &- press.timestamp))
        guard step > 0, quiet < Self.replayPause else { return true }
        // 2.5.1.3: the next segment starts where 0xFFFF units of the last one end.
        if !press.hasEnded, abs(step - 0xFFFF) <= contiguity { return false }
        // A sender that moves the timestamp with each update: still inside what it has reported.
        return step > Int64(press.duration) + contiguity || packet.duration < press.duration
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
        updated.hasEnded = press.hasEnded || packet.hasEnded
        current = updated
    }
}
