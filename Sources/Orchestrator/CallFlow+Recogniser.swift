public import Base
internal import MediaEngine
public import Streaming

/// A recogniser hears the far end from the answer until it is clear who that is, and says what it
/// understands: a second source for the verdict. Nothing depends on it.
extension CallFlow {
    mutating func startRecogniser(_ out: inout Outbox<Action>) {
        guard let url = plan.transcriptURL else { return }
        recogniserIsOpen = true
        out.push(.media(.expectTranscript(true)))
        out.push(.connectRecogniser(url: url))
    }

    mutating func stopRecogniser(_ out: inout Outbox<Action>) {
        guard recogniserIsOpen else { return }
        recogniserIsOpen = false
        out.push(.stopRecogniser)
        out.push(.media(.detach))
    }

    /// What comes from the recogniser of `plan.transcriptURL`. Without it the call goes on: who
    /// answered is then said by the sound alone.
    public mutating func recogniser(
        _ event: StreamEvent, _ now: Moment, out: inout Outbox<Action>
    ) {
        guard recogniserIsOpen else { return }
        switch event {
        case .connected, .mark, .cleared: break
        case .transcript(let text): out.push(.media(.transcript(text)))
        case .ended(let reason), .failed(let reason):
            recogniserIsOpen = false
            out.push(.media(.expectTranscript(false)))
            out.push(.media(.detach))
            emit(.streamEnded(reason: "recogniser: \(reason)"), now, &out)
        }
    }
}
