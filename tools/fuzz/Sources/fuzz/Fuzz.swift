internal import Glibc

// libFuzzer ─▶ LLVMFuzzerTestOneInput ─▶ the target that FUZZ_TARGET names ─▶ a room's public door
//                                             │
//                                             └ invariants: `expect` aborts, as a trap does

/// One thing to fuzz: bytes in, nothing out. A trap, a sanitizer's report and a broken invariant are
/// findings.
struct FuzzTarget: Sendable {
    var name: String
    /// Longest input that is worth trying, bytes (`tools/fuzz/run` reads it by `--list`).
    var maximumInput: Int
    var run: @Sendable (UnsafeRawBufferPointer) -> Void

    static let all: [FuzzTarget] = [
        .rtp, .tap, .rtcp, .srtp, .dtls, .event, .demux, .pcap, .sdp, .sip, .agent, .uri, .frames,
        .dns, .wav,
        .opus, .g711, .g722, .noise, .contacts, .dnc, .tzif, .leg, .mux, .bot,
    ]

    static let chosen: FuzzTarget = {
        let name = getenv("FUZZ_TARGET").map { String(cString: $0) } ?? ""
        guard let target = all.first(where: { $0.name == name }) else {
            complain("FUZZ_TARGET names no target: " + all.map(\.name).joined(separator: " "))
            exit(2)
        }
        return target
    }()
}

/// Ends the run as a crash when `truth` is false: libFuzzer then keeps the input.
@inline(never)
func expect(_ truth: Bool, _ message: @autoclosure () -> String, line: Int = #line) {
    if !truth {
        complain("INVARIANT line \(line): " + message())
        abort()
    }
}

func complain(_ text: String) {
    let line = text + "\n"
    _ = line.withCString { write(2, $0, strlen($0)) }
}

@_cdecl("LLVMFuzzerInitialize")
public func fuzzInitialize(
    _ count: UnsafeMutablePointer<CInt>?,
    _ arguments: UnsafeMutablePointer<UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?>?
) -> CInt {
    if let list = arguments?.pointee, let total = count?.pointee, total > 1, let first = list[1],
        String(cString: first) == "--list"
    {
        for target in FuzzTarget.all { print(target.name, target.maximumInput) }
        exit(0)
    }
    _ = FuzzTarget.chosen
    return 0
}

@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzOneInput(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    // SAFETY: libFuzzer lends `count` bytes for the length of this call.
    FuzzTarget.chosen.run(UnsafeRawBufferPointer(start: start, count: count))
    return 0
}
