/// Why a recording came to nothing or ended early. The call it belongs to goes on.
enum RecordingFailure: Error, Equatable {
    /// A relative path that leaves the recording folder, or an empty one.
    case path
    case create(errno: Int32)
    /// Something has its name already.
    case exists
    case diskFull
    /// RLIMIT_FSIZE, or the file system's own largest file.
    case fileTooLarge
    /// The largest WAV there can be.
    case formatFull
    /// The file, or the folder it is in, was deleted under the recorder.
    case vanished
    case write(errno: Int32)
    case encoder(code: Int)
    /// The recorder has `RecordingWriter.limit` recordings already.
    case tooMany(limit: Int)
    case legEnded

    /// From a refused creation (asm-generic/errno-base.h).
    init(creating errno: Int32) { self = errno == 17 ? .exists : .create(errno: errno) }

    /// From a refused write (asm-generic/errno-base.h, errno.h).
    init(writing errno: Int32) {
        switch errno {
        case 28, 122: self = .diskFull
        case 27: self = .fileTooLarge
        default: self = .write(errno: errno)
        }
    }

    /// The label values of `trunkline_media_recordings_failed_total`.
    static let labels = [
        "path", "create", "disk_full", "file_too_large", "format_full", "vanished", "write",
        "encoder", "too_many", "leg_ended",
    ]

    var label: String { Self.labels[place] }

    /// Place of the label in `labels`.
    var place: Int {
        switch self {
        case .path: 0
        case .create, .exists: 1
        case .diskFull: 2
        case .fileTooLarge: 3
        case .formatFull: 4
        case .vanished: 5
        case .write: 6
        case .encoder: 7
        case .tooMany: 8
        case .legEnded: 9
        }
    }

    /// What an operator reads: the thing and, where there is one, the remedy.
    var text: String {
        switch self {
        case .path: "the path leaves the recording folder"
        case .create(let errno): "cannot create it: " + systemErrorText(errno)
        case .exists: "a file of this name exists already, and a recording replaces none"
        case .diskFull:
            "no space left on its file system: delete or move recordings, or give --data a larger "
                + "disk"
        case .fileTooLarge: "it has reached the file size limit: raise `ulimit -f`"
        case .formatFull: "it has reached the largest size of a WAV file"
        case .vanished: "its file was deleted, or the folder it was in"
        case .write(let errno): "cannot write it: " + systemErrorText(errno)
        case .encoder(let code): "libopus refused it with code \(code)"
        case .tooMany(let limit):
            "\(limit) recordings are open already: the disk is too slow for so many"
        case .legEnded: "the leg has ended"
        }
    }
}
