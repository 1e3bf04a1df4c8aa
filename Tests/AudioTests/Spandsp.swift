import Foundation

@testable import Audio

/// G.722 of libspandsp2 (Debian; LGPL), loaded while the tests run: nothing of ours links it.
final class Spandsp {
    private typealias Make =
        @convention(c) (UnsafeMutableRawPointer?, Int32, Int32) -> UnsafeMutableRawPointer?
    private typealias Free = @convention(c) (UnsafeMutableRawPointer?) -> Int32
    private typealias Encode =
        @convention(c) (
            UnsafeMutableRawPointer?, UnsafeMutablePointer<UInt8>, UnsafePointer<Int16>, Int32
        ) -> Int32
    private typealias Decode =
        @convention(c) (
            UnsafeMutableRawPointer?, UnsafeMutablePointer<Int16>, UnsafePointer<UInt8>, Int32
        ) -> Int32

    static let isInstalled = Spandsp() != nil

    private let library: UnsafeMutableRawPointer

    init?() {
        guard let library = dlopen("libspandsp.so.2", RTLD_NOW | RTLD_LOCAL) else { return nil }
        self.library = library
    }

    deinit { dlclose(library) }

    private func function<F>(_ name: String, _ type: F.Type) -> F? {
        // SAFETY: the types above are those of spandsp/g722.h, 0.0.6.
        dlsym(library, name).map { unsafeBitCast($0, to: type) }
    }

    func encoded(_ samples: [Int16]) -> [UInt8]? {
        guard let make = function("g722_encode_init", Make.self),
            let free = function("g722_encode_free", Free.self),
            let encode = function("g722_encode", Encode.self), let state = make(nil, 64_000, 0)
        else { return nil }
        defer { _ = free(state) }
        var octets = [UInt8](repeating: 0, count: samples.count / 2 + 1)
        let count = encode(state, &octets, samples, Int32(samples.count))
        return Array(octets[0..<Int(count)])
    }

    func decoded(_ octets: [UInt8], _ mode: G722.Mode) -> [Int16]? {
        guard let make = function("g722_decode_init", Make.self),
            let free = function("g722_decode_free", Free.self),
            let decode = function("g722_decode", Decode.self)
        else { return nil }
        let (rate, unused): (Int32, UInt8) =
            switch mode {
            case .bits64k: (64_000, 0)
            case .bits56k: (56_000, 1)
            case .bits48k: (48_000, 2)
            }
        guard let state = make(nil, rate, 0) else { return nil }
        defer { _ = free(state) }
        // It wants the code alone, without the auxiliary data bits.
        let codes = octets.map { $0 >> unused }
        var samples = [Int16](repeating: 0, count: 2 * codes.count)
        let count = decode(state, &samples, codes, Int32(codes.count))
        return Array(samples[0..<Int(count)])
    }
}
