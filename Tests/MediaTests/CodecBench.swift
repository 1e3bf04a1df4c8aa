import Audio
import Base
import RTP

@testable import Media

extension AudioCodec {
    /// The static payload type, or a dynamic one.
    var testPayloadType: UInt8 {
        switch self {
        case .opus: 96
        case .l16: 98
        case .l16Wide: 99
        default: staticPayloadType ?? 127
        }
    }
}

func media(
    _ codec: AudioCodec, ptime: Int = 20, events: UInt8? = 101, eventClock: Int = 8000,
    comfortNoise: UInt8? = nil, alternatives: [AudioCodec] = []
) -> RemoteMedia {
    RemoteMedia(
        address: "127.0.0.2", port: 4000, codec: codec, payloadType: codec.testPayloadType,
        telephoneEventPayloadType: events, telephoneEventClockRate: eventClock,
        comfortNoisePayloadType: comfortNoise,
        alternatives: alternatives.map {
            ReceiveFormat(payloadType: $0.testPayloadType, codec: $0)
        }, ptimeMilliseconds: ptime)
}

/// A far end that speaks any codec: a steady tone, sequence and timestamp about to wrap.
final class CodecFarEnd {
    let codec: AudioCodec
    var encoder: AudioEncoder
    var tone: ToneGenerator
    var sequence: UInt16 = 65_530
    var timestamp: UInt32 = 0xFFFF_F800
    var ssrc: UInt32 = 0xAAAA_0001
    /// A CSRC, a header extension and padding in each packet.
    var hasExtras = false
    /// The tone goes on, but is not heard.
    var isMuted = false

    init(_ codec: AudioCodec, frequency: Double = 440) throws {
        self.codec = codec
        encoder = try AudioEncoder(codec)
        tone = ToneGenerator(
            frequencies: [frequency], levelDBm0: -10, sampleRate: codec.sampleRate)
    }

    func packet(_ milliseconds: Int = 20, marker: Bool = false) -> [UInt8] {
        var frame = tone.next(codec.sampleRate * milliseconds / 1000)
        if isMuted { frame = frame.map { _ in 0 } }
        var payload = [UInt8](repeating: 0, count: 2000)
        let count = frame.withUnsafeBufferPointer { frame in
            payload.withUnsafeMutableBytes { encoder.encode(frame, into: $0) }
        }
        var bytes = rtp(
            RTPHeader(
                marker: marker, payloadType: codec.testPayloadType, sequence: sequence,
                timestamp: timestamp, ssrc: ssrc), Array(payload[..<count]))
        if hasExtras {
            bytes[0] |= 0x31
            let csrc: [UInt8] = [1, 2, 3, 4]
            let headerExtension: [UInt8] = [0xBE, 0xDE, 0, 1, 0x10, 0xFF, 0, 0]
            bytes.insert(contentsOf: csrc + headerExtension, at: 12)
            bytes += [0, 0, 3]
        }
        sequence &+= 1
        skip(milliseconds)
        return bytes
    }

    /// Time in which nothing is sent.
    func skip(_ milliseconds: Int) {
        timestamp &+= UInt32(milliseconds * codec.clockRate / 1000)
    }
}

/// Largest normalised correlation of `heard` with a part of `said` over lags of up to `lags`
/// samples either way: 1 is the same sound.
func likeness(_ said: [Int16], _ heard: [Int16], from start: Int, count: Int, lags: Int) -> Double {
    guard start >= lags, start + count + lags <= heard.count, start + count <= said.count else {
        return 0
    }
    let reference = said[start..<start + count].map { Double($0) }
    let energy = reference.reduce(0) { $0 + $1 * $1 }
    var best = 0.0
    for lag in -lags...lags {
        var product = 0.0
        var other = 0.0
        for index in 0..<count {
            let value = Double(heard[start + lag + index])
            product += reference[index] * value
            other += value * value
        }
        best = max(best, product / max((energy * other).squareRoot(), 1))
    }
    return best
}

/// Something like a voice: harmonics of a moving pitch, four syllables a second.
func voice(seconds: Double, rate: Int) -> [Int16] {
    var tones = ToneGenerator(
        frequencies: [140, 280, 420, 700, 1260, 2100], levelDBm0: -24, sampleRate: rate)
    let period = rate / 4
    return (0..<Int(seconds * Double(rate))).map { index in
        let place = Double(index % period) / Double(period)
        let level = place < 0.75 ? 1 - abs(place / 0.75 * 2 - 1) * 0.8 : 0.05
        return clippedSample(tones.nextValue() * level)
    }
}
