/// How soon it is said who answered: sooner is more often wrong (docs/DETECTION.md, "Who answered").
public enum AnswerPolicy: String, Hashable, Sendable, CaseIterable {
    case fast
    case balanced
    case careful
}
