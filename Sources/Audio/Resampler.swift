internal import CSpeexDSP

/// One channel at another sample rate; keeps its filter state from call to call. Exactly twice or
/// half the rate goes through `HalfBand`, every other ratio through libspeexdsp.
///
/// The filter delays: the first `latencySamples` of the output belong to the time before the first
/// input. `convert` takes that out.
public struct Resampler: ~Copyable {
    // SAFETY: made in init, destroyed once in deinit, never leaves this struct.
    private let state: OpaquePointer?
    private var halfBand: HalfBand?
    /// Hz, of what goes in.
    public let inputRate: Int
    /// Hz, of what comes out.
    public let outputRate: Int
    /// Delay of the filter in output samples.
    public let latencySamples: Int

    /// - Parameters:
    ///   - quality: of speexdsp, 0 (fast) … 10 (best); 3 is its choice for voice. The half-band
    ///     filter has one quality.
    public init(from inputRate: Int, to outputRate: Int, quality: Int = 3) throws(AudioError) {
        for rate in [inputRate, outputRate] where !WAVFile.sampleRates.contains(rate) {
            throw .badSampleRate(rate)
        }
        if outputRate == 2 * inputRate {
            self.init(HalfBand(.doubling), from: inputRate, to: outputRate)
        } else if inputRate == 2 * outputRate {
            self.init(HalfBand(.halving), from: inputRate, to: outputRate)
        } else {
            try self.init(
                speexFrom: inputRate, to: outputRate, quality: min(max(quality, 0), 10))
        }
    }

    private init(_ filter: consuming HalfBand, from inputRate: Int, to outputRate: Int) {
        latencySamples = filter.latencySamples
        halfBand = consume filter
        state = nil
        self.inputRate = inputRate
        self.outputRate = outputRate
    }

    /// speexdsp whatever the ratio: what the half-band filter is measured against.
    init(speexFrom inputRate: Int, to outputRate: Int, quality: Int) throws(AudioError) {
        var error: Int32 = 0
        guard
            let state = speex_resampler_init(
                1, UInt32(inputRate), UInt32(outputRate), Int32(quality), &error), error == 0
        else { throw .library(name: "speexdsp", code: Int(error)) }
        self.state = state
        halfBand = nil
        latencySamples = Int(speex_resampler_get_output_latency(state))
        self.inputRate = inputRate
        self.outputRate = outputRate
    }

    deinit {
        if let state { speex_resampler_destroy(state) }
    }

    /// The largest number of samples that `inputCount` samples can turn into.
    public func maximumOutput(for inputCount: Int) -> Int {
        inputCount * outputRate / inputRate + 2
    }

    /// Converts as much of `input` as `output` has room for. Allocates nothing.
    public mutating func process(
        _ input: UnsafeBufferPointer<Int16>, into output: UnsafeMutableBufferPointer<Int16>
    ) -> (consumed: Int, written: Int) {
        guard let state else { return halfBand?.process(input, into: output) ?? (0, 0) }
        var consumed = UInt32(clamping: input.count)
        var written = UInt32(clamping: output.count)
        guard consumed > 0, written > 0 else { return (0, 0) }
        speex_resampler_process_int(
            state, 0, input.baseAddress, &consumed, output.baseAddress, &written)
        return (Int(consumed), Int(written))
    }

    /// Converts all of `input` and appends the result to `output`.
    public mutating func process(
        _ input: UnsafeBufferPointer<Int16>, into output: inout [Int16]
    ) {
        var rest = input
        var room = [Int16](repeating: 0, count: maximumOutput(for: min(input.count, 4096)))
        while !rest.isEmpty {
            let chunk = UnsafeBufferPointer(rebasing: rest.prefix(4096))
            let (consumed, written) = room.withUnsafeMutableBufferPointer {
                process(chunk, into: $0)
            }
            guard consumed > 0 || written > 0 else { return }
            output.append(contentsOf: room[0..<written])
            rest = UnsafeBufferPointer(rebasing: rest.dropFirst(consumed))
        }
    }

    /// All of `samples` at another rate, without delay: the result is as long as the input in time.
    public static func convert(
        _ samples: [Int16], from inputRate: Int, to outputRate: Int, quality: Int = 5
    ) throws(AudioError) -> [Int16] {
        guard inputRate != outputRate else { return samples }
        var resampler = try Resampler(from: inputRate, to: outputRate, quality: quality)
        let wanted = samples.count * outputRate / inputRate
        let latency = resampler.latencySamples
        // Enough silence to push the end of the sound through the filter.
        let tail = (latency + 2) * inputRate / outputRate + 2
        var output: [Int16] = []
        output.reserveCapacity(wanted + latency + 4)
        samples.withUnsafeBufferPointer { resampler.process($0, into: &output) }
        [Int16](repeating: 0, count: tail).withUnsafeBufferPointer {
            resampler.process($0, into: &output)
        }
        return Array(output.dropFirst(latency).prefix(wanted))
    }
}
