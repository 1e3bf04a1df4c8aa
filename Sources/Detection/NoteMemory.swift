internal import Audio

/// What sounded before a tone: music and singing are one steady note after the other, and a mailbox's beep
/// comes after a greeting or after nothing.
///
/// The last steady stretches that are over, and a leaky sum of speech. A vowel is a short steady stretch,
/// too, but not without the speech around it.
struct NoteMemory: Sendable {
    private struct Note {
        var hertz: Float = 0
        var hops: Int32 = 0
        /// The sample that it was over at.
        var end = -1_000_000
    }

    private static let remembered = 16
    /// Older notes are forgotten, samples; speech to 1/e in this time.
    private static let reach = 5 * 8000
    private static let keepSpeech: Float = 0.998
    private static let forgetting = -Elementary.log(Double(keepSpeech))
    /// A line shorter than this is no note, hops.
    private static let shortest: Int32 = 3
    /// So many hops of notes, and more than so much of the speech, are a tune, unless so many hops of
    /// speech are a greeting.
    private static let many: Int32 = 50
    private static let ofSpeech: Float = 0.8
    private static let greeting: Float = 120
    private static let samePitch: Float = 0.03

    private var notes = InlineArray<16, Note>(repeating: Note())
    private var cursor = 0
    private var speech: Float = 0
    private var stretch: Int32 = 0
    private var stretchHz: Float = 0

    mutating func push(hertz: Float, isTonal: Bool, voice: Float, hopEnd: Int) {
        speech = speech * Self.keepSpeech + (voice >= 0.5 ? 1 : 0)
        if isTonal {
            stretch &+= 1
            stretchHz = hertz
            return
        }
        if stretch >= Self.shortest {
            cursor = (cursor + 1) % Self.remembered
            notes[cursor] = Note(hertz: stretchHz, hops: stretch, end: hopEnd)
        }
        stretch = 0
    }

    /// What has sounded since this sample is no note: it is a network's, say.
    mutating func forget(since start: Int) {
        for index in 0..<Self.remembered where notes[index].end > start { notes[index] = Note() }
        stretch = 0
    }

    /// A tone that begins at this sample is one of many: others, of other pitches than `hertz`, were over
    /// before.
    func hasMany(before start: Int, besides hertz: Float = 0, hopEnd: Int) -> Bool {
        var hops: Int32 = 0
        for index in 0..<Self.remembered {
            let note = notes[index]
            guard (0...Self.reach).contains(start - note.end),
                (note.hertz - hertz).magnitude > Self.samePitch * hertz
            else { continue }
            hops &+= note.hops
        }
        // The speech there was when it began: a tone of seconds is not forgetting.
        let since = min(max(hopEnd - start, 0) / DetectorChain.hopCount, 700)
        let before = speech * Float(Elementary.exp(Double(since) * Self.forgetting))
        return hops >= Self.many && before < Self.greeting
            && Float(hops) >= Self.ofSpeech * before
    }
}
