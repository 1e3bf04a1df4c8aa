import Base
import CallModel
import Campaigns
import Compliance

extension FuzzTarget {
    /// Contact lists.
    static let contacts = FuzzTarget(name: "contacts", maximumInput: 4096) { bytes in
        var generator = SeededGenerator(seed: 1)
        var limits = ContactCSV.Limits()
        limits.rows = 50
        limits.errors = 10
        let campaign = CampaignID("c")
        let list = ContactCSV.parse(
            Array(bytes), campaign: campaign, generator: &generator, limits: limits)
        expect(list.contacts.count <= limits.rows, "more contacts than the limit")
        expect(list.errors.count <= limits.errors + 1, "more errors than the limit")
        var generatorAgain = SeededGenerator(seed: 1)
        let again = ContactCSV.parse(
            Array(bytes), campaign: campaign, generator: &generatorAgain, limits: limits)
        expect(again.contacts.count == list.contacts.count, "the same file read otherwise")
    }

    /// Do-not-call files, whole and in pieces.
    static let dnc = FuzzTarget(name: "dnc", maximumInput: 512) { bytes in
        var whole = DoNotCallParser()
        whole.feed(bytes)
        whole.finish()
        var pieces = DoNotCallParser()
        let cut = bytes.isEmpty ? 0 : Int(bytes[0]) % (bytes.count + 1)
        pieces.feed(UnsafeRawBufferPointer(rebasing: bytes[0..<cut]))
        pieces.feed(UnsafeRawBufferPointer(rebasing: bytes[cut...]))
        pieces.finish()
        expect(
            whole.numberCount == pieces.numberCount && whole.errorCount == pieces.errorCount
                && whole.errors == pieces.errors && whole.set.count == pieces.set.count,
            "the place of the cut matters")
        expect(whole.errors.count <= DoNotCallParser.errorLimit, "errors kept")
        expect(whole.set.count <= whole.numberCount, "more members than lines")
    }

    /// Time zones: TZif (RFC 8536) and POSIX TZ rules.
    static let tzif = FuzzTarget(name: "tzif", maximumInput: 4096) { bytes in
        let zone =
            (try? ZoneRules(tzif: Array(bytes)))
            ?? (try? ZoneRules(posix: String(decoding: bytes, as: UTF8.self)))
        guard let zone else { return }
        for seconds: Int64 in [
            0, 1_700_000_000, -2_000_000_000, 4_102_444_800, 253_402_300_799, .max / 2000,
            .min / 2000, 1_772_953_200, 1_793_516_400,
        ] {
            let time = WallTime(seconds: seconds)
            let offset = zone.offset(at: time)
            // RFC 8536 3.2: −25 h … 26 h; a POSIX rule may say up to 24:59:59 and summer on top.
            expect(abs(offset) <= 26 * 3600, "an offset of \(offset) s")
            let local = zone.local(time)
            _ = zone.time(of: local)
        }
    }
}
