import Audio
import Base
import Foundation
import Testing

@testable import Streaming

/// The quick ways of the hot path against the slow ones.
@Suite struct HotPathTests {
    @Test func muLawTablesAreG711ForEverySampleAndCode() {
        let samples = (Int16.min...Int16.max).map { $0 }
        var bytes = [UInt8](repeating: 0, count: samples.count)
        let encoded = samples.withUnsafeBufferPointer { samples in
            bytes.withUnsafeMutableBytes { MuLawTable.encode(samples, into: $0) }
        }
        #expect(encoded == samples.count)
        #expect(bytes == samples.map { G711.muLaw($0) })
        let codes = (0...255).map { UInt8($0) }
        var decoded = [Int16](repeating: 0, count: 256)
        let count = codes.withUnsafeBytes { codes in
            decoded.withUnsafeMutableBufferPointer { MuLawTable.decode(codes, into: $0) }
        }
        #expect(count == 256)
        #expect(decoded == codes.map { G711.sample(muLaw: $0) })
    }

    @Test func base64OfEveryLengthIsReadAndWhatIsNoneIsRefused() {
        var random = SeededGenerator(seed: 5)
        var output: [UInt8] = []
        for count in 0..<300 {
            let bytes = (0..<count).map { _ in UInt8(truncatingIfNeeded: random.next()) }
            var text = Array(Data(bytes).base64EncodedString().utf8)
            let isRead = text.withUnsafeBufferPointer { decodeBase64($0, into: &output) }
            #expect(isRead && output == bytes, "length \(count)")
            guard count > 0 else { continue }
            text[Int.random(in: 0..<text.count, using: &random)] =
                [0x2D, 0x20, 0x80, 0xFF, 0x00].randomElement(using: &random) ?? 0
            #expect(!text.withUnsafeBufferPointer { decodeBase64($0, into: &output) })
        }
    }

    @Test func textIsUTF8AsTheRFCHasIt() {
        func check(_ bytes: [UInt8]) -> Bool { bytes.withUnsafeBytes { isUTF8($0) } }
        for good in [
            "", "a", "0123456789abcdef", "\u{80}", "\u{7FF}", "\u{800}", "\u{D7FF}",
            "\u{E000}", "\u{FFFF}", "\u{10000}", "\u{10FFFF}", "Grüße, 你好 👋, and on",
        ] { #expect(check(Array(good.utf8)), "\(good)") }
        // Alone, overlong, cut, a surrogate, beyond Unicode.
        for bad in [
            [0x80], [0xBF], [0xC0, 0x80], [0xC1, 0xBF], [0xC3], [0xC3, 0x28],
            [0xE0, 0x9F, 0xBF], [0xE2, 0x82], [0xE2, 0x28, 0xA1], [0xE2, 0x82, 0x28],
            [0xED, 0xA0, 0x80], [0xED, 0xBF, 0xBF],
            [0xF0, 0x8F, 0xBF, 0xBF], [0xF0, 0x90, 0x80], [0xF0, 0x90, 0x28, 0x80],
            [0xF4, 0x90, 0x80, 0x80], [0xF5, 0x80, 0x80, 0x80], [0xFE], [0xFF],
        ] as [[UInt8]] { #expect(!check(bad), "\(bad)") }
        // Another reader agrees, wherever a word ends.
        var random = SeededGenerator(seed: 11)
        let text = Array("plain ASCII of some length, é, €, 👋 and more ASCII behind it".utf8)
        for _ in 0..<20_000 {
            var bytes = Array(text[Int.random(in: 0..<20, using: &random)...])
            for _ in 0..<Int.random(in: 0...2, using: &random) {
                bytes[Int.random(in: 0..<bytes.count, using: &random)] =
                    UInt8(truncatingIfNeeded: random.next())
            }
            #expect(check(bytes) == (String(validating: bytes, as: UTF8.self) != nil))
        }
    }

    @Test func audioGoesToTheBridgeAtOnceAndTheRestInOrder() {
        let bridge = AudioBridge()
        #expect(bridge.playout.capacity == 2048)
        var queue = PlayoutQueue(bridge: bridge, maximumMilliseconds: 100, maximumMarks: 10)
        var worker = WorkerClock(bridge)
        let speech = (0..<3000).map { UInt8(truncatingIfNeeded: $0 &* 7 % 251) }
        // 2048 on the bridge, 800 in the queue, 152 too many.
        #expect(speech.withUnsafeBufferPointer { queue.enqueue($0, playingOn: bridge) } == 152)
        #expect(queue.queuedSamples == 800)
        #expect(queue.enqueueMark("end") == true)
        // What waits goes first, though the bridge has room again.
        worker.tick()
        #expect([0xFF].withUnsafeBufferPointer { queue.enqueue($0, playingOn: bridge) } == 1)
        for _ in 0..<20 {
            queue.topUp(bridge)
            worker.tick()
        }
        #expect(worker.played.elementsEqual(speech[..<2848].map { G711.sample(muLaw: $0) }))
        #expect(queue.takeDueMark(sentPosition: bridge.sentPosition) == "end")
    }
}

@Suite struct FrameBufferTests {
    @Test(arguments: [1, 2, 3] as [UInt64])
    func anyMixOfAppendsAndTakesKeepsTheOrder(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        let buffer = FrameBuffer(keeping: 1024)
        var model: [UInt8] = []
        for step in 0..<3000 {
            switch Int.random(in: 0..<5, using: &random) {
            case 0, 1:
                let bytes = (0..<Int.random(in: 0...400, using: &random)).map {
                    UInt8(truncatingIfNeeded: $0 + step)
                }
                bytes.withUnsafeBytes { buffer.append($0) }
                model += bytes
            case 2, 3:
                let count = Int.random(in: 0...model.count, using: &random)
                buffer.removeFirst(count)
                model.removeFirst(count)
            default:
                let count = Int.random(in: 0...min(3, model.count), using: &random)
                buffer.removeLast(count)
                model.removeLast(count)
            }
            #expect(Array(buffer.bytes) == model)
        }
        buffer.removeAll()
        #expect(buffer.capacity <= 1024)
    }
}
