internal import Audio
internal import Base

// Everything is mutating: a value of this size is lent to other functions as a copy.

/// A leg's end of an `AudioBridge`. Between equal rates samples pass as they are; a resampler is
/// made when the first frame at another rate comes, so also after a change of codec.
struct LegBridge: ~Copyable {
    let bridge: AudioBridge
    private var up: Resampler?
    private var down: Resampler?
    /// Rates of the leg that `up` and `down` fit.
    private var heardRate: Int
    private var spokenRate: Int

    init(_ bridge: AudioBridge) throws(MediaError) {
        self.bridge = bridge
        heardRate = bridge.sampleRate
        spokenRate = bridge.sampleRate
        guard MediaLeg.bridgeRates.contains(bridge.sampleRate) else {
            throw .unsupportedBridgeRate(bridge.sampleRate)
        }
    }

    /// Offers received samples at `rate` Hz to the stream.
    mutating func offer(
        _ samples: UnsafeBufferPointer<Int16>, rate: Int, workspace: inout LegWorkspace
    ) {
        if rate != heardRate {
            up = Self.resampler(from: rate, to: bridge.sampleRate)
            heardRate = rate
        }
        guard up != nil else {
            hand(samples, &workspace)
            return
        }
        // 512 samples become at most 1536 + 2 (8 to 24 kHz), which `resampled` holds.
        var rest = samples[...]
        while !rest.isEmpty {
            let chunk = UnsafeBufferPointer(rebasing: rest.prefix(512))
            let result = up?.process(chunk, into: workspace.resampled) ?? (consumed: 0, written: 0)
            guard result.consumed > 0 else { return }
            let resampled = UnsafeBufferPointer(rebasing: workspace.resampled[0..<result.written])
            hand(resampled, &workspace)
            rest = rest.dropFirst(result.consumed)
        }
    }

    @inline(__always)
    private func hand(_ samples: UnsafeBufferPointer<Int16>, _ workspace: inout LegWorkspace) {
        if bridge.offer(samples) { workspace.touchedBridge = true }
        if bridge.isBehind { workspace.bridgeIsBehind = true }
    }

    /// Takes up to one frame of playout, at `rate` Hz; the rest of `frame` becomes silence. Returns
    /// false when there was nothing to play.
    mutating func take(
        into frame: UnsafeMutableBufferPointer<Int16>, rate: Int, workspace: inout LegWorkspace
    ) -> Bool {
        if rate != spokenRate {
            down = Self.resampler(from: bridge.sampleRate, to: rate)
            spokenRate = rate
        }
        var filled = 0
        if down == nil {
            filled = bridge.takePlayout(into: frame)
            guard filled > 0 else { return false }
        } else {
            let wanted = frame.count * bridge.sampleRate / rate
            let input = UnsafeMutableBufferPointer(
                rebasing: workspace.resampled[0..<min(wanted, workspace.resampled.count)])
            let taken = bridge.takePlayout(into: input)
            guard taken > 0 else { return false }
            filled =
                down?.process(UnsafeBufferPointer(rebasing: input[0..<taken]), into: frame).written
                ?? 0
        }
        for index in filled..<frame.count { frame[index] = 0 }
        return true
    }

    /// Obeys a `clear` while something else plays.
    mutating func obeyClear(workspace: inout LegWorkspace) {
        let before = bridge.playout.readPosition
        _ = bridge.takePlayout(into: UnsafeMutableBufferPointer(start: nil, count: 0))
        guard bridge.playout.readPosition != before else { return }
        confirmSent(workspace: &workspace)
    }

    /// What has been taken has left as RTP.
    mutating func confirmSent(workspace: inout LegWorkspace) {
        if bridge.confirmSent() { workspace.touchedBridge = true }
    }

    /// The next `count` samples at `rate` Hz that are offered are filled in over a gap.
    mutating func noteConcealed(_ count: Int, rate: Int) {
        bridge.noteConcealed(count * bridge.sampleRate / max(1, rate))
    }

    /// nil between equal rates. Rates are those of `bridgeRates`, which the resampler all takes.
    private static func resampler(from input: Int, to output: Int) -> Resampler? {
        guard input != output else { return nil }
        do throws(AudioError) {
            return try Resampler(from: input, to: output)
        } catch {
            return nil
        }
    }
}
