import Base
import CallModel
import Testing

@testable import Detection

@Suite struct AnswerHintTests {
    @Test(arguments: [
        ("Hi, you've reached Dana. Leave a message!", AnswerVerdict.voicemail),
        ("Deje su mensaje después de la señal.", .voicemail),
        ("Merci de laisser un message après le bip", .voicemail),
        ("Bitte hinterlassen Sie eine Nachricht nach dem Ton.", .voicemail),
        ("No momento não posso atender. Deixe um recado.", .voicemail),
        ("For sales, press one. For support, press two.", .ivr),
        ("Para ventas, marque uno", .ivr), ("Für Service drücken Sie die zwei", .ivr),
        ("Pour le service, appuyez sur le deux", .ivr), ("Para vendas, digite um", .ivr),
        ("If you record your name and reason for calling, I'll see if this person", .screening),
        ("Diga su nombre y por qué llama", .screening),
        ("The mailbox is full and cannot accept any messages.", .unavailable),
        ("El número que usted marcó no existe", .unavailable),
        ("Le numéro demandé n'est pas attribué", .unavailable),
        ("Kein Anschluss unter dieser Nummer", .unavailable),
        ("Nobody's home. You know the drill.", .voicemail),
        ("Hier ist Anke. Schreib mir einfach.", .voicemail),
        ("Please listen carefully, as our options have changed.", .ivr),
        ("Hi, I'm Call Assist, recording this call for the person you called.", .screening),
        ("O telefone está desligado ou fora da área", .unavailable),
        ("A caixa postal está cheia", .unavailable),
        (
            "At the tone, please record your message. When finished, hang up, or press one for more options",
            .voicemail
        ),
        ("She is temporarily unavailable. Leave a message after the beep.", .voicemail),
        ("To leave a message for sales press 2", .ivr),
        ("Hello, this is Dana from the front desk, how can I help?", .human),
        ("¿Bueno?", .human), ("Allô ?", .human), ("Pois não?", .human), ("Ja, hallo?", .human),
    ])
    func phrasesTellWhoAnswered(transcript: String, verdict: AnswerVerdict) {
        #expect(AnswerHints.verdict(of: transcript) == verdict)
    }

    @Test func whatSaysNothingIsNoHint() {
        #expect(AnswerHints.verdict(of: "") == nil)
        #expect(AnswerHints.verdict(of: "…!?") == nil)
        #expect(AnswerHints.verdict(of: "Dana") == nil)
        // Words are found whole: "hi" is not in "this", "ja" not in "Jack".
        #expect(AnswerHints.verdict(of: "thistle Jack") == nil)
    }

    @Test func aTranscriptIsReadUpToItsLimit() {
        let filler = String(repeating: "x", count: AnswerHints.characterLimit)
        #expect(AnswerHints.verdict(of: filler + " leave a message") == nil)
        #expect(AnswerHints.verdict(of: "leave a message " + filler) == .voicemail)
    }

    @Test func aTranscriptOfAMachineEndsTheDoubtAtOnce() {
        var chain = DetectorChain()
        var out = Outbox<DetectionEvent>()
        chain.hint(AnswerHints.verdict(of: "press one"), out: &out)
        #expect(out.isEmpty, "before the answer nothing is judged")
        chain.answered()
        push(speech(600), &chain, &out)
        chain.hint(AnswerHints.verdict(of: "For sales, press one"), out: &out)
        let events = out.takeAll()
        #expect(events.finalVerdicts == [.ivr])
        guard case .verdict(_, true, _, let reason, _, let evidence)? = events.last else {
            Issue.record("no verdict")
            return
        }
        #expect(reason == "transcript" && evidence.hint == .ivr)
        // One final verdict an answer, whatever is understood later.
        chain.hint(AnswerHints.verdict(of: "leave a message"), out: &out)
        #expect(out.takeAll().finalVerdicts == [])
    }

    @Test func aTranscriptOfAPersonWaitsForThePause() {
        var chain = DetectorChain()
        var out = Outbox<DetectionEvent>()
        chain.answered()
        push(speech(1500), &chain, &out)
        chain.hint(AnswerHints.verdict(of: "Hello, this is Dana"), out: &out)
        #expect(out.takeAll().finalVerdicts == [])
        push([Int16](repeating: 0, count: 8 * 1200), &chain, &out)
        #expect(out.takeAll().finalVerdicts == [.human])
    }

    /// A recogniser understands what the voice network is too deaf for: nobody was silent.
    @Test func whomOnlyATranscriptHasHeardIsAPerson() throws {
        let silence = quiet(7000)
        func final(_ texts: [(ms: Int, text: String)], _ samples: [Int16]) throws -> Verdict {
            let transcripts = texts.map { FileDetection.Transcript(atMs: $0.ms, text: $0.text) }
            let found = try FileDetection.run(samples: samples, transcripts: transcripts).events
            #expect(found.finalVerdicts.count == 1)
            let last = try #require(found.last { if case .verdict = $0 { true } else { false } })
            guard case .verdict(let verdict, true, _, let reason, let at, _) = last else {
                throw CancellationError()
            }
            return Verdict(verdict, reason, at)
        }
        let hello = try final([(1500, "Hello?")], silence)
        #expect(hello == Verdict(.human, "transcript", 1500 + 1100))
        // His words go on; said again and again they put it off by so much at most.
        #expect(try final([(1500, "Hello?"), (2500, "Hello? Hello?")], silence).ms == 3600)
        let again = (0..<24).map { (1000 + 250 * $0, "Hello?") }
        #expect(try final(again, silence) == Verdict(.human, "transcript", 6000))
        // What begins so and goes on as machines do is one.
        let mailbox = [(1500, "Hello."), (2400, "Hello. Please leave a message.")]
        #expect(try final(mailbox, silence) == Verdict(.voicemail, "transcript", 2400))
        // Words that say nothing of who speaks are words that go on.
        let slow = [
            (1500, "Hello."), (2400, "Hello. You've reached Dana."),
            (3300, "Hello. You've reached Dana. Please leave a message."),
        ]
        #expect(try final(slow, silence) == Verdict(.voicemail, "transcript", 3300))
        // The audio ends: the same.
        #expect(try final([(1500, "Hello?")], quiet(2000)) == Verdict(.human, "transcript", 2000))
        // What says nothing of who speaks is no hint, and no evidence.
        #expect(try final([(1500, "Dana")], silence) == Verdict(.silence, "no_speech", 5000))
    }

    /// A beep behind what a transcript takes for a person is a mailbox's; a person may speak behind one.
    @Test func aBeepSaysMoreThanAWordThatNobodyHeard() throws {
        var scene = Scene()
        scene.silence(2000)
        scene.tone([1000], ms: 500)
        scene.silence(5000)
        let samples = scene.onTheLine()
        for (ms, verdict) in [(1500, AnswerVerdict.voicemail), (3000, .voicemail), (3800, .human)] {
            let hint = FileDetection.Transcript(atMs: ms, text: "Hello?")
            let found = try FileDetection.run(samples: samples, transcripts: [hint]).events
            #expect(found.finalVerdicts == [verdict], "\(ms)")
        }
    }

    private struct Verdict: Equatable {
        var verdict: AnswerVerdict
        var reason: String
        var ms: Int
        init(_ verdict: AnswerVerdict, _ reason: String, _ ms: Int) {
            (self.verdict, self.reason, self.ms) = (verdict, reason, ms)
        }
    }

    private func quiet(_ ms: Int) -> [Int16] {
        var scene = Scene()
        scene.silence(ms)
        return scene.onTheLine()
    }

    @Test func whoExpectsNoTranscriptAnyMoreWaitsNoLonger() {
        func pause(lostAt: Int?) -> Int? {
            var chain = DetectorChain()
            var out = Outbox<DetectionEvent>()
            chain.expectsTranscript = true
            chain.answered()
            push(speech(900), &chain, &out)
            for ms in stride(from: 0, to: 2000, by: 10) {
                if ms == lostAt { chain.expectsTranscript = false }
                push([Int16](repeating: 0, count: 80), &chain, &out)
                if out.takeAll().finalVerdicts == [.human] { return ms }
            }
            return nil
        }
        let whole = pause(lostAt: nil) ?? 0
        #expect(whole >= DetectionPolicy.balanced.toldPauseMs - 250)
        #expect((pause(lostAt: 300) ?? 2000) < whole)
    }

    /// "Good morning, Harbor Street Dental, Paula speaking, how may I help you?", in one breath.
    @Test func aTranscriptOfAPersonAllowsALongGreeting() throws {
        var scene = Scene(seed: 3)
        scene.silence(200)
        scene.babbling(ms: 4600)
        scene.silence(2000)
        let samples = scene.onTheLine()
        func final(_ texts: [String]) throws -> [AnswerVerdict] {
            let transcripts = texts.enumerated().map {
                FileDetection.Transcript(atMs: 1000 + 500 * $0.offset, text: $0.element)
            }
            return try FileDetection.run(samples: samples, transcripts: transcripts).events
                .finalVerdicts
        }
        #expect(try final([]) == [.voicemail])
        #expect(try final(["Good morning", "Good morning, Harbor Street Dental"]) == [.human])
        #expect(
            try final(["Good morning", "Good morning, you've reached Paula's voicemail"]) == [
                .voicemail
            ])
        // Neither what comes behind the audio nor an empty text changes anything.
        #expect(try final([""]) == [.voicemail])
        let late = [FileDetection.Transcript(atMs: 900_000, text: "press one")]
        #expect(
            try FileDetection.run(samples: samples, transcripts: late)
                == FileDetection.run(samples: samples))
    }

    private func speech(_ ms: Int) -> [Int16] {
        var scene = Scene(seed: 3)
        scene.silence(200)
        scene.babbling(ms: ms)
        return scene.onTheLine()
    }

    private func push(
        _ samples: [Int16], _ chain: inout DetectorChain, _ out: inout Outbox<DetectionEvent>
    ) {
        samples.withUnsafeBufferPointer { chain.push($0, out: &out) }
    }
}
