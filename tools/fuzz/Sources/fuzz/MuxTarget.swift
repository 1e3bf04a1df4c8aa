// MuxFormat.swift and StreamFormat.swift beside this file are links into the room Streaming, which as a
// whole would bring NIO and TLS into the fuzzers.

extension FuzzTarget {
    /// Messages of the multiplexed stream (docs/STREAMING.md): every record lies inside the message,
    /// behind the one before, and the whole is accounted for.
    static let mux = FuzzTarget(name: "mux", maximumInput: 4096) { bytes in
        guard var reader = try? Mux.Reader(bytes, maximumRecords: 64) else {
            return expect(bytes.count < 4 || bytes[0] != Mux.version, "refused a good header")
        }
        var position = Mux.messageHeader
        var records = 0
        do throws(Mux.Fault) {
            while let record = try reader.next() {
                records += 1
                expect(records <= 64, "more records than the limit")
                expect(
                    record.payload.lowerBound == position + Mux.recordHeader
                        && record.payload.upperBound <= bytes.count, "a record out of place")
                let payload = reader.payload(of: record)
                expect(payload.count == record.payload.count, "payload view")
                position = record.payload.upperBound
            }
            expect(position == bytes.count, "an end before the end")
        } catch {
            switch error {
            case .truncated(let needed, let have):
                expect(have < needed && have == bytes.count - position, "truncated, but is not")
            case .version: expect(false, "the version was read already")
            case .tooManyRecords: expect(records == 64, "the limit before its time")
            }
        }
        // After the end and after an error nothing more comes.
        expect(((try? reader.next()) ?? nil) == nil, "a record behind the end")
    }
}
