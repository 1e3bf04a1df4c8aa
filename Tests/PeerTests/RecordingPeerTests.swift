import Audio
import Foundation
import Testing

/// Recordings of a real server that is killed, or whose disk is full.
@Suite(.serialized) struct RecordingPeerTests {
    private static func body(_ phone: Telephone, _ name: String) -> String {
        let offer = [
            "v=0", "o=- 1 1 IN IP4 127.0.0.1", "s=-", "c=IN IP4 127.0.0.1", "t=0 0",
            "m=audio \(phone.port) RTP/AVP 0", "a=rtpmap:0 PCMU/8000", "",
        ].joined(separator: "\\r\\n")
        return
            #"{"offer":"\#(offer)","mode":"echo","options":{"detection":false,"record":"\#(name)"}}"#
    }

    @Test(.timeLimit(.minutes(10)))
    func aKilledServerLeavesRecordingsThatPlay() async throws {
        let directory = try Place.scratch("kill-record")
        let server = try await TrunklineServer(directory: directory)
        defer { server.child.end() }
        for round in 0..<4 {
            var phones: [(phone: Telephone, port: Int)] = []
            for name in ["\(round)-a.wav", "\(round)-b.opus"] {
                let phone = try Telephone(host: "127.0.0.1")
                let leg = try await server.json("POST", "/v1/legs", Self.body(phone, name))
                phones.append((phone, try #require(leg["port"].int)))
            }
            // Anywhere between two rounds of the recorder.
            for _ in 0..<Int.random(in: 40...75) {
                for (phone, port) in phones { try phone.say(to: "127.0.0.1", port) }
                try await Task.sleep(for: .milliseconds(20))
                for (phone, _) in phones { try phone.listen() }
            }
            try await server.child.kill9()
            let folder = server.dataDirectory
            let bytes = Array(
                try Data(contentsOf: URL(fileURLWithPath: "\(folder)/\(round)-a.wav")))
            // The header never says more than there is.
            let stated = bytes[40..<44].reversed().reduce(0) { $0 << 8 | Int($1) }
            #expect(stated > 0 && stated % 4 == 0 && stated <= bytes.count - 44)
            let file = try WAVFile(parsing: bytes)
            #expect(file.channels == 2 && file.sampleRate == 8000)
            #expect(file.channel(0).contains { $0 != 0 })
            let opus = "\(folder)/\(round)-b.opus"
            #expect(!FileManager.default.fileExists(atPath: opus + ".part"))
            if FileManager.default.isExecutableFile(atPath: "/usr/bin/opusinfo") {
                let info = try await runToEnd("/usr/bin/opusinfo", [opus])
                #expect(info.output.contains("Channels: 2"), "\(info.output)")
                // No end of stream was written; nothing else may be amiss.
                for word in ["CRC", "hole", "corrupt", "Invalid", "ERROR"] {
                    #expect(!info.output.contains(word), "\(info.output)")
                }
            }
            try await server.restart()
        }
    }

    /// A file system of 96 KiB that only the server sees.
    @Test(
        .enabled(if: Namespaces.areAvailable, "needs root and mount namespaces"),
        .timeLimit(.minutes(10)))
    func aFullDiskEndsTheRecordingAndNothingElse() async throws {
        let directory = try Place.scratch("full-disk")
        let small = directory + "/small"
        try FileManager.default.createDirectory(
            atPath: small, withIntermediateDirectories: true)
        let server = try await TrunklineServer(
            directory: directory, extra: "audio_directories: [\"\(small)\"]\n",
            prefix: [
                "/usr/bin/unshare", "--mount", "/bin/sh", "-c",
                "mount -t tmpfs -o size=96k tmpfs \(small) && exec \"$@\"", "sh",
            ])
        defer { server.child.end() }
        let phone = try Telephone(host: "127.0.0.1")
        let leg = try await server.json(
            "POST", "/v1/legs", Self.body(phone, small + "/call.wav"))
        let port = try #require(leg["port"].int)
        let id = try #require(leg["leg_id"].string)
        // 32 KB a second: full after three.
        var failed = false
        for index in 0..<400 where !failed {
            try phone.say(to: "127.0.0.1", port)
            try await Task.sleep(for: .milliseconds(20))
            try phone.listen()
            if index % 25 == 24 {
                let seen = try await server.json("GET", "/v1/legs/\(id)")
                failed = seen["events"].array.contains {
                    $0["event"].string == "recording_failed"
                        && $0["reason"].string?.hasPrefix("no space left") == true
                }
            }
        }
        #expect(failed)
        let before = phone.said.count
        for _ in 0..<25 {
            try phone.say(to: "127.0.0.1", port)
            try await Task.sleep(for: .milliseconds(20))
            try phone.listen()
        }
        try await eventually("the last echoes", within: 5) {
            try phone.listen()
            return phone.heard.count == before + 25
        }
        #expect(phone.heard.map(\.payload) == phone.said)
        #expect(
            try await server.metric(
                #"trunkline_media_recordings_failed_total{reason="disk_full"}"#) == 1)
        #expect(try await server.request("DELETE", "/v1/legs/\(id)").status == 204)
    }
}
