import Base
import SIP

extension FuzzTarget {
    /// A byte stream with SIP in it: where it is cut does not matter, little is held, and what comes
    /// out is as long as it says.
    static let frames = FuzzTarget(name: "frames", maximumInput: 4096) { bytes in
        guard let cut = bytes.first else { return }
        let stream = Array(bytes.dropFirst())
        let whole = outputs([stream])
        let size = Int(cut % 61) + 1
        let pieces = stride(from: 0, to: stream.count, by: size).map {
            Array(stream[$0..<min($0 + size, stream.count)])
        }
        expect(outputs(pieces) == whole, "pieces of \(size) bytes give other messages")
        for case .message(let message) in whole {
            expect(message.count <= SIPLimits.messageBytes, "a message beyond the limit")
        }
    }

    private static func outputs(_ pieces: [[UInt8]]) -> [StreamFramer.Output] {
        var framer = StreamFramer()
        var out = Outbox<StreamFramer.Output>()
        for piece in pieces {
            framer.push(piece, out: &out)
            expect(framer.heldBytes <= SIPLimits.messageBytes, "more is held than a message")
        }
        return out.takeAll()
    }

    /// An answer of a name server, to a question of each type.
    static let dns = FuzzTarget(name: "dns", maximumInput: 1024) { bytes in
        for type in [DNSType.a, .aaaa, .srv, .naptr] {
            guard let question = DNSQuestion("sip.example", type) else { continue }
            // Header and question are given, so that the input is all records.
            var message = question.serialised(id: 7)
            message[2] = 0x81
            message[7] = bytes.first ?? 0
            message += bytes.dropFirst()
            guard let answer = try? DNSAnswer(parsing: message, to: question, id: 7) else {
                continue
            }
            expect(answer.records.count <= DNSAnswer.recordLimit, "more records than allowed")
            for record in answer.records {
                if case .address(let text) = record.content {
                    expect(addressBytes(text) != nil, "an address that is none")
                }
            }
        }
    }
}
