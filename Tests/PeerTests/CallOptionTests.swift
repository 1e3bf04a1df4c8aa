import ArgumentParser
import CallModel
import Foundation
import Orchestrator
import Testing

@testable import trunkline

/// What the options of `trunkline call` ask of the platform.
@Suite struct CallOptionTests {
    private func request(_ options: String...) throws -> CallRequest {
        try Call.parse(["sip:a@127.0.0.1"] + options).request(PlatformConfiguration())
    }

    @Test func howSoonItIsSaidWhoAnsweredMayBeChosenForACall() throws {
        for policy in AnswerPolicy.allCases {
            #expect(
                try request("--answer-policy", policy.rawValue).answerPolicy == policy)
        }
        // As the configuration says.
        #expect(try request().answerPolicy == nil)
        let error = #expect(throws: PlatformConfiguration.Invalid.self) {
            try request("--answer-policy", "quick")
        }
        #expect(error?.description == "--answer-policy: quick is not fast, balanced or careful")
    }

    @Test func whatACallIsAskedForBesides() throws {
        let bare = try request()
        #expect(bare.to == "sip:a@127.0.0.1" && bare.isLocalTest && bare.detectAnswer)
        #expect(!bare.record && bare.ringTimeoutSeconds == 30 && bare.maximumSeconds == 600)
        let full = try request(
            "--no-detect", "--ring-timeout", "7", "--max-seconds", "8", "--record", "/tmp/a.wav",
            "--transcript-url", "ws://127.0.0.1:9/")
        #expect(!full.detectAnswer && full.record && full.recordingPath == "/tmp/a.wav")
        #expect(full.ringTimeoutSeconds == 7 && full.maximumSeconds == 8)
        #expect(full.transcriptURL == "ws://127.0.0.1:9/")
    }

    /// A word that is no policy ends the command before anything is dialled.
    @Test(.timeLimit(.minutes(10))) func anUnknownPolicyIsRefusedWithItsName() async throws {
        let call = try await runToEnd(
            Place.trunkline,
            ["call", "sip:a@127.0.0.1:9", "--answer-policy", "quick"], within: 20)
        #expect(call.code != 0)
        #expect(call.output.contains("--answer-policy: quick is not fast, balanced or careful"))
        let help = try await runToEnd(Place.trunkline, ["call", "--help"], within: 20)
        #expect(help.output.contains("--answer-policy"))
    }
}
