internal import Audio
internal import Base

/// A leg's end of an `AudioBridge`, with the resamplers of a bridge that does not run at 8 kHz.
struct LegBridge: ~Copyable {
    let bridge: AudioBridge
    private var up: Resampler?
    private var down: Resampler?

    init(_ bridge: AudioBridge) throws(MediaError) {
        self.bridge = bridge
        guard bridge.sampleRate != MediaLeg.clockRate else { return }
        guard MediaLeg.bridgeRates.contains(bridge.sampleRate) else {
            throw .unsupportedBridgeRate(bridge.sampleRate)
        }
        do throws(AudioError) {
            up = try Resampler(from: MediaLeg.clockRate, to: bridge.sampleRate)
            down = try Resampler(from: bridge.sampleRate, to: MediaLeg.clockRate)
        } catch {
            throw .unsupportedBridgeRate(bridge.sampleRate)
        }
    }

    /// Offers received samples to the stream.
    mutating func offer(
        _ samples: UnsafeBufferPointer<Int16>, workspace: inout LegWorkspace
    ) {
        workspace.touchedBridge = true
        guard up != nil else {
            bridge.offerReceived(samples)
            return
        }
        // 512 samples become at most 1536 + 2 at 24 kHz, which `resampled` holds.
        var rest = samples[...]
        while !rest.isEmpty {
            let chunk = UnsafeBufferPointer(rebasing: rest.prefix(512))
            let result = up?.process(chunk, into: workspace.resampled) ?? (consumed: 0, written: 0)
            guard result.consumed > 0 else { return }
            bridge.offerReceived(
                UnsafeBufferPointer(rebasing: workspace.resampled[0..<result.written]))
            rest = rest.dropFirst(result.consumed)
        }
    }

    /// Takes up to one frame of playout, at 8 kHz; the rest of `frame` becomes silence. Returns
    /// false when there was nothing to play.
    mutating func take(
        into frame: UnsafeMutableBufferPointer<Int16>, workspace: inout LegWorkspace
    ) -> Bool {
        workspace.touchedBridge = true
        var filled = 0
        if down == nil {
            filled = bridge.takePlayout(into: frame)
            guard filled > 0 else { return false }
        } else {
            let wanted = frame.count * bridge.sampleRate / MediaLeg.clockRate
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
    func obeyClear(workspace: inout LegWorkspace) {
        let before = bridge.playout.readPosition
        _ = bridge.takePlayout(into: UnsafeMutableBufferPointer(start: nil, count: 0))
        guard bridge.playout.readPosition != before else { return }
        bridge.confirmSent()
        workspace.touchedBridge = true
    }
}
